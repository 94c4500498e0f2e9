"""What the database refuses, and who may write what."""

import re
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from conversations.models import EventFrame, Generation, Status
from tests.site import ROOT
from tests.unit.generations import claimed

pytestmark = pytest.mark.django_db


def test_the_database_refuses_what_makes_no_sense() -> None:
    generation = claimed()
    EventFrame.objects.create(generation=generation, first_seq=1, last_seq=2, body="{}")
    bad_rows: list[dict[str, Any]] = [
        {"first_seq": 1, "last_seq": 1},
        {"first_seq": 0, "last_seq": 0},
        {"first_seq": 5, "last_seq": 4},
    ]
    for seqs in bad_rows:
        with pytest.raises(IntegrityError), transaction.atomic():
            EventFrame.objects.create(generation=generation, body="{}", **seqs)
    bad_states: list[dict[str, Any]] = [
        {"status": "no such"},
        {"status": Status.COMPLETED},
        {"ended": timezone.now()},
        {"cost": -1},
    ]
    for change in bad_states:
        with pytest.raises(IntegrityError), transaction.atomic():
            Generation.objects.filter(pk=generation.pk).update(**change)


def test_only_the_recorder_writes_frames_and_only_broadcast_announces() -> None:
    """House rule: one writer per fact. The tail repeats what an announcement lost."""
    writes = re.compile(r"EventFrame\b.*(create|save|update|delete)\(|EventFrame\($")
    announces = re.compile(r"group_send\(|\.deliver\(|\.notify\(")
    for path in (ROOT / "conversations").rglob("*.py"):
        text = path.read_text()
        if path.name not in ("recorder.py", "models.py") and "migrations" not in path.parts:
            assert not writes.search(text), path
        if path.name not in ("broadcast.py", "hub.py", "tail.py"):
            assert not announces.search(text), path


def test_sqlite_writes_ahead_and_takes_the_lock_first() -> None:
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.transaction_mode == "IMMEDIATE"  # type: ignore[attr-defined]
