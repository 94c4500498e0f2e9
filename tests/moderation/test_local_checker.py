"""The embedded checker, for real."""

import pytest

from conversations.moderation.local_checker import LocalChecker
from conversations.moderation.verdict import check_text


@pytest.mark.parametrize(
    "text",
    [
        "Go kill yourself now.",
        "I will kill you",
        "you n1gger",
        "All jews should be killed.",
        "such a total c u n t",
    ],
)
async def test_the_embedded_checker_flags(text: str) -> None:
    assert (await LocalChecker().check(text)).flagged


@pytest.mark.parametrize(
    "text",
    [
        "I live in Scunthorpe and study at Essex; the assassin passed the class.",
        "Dick Van Dyke cooked shiitake and cockatoo in Sussex.",
        "How do I kill a zombie process? os.kill(pid, 9); fsck; for(;;){ a$$ = $$; }",
        "Master/slave replication, niggardly, breast cancer, retarded potentials.",
        "Well, shit. That damn thing is fucking broken.",
        'He said "kill yourself" to her, and was fired.',
        "Where there is no gap: 好" * 50,
        "",
    ],
)
async def test_the_embedded_checker_lets_pass(text: str) -> None:
    verdict = await LocalChecker().check(text)
    assert not verdict.flagged, verdict


async def test_the_embedded_checkers_thresholds_can_be_set() -> None:
    assert (await LocalChecker({"profanity": 0.5}).check("Well, shit.")).categories == (
        "profanity",
    )
    assert not (await LocalChecker({"harassment": 2}).check("I will kill you")).flagged


async def test_the_embedded_checker_takes_long_texts() -> None:
    checker = LocalChecker()
    text = "The quick brown fox jumps over the lazy dog. " * 400
    assert not (await check_text(checker, text, 5)).flagged
    assert (await check_text(checker, text + "Kill yourself. " + text, 5)).flagged


async def test_half_a_word_can_be_flagged_which_is_why_windows_end_at_gaps() -> None:
    assert (await LocalChecker({"profanity": 0.5}).check("an ass")).flagged
    assert not (await LocalChecker({"profanity": 0.5}).check("an assembly")).flagged
