"""Reads what a process of the site tells machines: `/metrics`, `/readyz`."""

import http.client
import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

TOKEN = "scrape-me-if-you-can"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Answered:
    """An HTTP answer, whole."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.text = answer.read().decode()

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def asked(url: str, method: str = "GET", **headers: str) -> Answered:
    """One request on a connection of its own; redirects are not followed."""
    address = urlsplit(url)
    line = http.client.HTTPConnection(address.netloc, timeout=10)
    try:
        line.request(method, address.path, headers=headers)
        return Answered(line.getresponse())
    finally:
        line.close()


class Figures:
    """One scrape, parsed by the client library's own parser."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self.metrics = list(metrics)
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for metric in self.metrics
            for sample in metric.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        """The value of a sample; what was never counted is 0."""
        return self.samples.get((name, frozenset(labels.items())), 0.0)


def scrape(url: str) -> Figures:
    """The figures of a process, as Prometheus text."""
    answer = asked(f"{url}/metrics", **BEARER)
    assert answer.status == 200, answer.text
    return Figures(text_string_to_metric_families(answer.text))


def scrape_openmetrics(url: str) -> Figures:
    """The same as OpenMetrics, whose parser is strict."""
    answer = asked(f"{url}/metrics", Accept=OPENMETRICS, **BEARER)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    parse: Callable[[str], Iterable[Metric]] = openmetrics.text_string_to_metric_families
    return Figures(parse(answer.text))
