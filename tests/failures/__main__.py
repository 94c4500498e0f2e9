"""`python -m tests.failures`: plays every row and prints the table of what was seen."""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from tests.failures.conftest import PATIENT  # noqa: E402
from tests.failures.play import as_table, play  # noqa: E402
from tests.failures.rows import before_output, incomplete, mid_stream, still_right  # noqa: E402
from tests.money.site import set_price  # noqa: E402
from tests.site import SiteProcess, environment_for, migrate  # noqa: E402
from tests.upstream.client import running_upstream  # noqa: E402

with tempfile.TemporaryDirectory() as folder, running_upstream() as upstream:
    url = f"sqlite:///{Path(folder) / 'site.sqlite3'}"
    migrate(url)
    site = SiteProcess(url, environment_for(upstream, **PATIENT))
    set_price(site)
    site.start()
    try:
        rows = [*before_output(), *mid_stream(), *incomplete(), *still_right()]
        seen = asyncio.run(play(site, site.person(), upstream, rows))
    finally:
        site.kill()
    sys.stdout.write(as_table(seen) + "\n")
