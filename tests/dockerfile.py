"""The Dockerfile, taken apart."""

import re

from tests.site import ROOT


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, with continued lines joined: (word, rest)."""
    lines = [
        line
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if not line.startswith("#") and line.strip()
    ]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined)]


def of(word: str) -> list[str]:
    """What follows each instruction of a kind."""
    return [rest for found, rest in instructions() if found == word]
