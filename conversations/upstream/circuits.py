"""The circuits of all models, shared by all processes through the database.

`breaker.py` says what becomes of a circuit; here it is read and written back where nobody else
has written meanwhile. Everything here asks the database.
"""

import logging
from collections.abc import Callable, Collection

from django.conf import settings
from django.utils import timezone

from conversations.models import Circuit
from conversations.upstream import breaker
from conversations.upstream.breaker import CLOSED, Permit, Rules, State, Verdict

logger = logging.getLogger(__name__)

Key = tuple[str, str]
"""Endpoint and model."""


def rules() -> Rules:
    """As the settings say. A probe is given up like an answer whose process is gone."""
    return Rules(settings.BREAKER_FAILURES, settings.BREAKER_SECONDS, settings.LEASE_SECONDS)


def states() -> dict[Key, State]:
    """Every circuit that is known; a model that has never failed has none."""
    rows = Circuit.objects.values_list("endpoint", "model", *State._fields)
    return {(endpoint, model): State(*rest) for endpoint, model, *rest in rows}


def waits(endpoint: str, models: Collection[str]) -> dict[str, float]:
    """Those of the models that must not be asked now → seconds until they may."""
    now = timezone.now()
    rows = Circuit.objects.filter(endpoint=endpoint, model__in=models, open_until__isnull=False)
    found = {row.model: breaker.wait(_state(row), now) for row in rows}
    return {model: seconds for model, seconds in found.items() if seconds > 0}


def admit(endpoint: str, model: str, token: str) -> tuple[State, Permit | None]:
    """The circuit as it is then, and the permit to ask; None: it is open."""
    permit: Permit | None = None

    def ask(state: State) -> State:
        nonlocal permit
        after, permit = breaker.admit(state, timezone.now(), token, rules())
        return after

    return _change(endpoint, model, ask), permit


def report(endpoint: str, model: str, permit: Permit, verdict: Verdict) -> State:
    """Tells how a call ended; the circuit as it is then."""
    return _change(
        endpoint,
        model,
        lambda state: breaker.report(state, permit, verdict, timezone.now(), rules()),
    )


def prolong(endpoint: str, model: str, token: str) -> State:
    """A probe is still under way; the circuit as it is then."""
    return _change(
        endpoint, model, lambda state: breaker.prolong(state, token, timezone.now(), rules())
    )


def reset(endpoint: str, model: str) -> None:
    """Closes a circuit by hand: the model is asked again at once. Other processes learn it
    with their next beat."""
    _change(endpoint, model, breaker.reset)


def _change(endpoint: str, model: str, transition: Callable[[State], State]) -> State:
    """Applies a pure transition to a circuit; again when another process was faster."""
    while True:
        row = Circuit.objects.filter(endpoint=endpoint, model=model).first()
        before = _state(row) if row else CLOSED
        after = transition(before)
        if after == before:
            return before
        if row is None:
            row, _ = Circuit.objects.get_or_create(endpoint=endpoint, model=model)
            if _state(row) != before:
                continue
        as_read = Circuit.objects.filter(pk=row.pk, version=row.version)
        values = {"version": row.version + 1, "changed": timezone.now(), **after._asdict()}
        if as_read.update(**values) == 1:
            _tell(endpoint, model, before, after)
            return after


def _state(row: Circuit) -> State:
    return State(*(getattr(row, name) for name in State._fields))


def _tell(endpoint: str, model: str, before: State, after: State) -> None:
    """Says in the log what an operator wants to know."""
    if after.trips > before.trips:
        until = after.open_until
        logger.warning("%s of %s is left alone until %s: calls fail", endpoint, model, until)
    elif before.open_until and not after.open_until:
        logger.warning("%s of %s is asked again", endpoint, model)
