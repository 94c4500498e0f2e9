"""A secret that is known, or looks like one, is in nothing that was redacted."""

import json
from html import escape
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsite.redaction import LEAST, hide, hide_password, redact

SECRETS = st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=LEAST)
WORDS = st.text(max_size=40)


@settings(max_examples=40, deadline=None)
@given(secret=SECRETS.map(lambda text: f"<{text}>"), before=WORDS, after=WORDS)
def test_a_known_secret_is_never_left_however_it_is_written(
    secret: str, before: str, after: str
) -> None:
    hide(secret)
    for written in (secret, json.dumps(secret)[1:-1], escape(secret), quote(secret, safe="")):
        assert written not in redact(f"{before}{written}{after}")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Incorrect API key provided: sk-proj-ab********wxyz.", "Incorrect API key provided: …"),
        ("Incorrect key: my-server****************9f3c!", "Incorrect key: …!"),
        ("Authorization: Bearer abcdefghijklmnopqrst", "Authorization: Bearer …"),
        ("redis://:pass@host:6379/0", "redis://…@host:6379/0"),
        ("postgres://me:pass@host/name and more", "postgres://…@host/name and more"),
        ("the task-force asked 2 * 3 ** 4 http://host:80/", None),
        ("a bearer of bad news", None),
    ],
)
def test_what_looks_like_a_secret_goes_and_the_rest_stays(text: str, left: str | None) -> None:
    assert redact(text) == (text if left is None else left)


def test_short_secrets_are_left_alone_for_they_are_parts_of_words() -> None:
    hide("chat")
    assert redact("chatsite") == "chatsite"


def test_the_password_of_an_address_is_hidden_also_where_it_stands_alone() -> None:
    hide_password("smtp://me:p%40ssword-of-mine@host")
    hide_password("http://[broken")
    assert redact("p@ssword-of-mine p%40ssword-of-mine") == "… …"
