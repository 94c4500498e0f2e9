"""pytest fixtures. In a conftest.py: `from tests.upstream.fixtures import *`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.upstream.client import Upstream, running_upstream, upstream_at

__all__ = ["upstream", "upstream_process", "upstream_process_server", "upstream_server"]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def upstream_server() -> Iterator[Upstream]:
    """The session's upstream, in a thread of this process. Tests use `upstream`."""
    with running_upstream() as upstream:
        yield upstream


@pytest.fixture
def upstream(upstream_server: Upstream) -> Iterator[Upstream]:
    """The upstream, with no scripts and no records of other tests."""
    upstream_server.reset()
    yield upstream_server
    upstream_server.reset()


@pytest.fixture(scope="session")
def upstream_process_server() -> Iterator[Upstream]:
    """The session's upstream in a process of its own. Tests use `upstream_process`."""
    command = [sys.executable, "-m", "tests.upstream", "--port", "0", "--until-eof"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("http://"), f"the upstream did not start: {url!r}"
            yield upstream_at(url)
        finally:
            process.stdin.close()  # it ends when its input does, so it never outlives us
            process.wait(10)


@pytest.fixture
def upstream_process(upstream_process_server: Upstream) -> Iterator[Upstream]:
    """An upstream that does not take processor time from this process: for load tests."""
    upstream_process_server.reset()
    yield upstream_process_server
    upstream_process_server.reset()
