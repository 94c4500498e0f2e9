"""The moderation of one generation: its mode, its gate, and what is kept for review."""

import logging
from collections.abc import Callable
from typing import Any

import msgspec
from django.conf import settings

from conversations.log import GenerationLog
from conversations.models import Generation, ModerationFlag, ModerationPolicy, Status
from conversations.moderation.gate import Gate, Mode
from conversations.moderation.retraction import Retraction
from conversations.moderation.review import may_ask
from conversations.moderation.stream import Block, ModeratedStream
from conversations.moderation.verdict import Checker, CheckFailed, Verdict, check_text
from conversations.upstream.events import UpstreamEvent

logger = logging.getLogger(__name__)

Fields = dict[str, Any]
STRICTEST = (Mode.OFF, Mode.WATCH, Mode.HOLD)


class Rules(msgspec.Struct, frozen=True):
    """What holds for one generation; `question_passes` when a reviewer has approved it."""

    mode: Mode
    question_passes: bool = False


class Moderation:
    """Checks what is asked and what is answered, and remembers what was found."""

    def __init__(self, rules: Rules, checker: Checker, log: list[Fields]) -> None:
        self._mode = rules.mode
        self._question_passes = rules.question_passes
        self._checker = checker
        self._log = log
        self._found: tuple[str, Verdict] = ("", Verdict(False))

    def stream(
        self,
        show: Callable[[UpstreamEvent], None],
        note: Callable[..., None],
        interrupt: Callable[[], None],
    ) -> ModeratedStream:
        """What stands between upstream's events and the generation's log."""
        every = settings.MODERATION_EVERY_CHARS
        gate = Gate.restored(self._mode, every, self._log) if self._log else Gate(self._mode, every)
        fail_open = settings.MODERATION_ON_ERROR == "open"
        return ModeratedStream(gate, self, show, note, interrupt, fail_open=fail_open)

    def forget(self) -> None:
        """For another attempt: what the first one brought counts no more."""
        self._log = []

    async def end(self, stream: ModeratedStream, status: Status, spoke: bool) -> None:
        """Has the rest checked of an answer that ended like this; `spoke` if upstream said any.

        Who stopped it does not wait for held text, and what broke before any of it was shown is
        as if it had never been said.
        """
        stopped = status is Status.STOPPED and self._mode is Mode.HOLD
        if stopped or (status is Status.FAILED and spoke):
            stream.close()
        else:
            await stream.settle()

    async def check(self, text: str) -> Verdict:
        """The checker's verdict; the last thing found is kept for the review."""
        verdict = await self._checker.check(text)
        if verdict.flagged:
            self._found = (text, verdict)
        return verdict

    async def check_question(self, text: str, log: GenerationLog) -> Block | None:
        """Checks what the person wrote; why the generation is blocked, if it is."""
        if self._mode is Mode.OFF or self._question_passes:
            return None
        try:
            verdict = await check_text(self, text)
        except CheckFailed as error:
            logger.warning("a question could not be checked: %s", error)
            closed = settings.MODERATION_ON_ERROR == "closed"
            return Block("moderation_unavailable", question=True) if closed else None
        if not verdict.flagged:
            return None
        categories = list(verdict.categories)
        log.review(self._retraction(ModerationFlag.Source.QUESTION, categories))
        log.push_own("moderation.checked", chars=0, flagged=True, categories=categories)
        return Block("moderation_blocked", verdict.categories, question=True)

    def retract(self, stream: ModeratedStream, block: Block, log: GenerationLog) -> None:
        """Takes the answer back everywhere, and keeps it for review."""
        found = self._retraction(ModerationFlag.Source.ANSWER, list(block.categories))
        log.retract(found, block.wire()["message"], stream.withheld)

    def _retraction(self, source: str, categories: list[str]) -> Retraction:
        text, verdict = self._found
        policy = f"{self._mode}, {settings.MODERATION_CHECKER}"
        return Retraction(source, text, categories, dict(verdict.scores), policy)


def rules_for(generation: Generation) -> Rules:
    """What the database says of a generation."""
    return Rules(mode_for(generation), may_ask(generation))


def mode_for(generation: Generation) -> Mode:
    """The mode for a person and a model: the most specific policy, of several the strictest."""
    owner = generation.turn.conversation.owner
    groups = set(owner.groups.values_list("pk", flat=True))
    fitting = [
        policy
        for policy in ModerationPolicy.objects.all()
        if policy.model in ("", generation.model)
        and (policy.group_id is None or policy.group_id in groups)
    ]
    if not fitting:
        return Mode(settings.MODERATION)
    most = max(_specific(policy) for policy in fitting)
    modes = [Mode(policy.mode) for policy in fitting if _specific(policy) == most]
    return max(modes, key=STRICTEST.index)


def _specific(policy: ModerationPolicy) -> tuple[bool, bool]:
    return (policy.group_id is not None, bool(policy.model))
