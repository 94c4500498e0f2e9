"""The files of processes that are gone, or whose number is taken again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatsite import together
from chatsite.environment import Environment
from tests.site import ROOT

MEMBER = """
import os, sys
from prometheus_client import Gauge
from chatsite import together
folder = os.environ["PROMETHEUS_MULTIPROC_DIR"]
together.join(folder)
gauge = Gauge("open", "Open things.", multiprocess_mode="livesum")
{then}
gauge.inc()
print("joined", flush=True)
sys.stdin.read()
"""


def member(folder: Path, then: str = "") -> "subprocess.Popen[str]":
    """A process that has joined and counts one open thing until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", MEMBER.format(then=then)],
        cwd=ROOT,
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "joined\n"
    return process


def gauges(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("gauge_*.db"))


def test_what_a_killed_process_had_open_is_taken_out_and_nobody_elses(tmp_path: Path) -> None:
    killed, living = member(tmp_path), member(tmp_path)
    with killed, living:
        killed.kill()
        killed.wait()
        together.bury(str(tmp_path))
        assert gauges(tmp_path) == [f"gauge_livesum_{living.pid}.db"]
        together.bury(str(tmp_path))
        assert gauges(tmp_path) == [f"gauge_livesum_{living.pid}.db"]
        living.kill()
        living.wait()
        together.bury(str(tmp_path))
        assert gauges(tmp_path) == []


def test_a_process_does_not_go_on_from_what_one_of_its_number_had_open(tmp_path: Path) -> None:
    """Numbers are taken again, in containers at once: here the second is the first, who left."""
    leave = "gauge.inc(7); together._mark.close(); together.join(folder)"
    with member(tmp_path, leave) as process:
        assert gauges(tmp_path) == []
        process.kill()


def test_two_containers_with_one_folder_are_told_so(tmp_path: Path) -> None:
    """Both have the same number; here a second start in the process that lives."""
    again = f"""
try:
    mark = together._mark
    together.join(folder)
except Exception as error:
    assert "PROMETHEUS_MULTIPROC_DIR is {str(tmp_path)!r}" in str(error), error
else:
    sys.exit("joined twice")"""
    with member(tmp_path, again) as process:
        process.kill()


def test_the_folder_is_made_and_an_empty_name_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library takes a variable that is set for one that names a folder."""
    name = "PROMETHEUS_MULTIPROC_DIR"
    monkeypatch.setenv(name, str(tmp_path / "a" / "b"))
    env = Environment(ROOT / "no dotenv")
    assert env.folder(name) == str(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    monkeypatch.setenv(name, " ")
    assert env.folder(name) == ""
    assert name not in os.environ
    assert env.problems == []


def test_a_place_where_no_folder_can_be_is_a_problem_and_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "file" / "below"))
    env = Environment(ROOT / "no dotenv")
    assert env.folder("PROMETHEUS_MULTIPROC_DIR") == ""
    assert [problem.name for problem in env.problems] == ["PROMETHEUS_MULTIPROC_DIR"]
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
