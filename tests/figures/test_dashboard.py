"""docs/grafana.json asks for what the site tells, and for all of it."""

import json
import re
from itertools import combinations
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.figures.scraping import asked
from tests.site import ROOT, SiteProcess

DASHBOARD: dict[str, Any] = json.loads((ROOT / "docs" / "grafana.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
OF_PROMETHEUS = {"le", "job", "instance"}
"""Labels that no metric of ours has to have."""


@pytest.fixture(scope="module")
def families(shared_site: SiteProcess) -> list[Metric]:
    """What a real scrape tells of, counted already or not."""
    staff = shared_site.person(staff=True)
    text = asked(f"{shared_site.url}/metrics", Cookie=staff.cookie).text
    return list(text_string_to_metric_families(text))


def names(metric: Metric) -> set[str]:
    """Under which names its samples can be asked for."""
    base = metric.name.removesuffix("_total")
    return {base + ending for ending in ENDINGS.get(metric.type, ("",))}


def asked_for() -> set[str]:
    """The metrics in all queries; each stands before its labels."""
    variables = [variable.get("definition", "") for variable in DASHBOARD["templating"]["list"]]
    return {
        name
        for query in [*QUERIES, *variables]
        for name in re.findall(r"([a-zA-Z_:]\w*)(?=\{)|(?<=label_values\()(\w+)", query)
        for name in name
        if name
    }


def test_every_metric_that_is_asked_for_is_told(families: list[Metric]) -> None:
    told = set().union(*(names(metric) for metric in families))
    assert asked_for() - told == set()
    assert len(asked_for()) > 20


def test_every_metric_of_ours_is_shown(families: list[Metric]) -> None:
    ours = [metric for metric in families if metric.name.startswith("chatsite_")]
    assert len(ours) >= 20
    assert [metric.name for metric in ours if not names(metric) & asked_for()] == []


def test_sums_are_by_labels_that_the_metrics_have(families: list[Metric]) -> None:
    known = {label for metric in families for sample in metric.samples for label in sample.labels}
    known |= {"endpoint", "model", "outcome", "code", "result", "status"}  # not counted here yet
    for query in QUERIES:
        for labels in re.findall(r"by \(([^)]*)\)", query):
            assert set(labels.split(", ")) <= known | OF_PROMETHEUS, query


def test_what_the_database_tells_is_never_added_up_over_processes() -> None:
    """Every process tells the same, so the maximum is the figure."""
    of_database = {"generations_open", "reservations_open", "ledger_spend_usd", "workers"}
    for query in QUERIES:
        for name in of_database:
            if f"chatsite_{name}" in query:
                assert re.search(rf"max( by \([\w, ]+\) )?\((delta\()?chatsite_{name}", query), (
                    query
                )


def test_every_panel_can_be_imported_anywhere_and_stands_in_its_place() -> None:
    assert DASHBOARD["schemaVersion"] >= 39
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == ["People", "Answers", "Upstream", "Money", "Machine"]
    for panel in PANELS:
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {source["uid"] for source in sources} == {"${datasource}"}
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
    for one, other in combinations([panel["gridPos"] for panel in DASHBOARD["panels"]], 2):
        assert apart(one, other), (one, other)


def apart(one: dict[str, int], other: dict[str, int]) -> bool:
    """Whether two panels do not cover each other."""
    return (
        one["x"] + one["w"] <= other["x"]
        or other["x"] + other["w"] <= one["x"]
        or one["y"] + one["h"] <= other["y"]
        or other["y"] + other["h"] <= one["y"]
    )


@pytest.mark.parametrize("query", QUERIES)
def test_brackets_of_a_query_match(query: str) -> None:
    """No Prometheus is here to read it; this is the mistake that is made by hand."""
    waiting = []
    pairs = {")": "(", "]": "[", "}": "{"}
    for character in re.sub(r'"[^"]*"', "", query):
        if character in "([{":
            waiting.append(character)
        elif character in pairs:
            assert waiting, query
            assert waiting.pop() == pairs[character]
    assert waiting == []
