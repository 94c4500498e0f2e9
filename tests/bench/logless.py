"""The site with its log switched off: what a delta costs when nothing of it is kept.

Only the last frame of each answer is written, with the row's ending, so that answers end.
"""

import sys
import uuid
from collections.abc import Sequence

import django

django.setup()

from chatsite import server  # noqa: E402  # after the set-up
from conversations import recorder  # noqa: E402
from conversations.log import Frame  # noqa: E402

write = recorder.commit


def commit_endings(frames: Sequence[Frame]) -> set[uuid.UUID]:
    ending = [frame for frame in frames if frame.ending]
    return write(ending) if ending else set()


if __name__ == "__main__":
    recorder.commit = commit_endings
    sys.exit(server.main())
