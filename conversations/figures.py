"""What the database knows, for `/metrics`: five cheap queries a scrape.

Every process of a site answers the same here: a dashboard takes the maximum, not the sum.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Count, Sum
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from billing.models import DailySpend, Reservation
from billing.models.ledger import ReservationState
from conversations import signs
from conversations.models import OPEN_STATUSES, Circuit, Generation

CLOSED, PROBED, OPEN = 0, 1, 2
CLOSED_BOOKS = timedelta(days=2)
"""After so many days of UTC nothing more is posted to a day, in any time zone."""

_books: tuple[date, dict[str, Decimal]] | None = None
"""The sum of all days before one, by model: a site has a million of them in the end."""


def read(workers: Mapping[str, bool]) -> list[Metric]:
    """Asks the database. `workers` are this process's own, and whether they are draining.

    Raises:
        OperationalError, InterfaceError: it is away.
    """
    return [known(True), *_open_work(), _spend(), _circuits(), _workers(workers)]


def known(database_answers: bool) -> Metric:
    """Whether the other figures could be had. They are absent otherwise, not zero."""
    says = "Whether the database answered this scrape; without it, its figures are missing."
    return GaugeMetricFamily("chatsite_database_up", says, value=int(database_answers))


def circuit_state(circuit: Circuit) -> int:
    """`PROBED` from the moment a probe may go until it says how it went."""
    if circuit.open_until is None:
        return CLOSED
    return OPEN if circuit.open_until > timezone.now() and not circuit.probe else PROBED


def _open_work() -> list[Metric]:
    generations = GaugeMetricFamily(
        "chatsite_generations_open", "Generations that have not ended.", labels=["status"]
    )
    rows = Generation.objects.filter(status__in=OPEN_STATUSES).order_by().values("status")
    counts = {row["status"]: row["number"] for row in rows.annotate(number=Count("pk"))}
    for status in OPEN_STATUSES:
        generations.add_metric([status.value], counts.get(status.value, 0))
    held = Reservation.objects.filter(state=ReservationState.OPEN).aggregate(
        number=Count("pk"), usd=Sum("amount")
    )
    number = "Reservations that are neither settled nor released."
    usd = "USD that are held by them."
    return [
        generations,
        GaugeMetricFamily("chatsite_reservations_open", number, value=held["number"]),
        GaugeMetricFamily("chatsite_reservations_open_usd", usd, value=float(held["usd"] or 0)),
    ]


def _spend() -> Metric:
    global _books
    closed = timezone.now().date() - CLOSED_BOOKS
    if _books is None or _books[0] != closed:
        _books = closed, _by_model(day__lt=closed)
    total = Counter(_books[1])
    total.update(_by_model(day__gte=closed))
    metric = GaugeMetricFamily(
        "chatsite_ledger_spend_usd", "USD in the ledger, less reversals.", labels=["model"]
    )
    for model, amount in total.items():
        metric.add_metric([model], float(amount))
    return metric


def _by_model(**days: date) -> dict[str, Decimal]:
    rows = DailySpend.objects.filter(**days).order_by().values("model")
    return {row["model"]: row["usd"] for row in rows.annotate(usd=Sum("amount"))}


def _circuits() -> Metric:
    metric = GaugeMetricFamily(
        "chatsite_circuit_state",
        "The circuit breaker of a model: 0 closed, 1 may be probed or is, 2 open.",
        labels=["endpoint", "model"],
    )
    for circuit in Circuit.objects.all():
        metric.add_metric([circuit.endpoint, circuit.model], circuit_state(circuit))
    return metric


def _workers(own: Mapping[str, bool]) -> Metric:
    metric = GaugeMetricFamily(
        "chatsite_workers", "Processes that run generations and are alive.", labels=["state"]
    )
    states = Counter((signs.fresh() | dict(own)).values())
    metric.add_metric(["working"], states[False])
    metric.add_metric(["draining"], states[True])
    return metric
