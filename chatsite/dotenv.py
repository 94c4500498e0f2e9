"""Reads `.env` the way django-environ does, for the set-up, which runs before that is installed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path


def with_dotenv(path: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, with `.env` filling in what is absent from it; empty is not absent."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = ""
    return {**parse(text), **environment}


def parse(text: str) -> dict[str, str]:
    """Lines `NAME=value` or `export NAME=value`; quotes around the whole value are taken off."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        assignment = re.match(r"\A(?:export )?([A-Za-z_0-9]+)=(.*)\Z", line)
        if not assignment:
            continue
        name, value = assignment.groups()
        single = re.match(r"\A'(.*)'\Z", value)
        double = re.match(r'\A"(.*)"\Z', value)
        if single:
            value = single[1]
        elif double:
            value = re.sub(r"\\(.)", _unescape, double[1])
        values[name] = value
    return values


def _unescape(match: re.Match[str]) -> str:
    return "\\" + match[1] if match[1] in "rnt" else match[1]
