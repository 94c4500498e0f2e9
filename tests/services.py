"""What a test needs of the machine: there, or skipped by name with the reason."""

import os
from typing import NoReturn

import pytest


def missing(what: str, reason: str) -> NoReturn:
    """Skips the test; fails it where `REQUIRE_SERVICES=1` says that nothing may be missing."""
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"{what} is required and missing: {reason}", pytrace=False)
    pytest.skip(f"{what} is missing: {reason}")
