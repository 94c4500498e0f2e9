"""What is left of a rate limit, by upstream's own words."""

import pytest

from conversations.moderation.pace import CHARS_A_TOKEN, Pace, number, seconds


def told(pace: Pace, now: float = 0.0, **values: str) -> None:
    pace.told({f"x-ratelimit-{k.replace('_', '-')}": v for k, v in values.items()}, now)


@pytest.mark.parametrize(
    ("said", "meant"),
    [("120ms", 0.12), ("1s", 1), ("6m0s", 360), ("1h2m3.5s", 3723.5), ("2d", 172_800), ("0s", 0)],
)
def test_times_are_read_as_upstream_writes_them(said: str, meant: float) -> None:
    assert seconds(said) == meant


@pytest.mark.parametrize("said", [None, "", "soon", "5", "1s later", "-1s", "1.2.3s"])
def test_what_nobody_understands_says_nothing(said: str | None) -> None:
    assert seconds(said) is None
    assert number("many") is None
    pace = Pace()
    told(pace, limit_requests="10", remaining_requests="0", reset_requests=said or "")
    assert pace.wait(["text"], 0) == 0
    assert not pace.near(0)


def test_tokens_come_back_evenly_and_a_large_request_waits_longer() -> None:
    pace = Pace()
    told(pace, limit_tokens="1000", remaining_tokens="0", reset_tokens="10s")
    text = "x" * (99 * CHARS_A_TOKEN)  # 100 tokens, with the one that each text costs besides
    assert pace.wait([text], 0) == pytest.approx(1)
    assert pace.wait([text] * 3, 0) == pytest.approx(3)
    assert pace.wait([text], 0.5) == pytest.approx(0.5)
    assert pace.wait([text], 2) == 0
    assert pace.wait([text] * 50, 0) == pytest.approx(10)  # more than the limit: all of it


def test_what_was_sent_counts_before_its_answer_says_so() -> None:
    pace = Pace()
    told(pace, limit_requests="100", remaining_requests="26", reset_requests="60s")
    assert not pace.near(0)
    for _ in range(26):
        assert pace.wait(["text"], 0) == 0
        pace.spend(["text"], 0)
    assert pace.near(0)
    assert pace.wait(["text"], 0) > 0
    told(pace, 1.0, limit_requests="100", remaining_requests="99", reset_requests="1s")
    assert not pace.near(1)
    assert pace.wait(["text"], 1) == 0
