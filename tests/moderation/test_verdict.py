"""One verdict on a text of any length, and what people are told of it."""

from conversations.moderation.stream import ANSWER, QUESTION, Block
from conversations.moderation.verdict import SLICE, check_text
from tests.moderation.asked import Asked


async def test_long_texts_are_checked_in_slices_that_overlap() -> None:
    checker = Asked()
    for at in (0, SLICE - 2, SLICE, 3 * SLICE, 49_990):
        text = "x" * at + "bad" + "x" * (50_000 - at)
        verdict = await check_text(checker, text, 5)
        assert verdict.categories == ("violence",)
        assert verdict.scores == {"violence": 0.9}
    assert max(len(text) for text in checker.texts) <= SLICE


async def test_blank_text_is_clear_without_asking() -> None:
    checker = Asked()
    assert not (await check_text(checker, " \n\n", 5)).flagged
    assert not (await check_text(checker, "", 5)).flagged
    assert checker.texts == []


def test_what_is_said_of_a_question_speaks_of_the_question() -> None:
    for code in ("moderation_blocked", "moderation_unavailable"):
        assert Block(code, question=True).wire()["message"] == QUESTION[code]
        assert "question" in QUESTION[code]
        assert "answer" in ANSWER[code]
