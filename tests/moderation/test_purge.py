"""Old flags are deleted, with what they withdrew."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from conversations.models import Generation, ModerationFlag
from tests.moderation.flags import flag_of
from tests.money.people import user

pytestmark = pytest.mark.django_db


def test_old_flags_are_purged_and_counted(settings: Any) -> None:
    person = user()
    old, new = flag_of(person), flag_of(person)
    ages = {old: 91, new: 89}
    for flag, days in ages.items():
        created = timezone.now() - timedelta(days=days)
        ModerationFlag.objects.filter(pk=flag.pk).update(created=created)
    assert purged() == "1 flag older than 90 days deleted."
    assert list(ModerationFlag.objects.all()) == [new]
    assert Generation.objects.filter(pk=old.generation_id).exists()
    assert purged() == "0 flags older than 90 days deleted."
    settings.MODERATION_KEEP_DAYS = 30
    assert purged() == "1 flag older than 30 days deleted."
    flag_of(person)
    assert purged("--days", "0") == "1 flag older than 0 days deleted."


@pytest.mark.parametrize("days", ["-1", "soon", "99999999"])
def test_a_purge_of_no_number_of_days_is_refused(days: str) -> None:
    flag_of(user())
    with pytest.raises(CommandError, match="--days"):
        call_command("purgeflags", f"--days={days}")
    assert ModerationFlag.objects.count() == 1


def purged(*arguments: str) -> str:
    out = io.StringIO()
    call_command("purgeflags", *arguments, stdout=out)
    return out.getvalue().strip()
