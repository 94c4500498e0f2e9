"""JavaScript of npm packages: which files are served, from where, under which names.

Each file served is hashed, compressed and looked up at the start, so of a package only what a
browser loads is taken: thousands of unminified twins and maps would take a second of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import FileSystemFinder
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.storage import FileSystemStorage


def vendor_folder(specifier: str) -> tuple[str, str]:
    """Folder below node_modules and file name pattern of an entry of VENDOR_MODULES."""
    folder, _, pattern = settings.VENDOR_MODULES[specifier].rpartition("/")
    return folder, pattern


def vendor_url(specifier: str) -> str:
    """Where the browser finds what it imports as `specifier`; a prefix when that ends in `/`."""
    folder, pattern = vendor_folder(specifier)
    if specifier.endswith("/"):
        return f"{settings.STATIC_URL}vendor/{folder}/"  # names below it are not hashed
    return str(staticfiles_storage.url(f"vendor/{folder}/{pattern}"))


class VendorFinder(FileSystemFinder):
    """The files of VENDOR_MODULES, as `vendor/<path in node_modules>`."""

    def __init__(self, app_names: Sequence[str] | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(app_names, *args, **kwargs)
        modules = Path(settings.BASE_DIR) / "node_modules"
        self.locations, self.storages, self.patterns = [], {}, {}
        for specifier in settings.VENDOR_MODULES:
            folder, pattern = vendor_folder(specifier)
            root, prefix = str(modules / folder), f"vendor/{folder}"
            self.locations.append((prefix, root))
            self.patterns[root] = pattern
            self.storages[root] = FileSystemStorage(location=root)
            self.storages[root].prefix = prefix

    def check(self, **kwargs: Any) -> list[Any]:
        return []  # without node_modules pages work, drawn by the server alone

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[Any]:
        for path, storage in super().list(ignore_patterns):
            pattern = self.patterns[storage.location]
            # A single file may name its source map, which must be there when names are hashed.
            if fnmatch(path, pattern) or path == f"{pattern}.map":
                yield path, storage
