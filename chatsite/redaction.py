"""Takes secrets out of words that leave the process: logs, error pages, what upstream said.

Known values are taken out wherever they stand, also escaped for JSON or HTML. Beside them all
that looks like a key, since a model service quotes a part of the one that it refuses.
"""

import json
import re
from html import escape
from urllib.parse import quote, unquote, urlsplit

INSTEAD = "…"
LEAST = 8
"""Characters of a secret that is looked for: a shorter one is a part of too many words."""

SHAPES = re.compile(
    r"\bsk-[\w*.-]{4,}…?"  # a key of OpenAI's, whole or in part
    r"|[\w.-]*\*{3,}[\w.-]*"  # anything that is starred out in the middle
    r"|(?<=bearer )[\w*.~+/=-]{16,}"
    r"|(?<=://)[^\s/@'\"]*:[^\s/@'\"]+(?=@)",  # user and password of an address
    re.IGNORECASE,
)

_secrets: set[str] = set()
_known: re.Pattern[str] | None = None


def hide(*values: str) -> None:
    """From now on `redact` takes these out. The short ones among them are left alone."""
    global _known
    forms = {
        form
        for value in values
        if len(value) >= LEAST
        for form in (value, json.dumps(value)[1:-1], escape(value), quote(value, safe=""))
    }
    if not forms <= _secrets:
        _secrets.update(forms)
        longest_first = sorted(_secrets, key=len, reverse=True)
        _known = re.compile("|".join(map(re.escape, longest_first)))


def hide_password(url: str) -> None:
    """`hide` for the password in an address; one that can't be parsed has none."""
    try:
        password = urlsplit(url).password or ""
    except ValueError:
        return
    hide(password, unquote(password))


def redact(text: str) -> str:
    """The same words without secrets."""
    if _known:
        text = _known.sub(INSTEAD, text)
    return SHAPES.sub(INSTEAD, text)
