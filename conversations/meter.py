"""Tells people how their budgets stand: after each change, and when a limit comes near."""

import asyncio
import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import InterfaceError, OperationalError, connections
from django.db.models import Q
from django.utils import timezone

from billing import alerts
from billing.accounts import account_of
from billing.budgets import Standing, standings
from billing.models import Account
from conversations import protocol
from conversations.broadcast import Broadcast
from conversations.charges import budgets_wire, standing_wire
from conversations.database import DatabaseThread
from conversations.hub import Hub

logger = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
AGAIN_SECONDS = 0.1
"""How long what is told of one person rests, while more of theirs moves."""
CLOCKS_DIFFER = timedelta(seconds=5)


class Meter:
    """`budget.updated` and `budget.warning`, for all tabs of everybody concerned."""

    def __init__(
        self, hub: Hub, broadcast: Broadcast, writer: DatabaseThread, reader: DatabaseThread
    ) -> None:
        self._hub = hub
        self._broadcast = broadcast
        self._writer = writer
        self._reader = reader
        self._tasks: dict[Any, asyncio.Task[None]] = {}
        self._again: set[Any] = set()
        self._looked = timezone.now()
        self._seen: dict[int, datetime] = {}  # account → which change its people were told of
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._watching = asyncio.create_task(self._watch(), name="meter")

    async def stop(self) -> None:
        """Ends what is under way; a browser learns the rest with its next `hello`."""
        tasks = {*self._tasks.values(), *([self._watching] if self._watching else [])}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def moved(self, user_id: Any) -> None:
        """Money was held, spent or freed for a user: tells the tabs, and warns once.

        What moves while that is under way is told in one go afterwards.
        """
        if user_id in self._tasks:
            self._again.add(user_id)
        else:
            self._tasks[user_id] = asyncio.create_task(self._tell(user_id), name="budgets")

    async def _tell(self, user_id: Any) -> None:
        try:
            await self._move(user_id)
            while user_id in self._again:
                await asyncio.sleep(AGAIN_SECONDS)
                self._again.discard(user_id)
                await self._move(user_id)
        finally:
            del self._tasks[user_id]

    async def _move(self, user_id: Any) -> None:
        try:
            everybody, near = await self._reader.run(budgets_of_all, user_id)
            for one, budgets in everybody:
                text = protocol.encode("budget.updated", budgets=budgets)
                self._broadcast.user(one, text)
            if near:
                await self._warn(user_id)
        except (OperationalError, InterfaceError) as error:
            logger.warning("budgets can't be told, the database is away: %s", error)
        except Exception:
            logger.exception("budgets can't be told")

    async def _warn(self, user_id: Any) -> None:
        account, warnings = await self._writer.run(warnings_due, user_id)
        for warning in warnings:
            text = protocol.encode("budget.warning", **warning_wire(warning))
            for one in await self._reader.run(people, account):
                self._broadcast.user(one, text)
        if warnings:
            await asyncio.to_thread(send, account, warnings)

    async def _watch(self) -> None:
        """Looks for limits that were changed, by whatever process: no message tells of them."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self._look()
            except (OperationalError, InterfaceError):
                continue  # the next look goes as far back
            except Exception:
                logger.exception("changed limits can't be looked for")

    async def _look(self) -> None:
        now = timezone.now()
        if users := self._hub.users():
            since = self._looked - CLOCKS_DIFFER
            for account, user_id, changed in await self._reader.run(changed_limits, users, since):
                if self._seen.get(account) != changed:
                    self._seen[account] = changed
                    budgets = await self._reader.run(budgets_of_user, user_id)
                    text = protocol.encode("budget.updated", budgets=budgets)
                    self._broadcast.user_here(user_id, text)
        self._looked = now


def budgets_of_user(user_id: Any) -> list[dict[str, Any]]:
    """`budgets` of one user."""
    return budgets_wire(account_of(user_id))


def budgets_of_all(user_id: Any) -> tuple[list[tuple[Any, list[dict[str, Any]]]], bool]:
    """User and budgets of everybody whom a user's spending concerns: a team shares it. And
    whether the user's own come near a limit."""
    account = account_of(user_id)
    own = standings(account)
    told = [(user_id, [standing_wire(standing) for standing in own])]
    told += [(one, budgets_of_user(one)) for one in people(account) if one != user_id]
    return told, any(alerts.is_near(standing) for standing in own)


def people(account: Account) -> list[Any]:
    """The users that share a budget with an account, its own among them."""
    if not account.team_id:
        return [] if account.user_id is None else [account.user_id]
    users = get_user_model()._default_manager
    return list(users.filter(account__team=account.team_id).values_list("pk", flat=True))


def warnings_due(user_id: Any) -> tuple[Account, list[Standing]]:
    """The account, and the warnings that go out now."""
    account = account_of(user_id)
    return account, alerts.due(account)


def warning_wire(warning: Standing) -> dict[str, Any]:
    """The fields of `budget.warning`; `share` is 0 to 1 and more."""
    shown = ("period", "limit", "spent", "resets_at", "team")
    wire = standing_wire(warning)
    return {**{name: wire[name] for name in shown}, "share": round(float(warning.share), 4)}


def send(account: Account, warnings: list[Standing]) -> None:
    """Mails warnings, from a thread of its own: a mail server may be slow."""
    try:
        alerts.send(account, warnings)
    finally:
        connections.close_all()


def changed_limits(users: Collection[Any], since: datetime) -> list[tuple[int, Any, datetime]]:
    """Account, user and moment of limits that were changed after `since`."""
    accounts = Account.objects.filter(user__in=users).filter(
        Q(budgets_changed__gte=since) | Q(team__budgets_changed__gte=since)
    )
    rows = accounts.values_list("pk", "user_id", "budgets_changed", "team__budgets_changed")
    return [(account, user, max(filter(None, (own, teams)))) for account, user, own, teams in rows]
