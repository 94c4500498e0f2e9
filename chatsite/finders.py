"""Which files are served: ours, Django's, and of npm's packages only what a browser loads."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.staticfiles.finders import FileSystemFinder

LOADED = (".min.js", ".min.mjs")


class SlimFinder(FileSystemFinder):
    """`STATICFILES_DIRS`, less the packages' unminified twins and maps.

    Each file served is hashed, compressed and looked up at the start: thousands that nobody
    asks for would take a second of it.
    """

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[Any]:
        for path, storage in super().list(ignore_patterns):
            if not getattr(storage, "prefix", None) or path.endswith(LOADED):
                yield path, storage
