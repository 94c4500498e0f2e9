"""pytest fixtures. In a conftest.py: `from tests.aimock.fixtures import *`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import missing

__all__ = ["aimock"]

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "node_modules" / "@copilotkit" / "aimock"


@pytest.fixture(scope="session")
def aimock() -> Iterator[str]:
    """The base URL (with /v1) of aimock in a process of its own; `start.mjs` says its answers."""
    node = shutil.which("node")
    if node is None:
        missing("aimock", "node is not installed")
    if not PACKAGE.is_dir():
        missing("aimock", "node_modules lacks @copilotkit/aimock: run npm ci")
    command = [node, str(HERE / "start.mjs")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("http://"), f"aimock did not start: {url!r}"
            yield f"{url}/v1"
        finally:
            process.stdin.close()
            process.wait(10)
