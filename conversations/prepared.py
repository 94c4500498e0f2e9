"""What a claimed generation needs before it runs, read once from the database."""

import logging
from typing import Any

import msgspec
from django.db import InterfaceError, OperationalError

from conversations import recovery
from conversations.context import build_request
from conversations.database import DatabaseThread
from conversations.log import GenerationLog
from conversations.models import Generation
from conversations.moderation import choose
from conversations.moderation.generation import Moderation, rules_for
from conversations.moderation.verdict import Checker
from conversations.recorder import Recorder
from conversations.round import Round
from conversations.upstream.attempts import Attempts
from conversations.upstream.client import Upstream

logger = logging.getLogger(__name__)


class Prepared(msgspec.Struct, frozen=True):
    """What to ask, where to write, and what an earlier worker had got."""

    request: dict[str, Any]
    log: GenerationLog
    round: Round
    moderation: Moderation


class Preparer:
    """One for the process."""

    def __init__(
        self, reader: DatabaseThread, recorder: Recorder, upstream: Upstream, attempts: Attempts
    ) -> None:
        self._reader = reader
        self._recorder = recorder
        self._upstream = upstream
        self._attempts = attempts
        self._own_checker: Checker | None = None

    async def prepare(self, generation: Generation) -> Prepared:
        """Reads a generation's past and its question.

        Raises:
            OperationalError, InterfaceError: the database is away.
        """
        past = await self._reader.run(recovery.read, generation)
        conversation, epoch = generation.turn.conversation_id, generation.epoch
        log = self._recorder.open(past.state, conversation, epoch, past.upstream_seq)
        try:
            request = await self._reader.run(build_request, generation)
        except (OperationalError, InterfaceError):
            raise  # the lease runs out, and it is claimed again
        except Exception:
            logger.exception("generation %s can't be asked", generation.pk)
            round = past.replay(Round({"input": []}))
            round.outcome = round.outcome or round.broken_off(recovery.LOST)
            request = {}
        else:
            round = past.replay(Round(request))
        rules = await self._reader.run(rules_for, generation)
        return Prepared(request, log, round, Moderation(rules, self._checker(), past.events))

    def _checker(self) -> Checker:
        """Made late, since it may load a package."""
        if self._own_checker is None:
            upstream = self._upstream
            self._own_checker = choose.checker(upstream.sdk, self._attempts, upstream.headers)
        return self._own_checker
