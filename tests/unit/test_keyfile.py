"""A key in a file: replaced while it is in use, and kept while the file can't be used."""

import logging
import os
import time
from pathlib import Path

import pytest

from chatsite.keyfile import SETTLED_SECONDS, KeyFile, NoKey


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "key").write_text("the-old-key\n")
    return tmp_path / "key"


def settle(path: Path) -> None:
    """As if the file had been written a while ago."""
    before = time.time() - SETTLED_SECONDS - 1
    os.utime(path, (before, before))


async def test_a_file_that_takes_the_old_ones_place_counts_at_once(path: Path) -> None:
    key = KeyFile(path)
    assert await key.current() == "the-old-key"
    path.with_suffix(".new").write_text("the-new-key")
    path.with_suffix(".new").replace(path)
    assert await key.current() == "the-new-key"


async def test_a_link_set_anew_above_the_file_counts_at_once(tmp_path: Path) -> None:
    """As Kubernetes does it: key → ..data/key, ..data → the newest folder."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "key").write_text(f"the-key-{name}")
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "key").symlink_to("..data/key")
    key = KeyFile(tmp_path / "key")
    assert await key.current() == "the-key-one"
    (tmp_path / "..new").symlink_to("two")
    (tmp_path / "..new").replace(tmp_path / "..data")
    assert await key.current() == "the-key-two"


async def test_a_file_written_in_place_counts_once_it_has_settled(path: Path) -> None:
    key = KeyFile(path)
    path.write_text("the-ne")
    assert await key.current() == "the-old-key"
    path.write_text("the-new-key")
    assert await key.current() == "the-old-key"
    settle(path)
    assert await key.current() == "the-new-key"


@pytest.mark.parametrize("broken", ["", "\n \n", "two words", "ключ", "a\0b", None])
async def test_a_file_without_a_key_keeps_the_old_one_and_says_so_once(
    path: Path, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "chatsite")
    key = KeyFile(path)
    path.with_suffix(".new").write_text("the-new-key")
    if broken is None:
        path.unlink()
    else:
        path.write_text(broken)
        settle(path)
    assert [await key.current() for _ in range(5)] == ["the-old-key"] * 5
    assert len(caplog.records) == 1
    assert "stays in use" in caplog.text
    path.with_suffix(".new").replace(path)
    assert await key.current() == "the-new-key"
    assert len(caplog.records) == 1


async def test_nothing_is_read_while_the_file_stays_as_it_is(path: Path) -> None:
    settle(path)
    written = os.stat(path).st_mtime_ns
    key = KeyFile(path)
    path.write_text("the-new-key\n")  # of the same length, and with the same time of writing:
    os.utime(path, ns=(written, written))  # not to be told from the old one without reading it
    assert await key.current() == "the-old-key"


def test_a_site_does_not_start_without_a_key_in_its_file(tmp_path: Path) -> None:
    with pytest.raises(NoKey, match="can't be read"):
        KeyFile(tmp_path / "nothing")
    with pytest.raises(NoKey, match="can't be read"):
        KeyFile(tmp_path)
