"""Fetches the newest price list: `manage.py syncprices`."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from typing import Any, NamedTuple

import httpx2  # what genai-prices itself fetches with
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from genai_prices.update_prices import DEFAULT_UPDATE_URL

from billing import pricing
from billing.models import PriceTable
from billing.pricelist import PriceList, parse

LEAST_KEPT = 0.9
"""A list without more of the known models is taken for a broken one."""
MOST_CHANGE = 10
"""Times as much or as little is taken for a slip of the decimal point."""
TIERS = ("default", "flex", "priority", "batch")


class Change(NamedTuple):
    """A price that differs, in USD per 1,000,000 tokens or per call."""

    what: str
    before: Decimal
    after: Decimal

    @property
    def is_suspicious(self) -> bool:
        low, high = sorted((self.before, self.after))
        return high > MOST_CHANGE * low

    def __str__(self) -> str:
        return f"{self.what}: {pricing.money(self.before)} → {pricing.money(self.after)}"


class Command(BaseCommand):
    """Keeps the list in the database; running processes use it some seconds later."""

    help = "Fetch the newest price list of genai-prices; refuse one that looks broken."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default=DEFAULT_UPDATE_URL, help="default: %(default)s")
        parser.add_argument(
            "--accept-shrink", action="store_true", help="also a list that lacks many known models"
        )
        parser.add_argument(
            "--accept-changes", action="store_true", help="also prices that changed a lot"
        )

    def handle(self, *args: Any, url: str, **options: Any) -> None:
        text = fetch(url)
        try:
            new = parse(text)
        except ValueError as error:
            said = str(error).splitlines()[0]
            raise CommandError(f"{url} is no price list: {said}. {KEPT}") from error
        pricing.forget()
        old, now = pricing.list_in_use(), timezone.now()
        changes = list(changes_between(old, new, now))
        self._report(old.priced(now), new.priced(now), changes)
        if (why := shrinkage(old, new, now)) and not options["accept_shrink"]:
            raise CommandError(f"{why} {KEPT} If that is right: --accept-shrink.")
        slips = [str(change) for change in changes if change.is_suspicious]
        if slips and not options["accept_changes"]:
            raise CommandError(
                f"More than {MOST_CHANGE} times as much or as little:\n  "
                + "\n  ".join(slips)
                + f"\n{KEPT} If that is right: --accept-changes."
            )
        PriceTable.objects.update_or_create(
            pk=1,
            defaults={
                "table": text,
                "package_version": version("genai-prices"),
                "fetched": now,
            },
        )
        pricing.forget()
        self.stdout.write("In use now. Prices under /admin/billing/price/ win over it.")

    def _report(self, before: set[str], after: set[str], changes: list[Change]) -> None:
        self.stdout.write(
            f"{len(after)} models of OpenAI's have a price; "
            f"{len(changes)} of the prices known so far changed."
        )
        for sign, models in (("-", before - after), ("+", after - before)):
            self.stdout.writelines(f"{sign} {model}\n" for model in sorted(models))
        self.stdout.writelines(f"{change}\n" for change in changes)


KEPT = "The prices in use stay as they are."


def fetch(url: str) -> str:
    """The text at an address.

    Raises:
        CommandError: it can't be had.
    """
    try:
        answer = httpx2.get(url, timeout=httpx2.Timeout(30, connect=10), follow_redirects=True)
        answer.raise_for_status()
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise CommandError(f"Can't fetch {url}: {error}. {KEPT}") from error
    return answer.text


def shrinkage(old: PriceList, new: PriceList, at: datetime) -> str:
    """Of which models too many are missing, in words; empty if the new list looks whole."""
    for whose, known, kept in (
        ("listed models", len(old.models), len(old.models & new.models)),
        (
            "models of OpenAI's that have a price",
            len(old.priced(at)),
            len(old.priced(at) & new.priced(at)),
        ),
    ):
        if kept < LEAST_KEPT * known:
            return f"Of {known} {whose}, the new list has {kept}."
    return ""


def changes_between(old: PriceList, new: PriceList, at: datetime) -> Iterator[Change]:
    """Prices that both lists have and that differ."""
    for model in sorted(old.priced(at) & new.priced(at)):
        before, after = figures(old, model, at), figures(new, model, at)
        for what in before:
            if what in after and before[what] != after[what]:
                yield Change(f"{model} {what}", before[what], after[what])


def figures(prices: PriceList, model: str, at: datetime) -> dict[str, Decimal]:
    """Every price of a model by what it is for."""
    found = {}
    for tier in TIERS:
        quote = prices.quote(model, at, tier)
        for rates in quote.rates if quote else ():
            size = f" from {rates.min_input_tokens} tokens" if rates.min_input_tokens else ""
            for part in ("input", "cached_input", "cache_write", "output"):
                found[f"{tier} {part}{size}"] = getattr(rates, part)
        for tool, price in (quote.tool_calls if quote else {}).items():
            found[f"{tier} {tool}"] = price
    return found
