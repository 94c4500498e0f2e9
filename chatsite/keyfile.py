"""The key to the model service in a file, which may be replaced while the site runs.

Looked at before each request to the service: one `stat`, and a read when the file is another
one. So a new key is used from the next request on, and no request that runs is disturbed.
"""

import logging
import os
import re
import time
from pathlib import Path

from chatsite.redaction import hide

logger = logging.getLogger(__name__)

SETTLED_SECONDS = 0.5
"""A file that was written in place so recently may not be whole yet."""
KEY = re.compile(r"[!-~]+")
"""What can stand in a header: no white space, nothing but ASCII."""
MOST_BYTES = 64 * 1024

Mark = tuple[int, int, int, int]
"""What tells one state of the file from another: device, inode, size, mtime in ns."""


class NoKey(Exception):
    """The file can't be read, or holds no key. Its words say which; they quote nothing of it."""


class KeyFile:
    """Keeps the last good key while the file is missing, empty or half written."""

    def __init__(self, path: Path) -> None:
        """Raises NoKey."""
        self._path = path
        self._mark, self._key = read(path)
        self._refused: Mark | bool | None = False
        hide(self._key)

    async def current(self) -> str:
        """The key for a request that is about to go out; the SDK calls it before each."""
        try:
            mark = mark_of(self._path)
            if mark != self._mark and self._is_settled(mark):
                self._take(*read(self._path))
        except NoKey as problem:
            self._refuse(problem)
        return self._key

    def _is_settled(self, mark: Mark) -> bool:
        """A file that took the old one's place (a rename, a link set anew) was whole before."""
        replaced = mark[:2] != self._mark[:2]
        return replaced or not 0 <= time.time() - mark[3] / 1e9 < SETTLED_SECONDS

    def _take(self, mark: Mark, key: str) -> None:
        self._mark, self._refused = mark, False
        if key != self._key:
            self._key = key
            hide(key)
            logger.info("the key to the model service was replaced")

    def _refuse(self, problem: NoKey) -> None:
        """Once for each state that it is found in, not with every request."""
        try:
            mark: Mark | None = mark_of(self._path)
        except NoKey:
            mark = None
        if mark != self._refused:
            self._refused = mark
            logger.warning("the old key to the model service stays in use: %s", problem)


def mark_of(path: Path) -> Mark:
    """Follows links, so that one set anew counts. Raises NoKey."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise NoKey(f"it can't be read ({error.strerror})") from error
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def read(path: Path) -> tuple[Mark, str]:
    """The key in a file, and the state that the file was in. Raises NoKey."""
    mark = mark_of(path)
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES).decode("ascii", "replace").strip()
    except OSError as error:
        raise NoKey(f"it can't be read ({error.strerror})") from error
    if not text:
        raise NoKey("it is empty")
    if not KEY.fullmatch(text):
        raise NoKey("it holds more than one word, or characters that no key has")
    if mark_of(path) != mark:
        raise NoKey("it changes while it is read")
    return mark, text
