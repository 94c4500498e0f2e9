"""Asks a process of ours how it is, for containers, which have no curl.

`python -m chatsite.bootstrap.healthcheck URL`: 0 when it answers 200, else 1 with the reason.
"""

from __future__ import annotations

import sys
import urllib.request

SECONDS = 4.0


def main(url: str) -> int:
    """The exit code."""
    # No proxy, whatever the environment says: this is our own machine.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=SECONDS) as answer:
            print(answer.read().decode(errors="replace"))
            return 0
    except OSError as error:  # refused, silent, or an answer such as 503
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
