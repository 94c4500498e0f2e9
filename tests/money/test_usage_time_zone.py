"""/usage/: the time zone in which a person's days begin."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from billing.models import (
    Account,
)
from tests.money.pages import PAGES
from tests.money.usagepages import *  # noqa: F403
from tests.money.usagepages import words

pytestmark = PAGES


def test_the_time_zone_is_changed_and_noted_in_the_history(
    client: Client, account: Account
) -> None:
    response = client.post("/usage/time-zone/", {"time_zone": "Europe/Berlin"}, follow=True)
    assert "Your days now begin in Europe/Berlin." in words(response)
    account.refresh_from_db()
    assert account.time_zone == "Europe/Berlin"
    assert "UTC to Europe/Berlin" in LogEntry.objects.get().change_message


def test_the_time_zone_is_changed_once_in_thirty_days(client: Client, account: Account) -> None:
    client.post("/usage/time-zone/", {"time_zone": "Pacific/Kiritimati"})
    again = client.post("/usage/time-zone/", {"time_zone": "Pacific/Pago_Pago"})
    assert again.status_code == 400
    assert "It was changed a short while ago." in again.content.decode()
    account.refresh_from_db()
    assert account.time_zone == "Pacific/Kiritimati"
    assert "You can change it again from" in words(client.get("/usage/"))
    LogEntry.objects.update(action_time=timezone.now() - timedelta(days=30, minutes=1))
    client.post("/usage/time-zone/", {"time_zone": "Pacific/Pago_Pago"})
    account.refresh_from_db()
    assert account.time_zone == "Pacific/Pago_Pago"


@pytest.mark.parametrize("zone", ["", "Europe/Nowhere", "../../etc/passwd", "Berlin"])
def test_a_time_zone_that_there_is_not_is_refused(
    client: Client, account: Account, zone: str
) -> None:
    response = client.post("/usage/time-zone/", {"time_zone": zone})
    assert response.status_code == 400
    account.refresh_from_db()
    assert account.time_zone == "UTC"
