"""The spend dashboard: figures that link to their rows, filters, words for nonsense."""

import re
from datetime import timedelta
from decimal import Decimal

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.models import Team
from tests.money.adminpages import links_of, listed, page
from tests.money.pages import PAGES
from tests.money.people import account, spend

pytestmark = PAGES


def test_each_figure_of_the_dashboard_links_to_its_ledger_rows(root: Client) -> None:
    payer, now = account(), timezone.now()
    plain = spend(payer, "1")
    cached = spend(payer, "2", input_tokens=10, cached_tokens=5, saved=Decimal("0.5"))
    failed = spend(payer, "3", status="failed")
    estimated = spend(payer, "4", estimated=True)
    old = spend(payer, "9", posted=now - timedelta(days=400))
    html = page(root, reverse("admin:billing_spend"))
    everything = {plain.pk, cached.pk, failed.pk, estimated.pk}
    links = links_of(html)
    assert listed(root, links["Today"]) == everything
    assert listed(root, links["This month"]) == everything
    assert listed(root, links["Spent"]) == everything
    assert listed(root, links["Saved by cached input"]) == {cached.pk}
    assert listed(root, links["Failed"]) == {failed.pk}
    assert listed(root, links["Estimated"]) == {estimated.pk}
    assert old.pk not in everything
    assert "$10.00" in html
    assert "$19.00" not in html


def test_cells_of_the_table_link_to_their_day_and_model(root: Client) -> None:
    payer = account()
    one, other = spend(payer, "1", "model-a"), spend(payer, "2", "model-b")
    html = page(root, reverse("admin:billing_spend"))
    cells = re.findall(r'data-value="([\d.]+)">\s*<a href="(.*?)"', html)
    addresses = {value: href.replace("&amp;", "&") for value, href in cells if value != "0"}
    assert listed(root, addresses["1"]) == {one.pk}
    assert listed(root, addresses["2"]) == {other.pk}


def test_models_beyond_the_colours_share_one_column(root: Client) -> None:
    payer = account()
    for n in range(1, 10):
        spend(payer, str(n), f"model-{n}")
    html = page(root, reverse("admin:billing_spend"))
    columns = re.findall(r"data-series>(.*?)<", html)
    assert columns == [f"model-{n}" for n in (9, 8, 7, 6, 5, 4)] + ["other models"]
    address = re.findall(r'data-value="6">\s*<a href="(.*?)"', html)[-1].replace("&amp;", "&")
    assert len(listed(root, address)) == 3


def test_filters_of_the_dashboard_leave_out_the_rest(root: Client) -> None:
    team = Team.objects.create(name="Readers")
    one, two = account(team=team), account()
    spend(one, "1.25", "model-a")
    spend(two, "2.50", "model-b")
    address = reverse("admin:billing_spend")
    for query, found in [
        (f"account={one.pk}", "$1.25"),
        (f"account={two.user.email}", "$2.50"),  # type: ignore[union-attr]
        (f"team={team.pk}", "$1.25"),
        ("model=model-b", "$2.50"),
        ("period=today", "$3.75"),
        ("period=last", "$0"),
        ("from_day=2020-01-01&to_day=2020-01-02&period=7", "$0"),
    ]:
        html = page(root, f"{address}?{query}")
        spent = re.search(r'Spent</dt>\s*<dd>\s*<a class="tile-value"[^>]*>(.*?)</a>', html)
        assert spent
        assert spent[1] == found, query


def test_a_filter_that_makes_no_sense_is_refused_in_words(root: Client) -> None:
    address = reverse("admin:billing_spend")
    assert "No account has this email" in page(root, f"{address}?account=nobody@example.com")
    assert "before it begins" in page(root, f"{address}?from_day=2026-02-02&to_day=2026-02-01")
    for query in ("period=x", "team=abc", "from_day=soon", "account=99999999999999999999999"):
        assert "errorlist" in page(root, f"{address}?{query}")


def test_the_index_leads_to_the_dashboard(root: Client) -> None:
    assert reverse("admin:billing_spend") in page(root, "/admin/")
