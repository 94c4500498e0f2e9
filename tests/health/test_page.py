"""The page "Upstream health": who may see it, what it says, and the reset of a circuit."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from conversations.admin.healthwords import circuit_words, ms, share
from conversations.models import Circuit
from tests.health.calls import NOON, call, calls, open_circuit, save
from tests.money.adminpages import page, text
from tests.money.people import user

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:No directory at:UserWarning"),  # nothing is collected
]
PAGE = "/admin/conversations/circuit/"


@pytest.fixture(autouse=True)
def at_noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def client_of(person: Any, **options: bool) -> Client:
    client = Client(**options)  # type: ignore[arg-type]
    client.force_login(person)
    return client


def reset_of(circuit: Circuit) -> str:
    return reverse("admin:conversations_circuit_reset", args=[circuit.pk])


def test_operators_see_it_and_can_not_reset() -> None:
    client, circuit = client_of(user("Operators")), open_circuit()
    assert "Reset" not in page(client, PAGE)
    assert reverse("admin:conversations_circuit_changelist") in page(client, "/admin/")
    for answer in (client.get(reset_of(circuit)), client.post(reset_of(circuit))):
        assert answer.status_code == 403
    circuit.refresh_from_db()
    assert circuit.open_until is not None


def test_who_lacks_a_permission_is_refused_and_who_is_nobody_signs_in() -> None:
    circuit = open_circuit()
    for codename in (None, "view_circuit", "view_upstreamcall", "change_circuit"):
        person = user(is_staff=True)
        person.user_permissions.set(Permission.objects.filter(codename=codename))
        client = client_of(person)
        assert client.get(PAGE).status_code == 403
        assert client.post(reset_of(circuit)).status_code == 403
        assert PAGE not in page(client, "/admin/")
    for answer in (Client().get(PAGE), Client().post(reset_of(circuit))):
        assert answer.status_code == 302
        assert "login" in answer["Location"]
    circuit.refresh_from_db()
    assert circuit.open_until is not None


def test_an_admin_resets_after_a_question_and_it_is_logged() -> None:
    person, circuit = user("Admins"), open_circuit(failures=10)
    client = client_of(person)
    assert reset_of(circuit) in page(client, PAGE)
    assert "model-a (responses) is open until 12:00:10" in text(page(client, reset_of(circuit)))
    circuit.refresh_from_db()
    assert circuit.open_until is not None  # to be asked changes nothing
    answer = client.post(reset_of(circuit), follow=True)
    assert "The circuit breaker of model-a is closed" in text(answer.content.decode())
    assert "Reset…" not in answer.content.decode()
    after = Circuit.objects.values("open_until", "trips", "failures").get()
    assert after == {"open_until": None, "trips": 0, "failures": 0}
    entry = LogEntry.objects.get(user=person)
    assert "Reset; it was open until 12:00:10" in entry.get_change_message()
    assert entry.get_edited_object() == circuit


def test_a_reset_from_elsewhere_is_refused() -> None:
    circuit = open_circuit()
    client = client_of(user("Admins"), enforce_csrf_checks=True)
    assert client.post(reset_of(circuit)).status_code == 403
    circuit.refresh_from_db()
    assert circuit.open_until is not None


def test_without_calls_it_says_so() -> None:
    calls(ok=5, ended=NOON - timedelta(hours=2))
    client = client_of(user("Operators"))
    assert "No model was asked in this time" in text(page(client, PAGE))
    assert "No model was asked" not in text(page(client, PAGE + "?span=day"))
    assert "No call failed in this time" in text(page(client, PAGE + "?span=day"))
    assert "No model was asked" in text(page(client, PAGE + "?span=nonsense"))


def test_figures_and_errors_are_in_words() -> None:
    before = NOON - timedelta(minutes=1)
    calls(ok=3, failed=1, stopped=2, ended=before, first_ms=840, total_ms=2400)
    odd = {"code": "<b>odd", "status": 503, "request_id": "req_123"}
    save([call("upstream_failed", before, model="model-b", **odd)])
    html = page(client_of(user("Operators")), PAGE)
    words = text(html)
    assert "model-a responses Closed 6 2 stopped 75 % 840 ms / 840 ms 2.4 s / 2.4 s" in words
    assert "1 × upstream_unavailable" in words
    assert "model-b responses Closed 1 0 % — —" in words
    assert "21 Nov 11:59:00 model-b upstream_failed &lt;b&gt;odd 503 req_123" in words
    assert "<b>odd" not in html


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"open_until": None}, "closed"),
        ({"open_until": None, "failures": 2}, "closed, 2 failed in a row"),
        ({}, "open until 12:00:10, next probe in 10 s"),
        ({"open_until": NOON}, "open, the next question is the probe"),
        ({"probe": "x", "probe_until": NOON + timedelta(seconds=1)}, "open, a probe is under way"),
        (
            {"open_until": NOON, "probe": "x", "probe_until": NOON},
            "open, the next question is the probe",
        ),
    ],
)
def test_a_circuit_in_words(columns: dict[str, Any], words: str) -> None:
    assert circuit_words(open_circuit(**columns), NOON) == words


def test_amounts_in_words() -> None:
    assert circuit_words(None, NOON) == "closed"
    shares = {1.0: "100 %", 0.9999: "99.9 %", 0.5: "50 %", 0.005: "0.5 %", 0.0: "0 %", None: "—"}
    assert {of: share(of) for of in shares} == shares
    times = {
        None: "—",
        0: "0 ms",
        999: "999 ms",
        1000: "1.0 s",
        59_949: "59.9 s",
        61_000: "1 min 1 s",
    }
    assert {of: ms(of) for of in times} == times
