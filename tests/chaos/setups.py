"""What is broken: one process on SQLite, or a cluster on PostgreSQL and Redis."""

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.servers import (
    PostgresProcess,
    RedisProcess,
    WorkerProcess,
    running_postgres,
    running_redis,
)
from tests.site import SiteProcess, environment_for, migrate
from tests.upstream.client import Upstream
from tests.upstream.messages import RecordData

LEASE_SECONDS = 2.0
SETTLE_SECONDS = 2.0
"""How long after a service came back everybody has found it again."""
ENVIRONMENT = {
    "LEASE_SECONDS": str(LEASE_SECONDS),
    "DRAIN_SECONDS": "1",
    "USER_MAX_STREAMS": "1000",
    "USER_TURNS_PER_MINUTE": "100000",
}


@dataclass
class Stand:
    """All processes of a set-up. In `single` the web process is the worker too."""

    upstream: Upstream
    webs: list[SiteProcess]
    workers: list[SiteProcess]
    redis: RedisProcess | None = None
    postgres: PostgresProcess | None = None
    resumes: bool = False  # an answer goes on upstream when a worker dies
    calm_since: float = 0.0  # monotonic; infinite while a stop may be late
    _broken: int = field(default=0, repr=False)

    @property
    def processes(self) -> list[SiteProcess]:
        return [*self.webs, *(w for w in self.workers if w not in self.webs)]

    @contextmanager
    def broken(self) -> Iterator[None]:
        """A stop may be late inside the block: a service or a web process is away, or a worker
        stands still. A worker that is dead has closed its streams upstream."""
        self._broken += 1
        self.calm_since = math.inf
        try:
            yield
        finally:
            self._broken -= 1
            if not self._broken:
                self.calm_since = time.monotonic() + SETTLE_SECONDS

    def requests_for(self, question: str) -> list[RecordData]:
        """What upstream was asked for this question, and how far that is."""
        return [r.now for r in self.upstream.requests() if r.text == question]


@contextmanager
def single(upstream: Upstream) -> Iterator[Stand]:
    """One web process that runs its generations itself, on SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{Path(folder) / 'site.sqlite3'}"
        migrate(database)
        site = SiteProcess(database, environment_for(upstream, **ENVIRONMENT))
        with _running([site]):
            yield Stand(upstream, [site], [site])


@contextmanager
def cluster(upstream: Upstream, background: bool = False) -> Iterator[Stand]:
    """Two web processes and two workers on a PostgreSQL and a Redis of their own."""
    with running_postgres() as postgres, running_redis() as redis:
        migrate(postgres.url)
        more = {**ENVIRONMENT, "REDIS_URL": redis.url, "GENERATION_WORKERS": "external"}
        more["OPENAI_BACKGROUND"] = str(int(background))
        environment = environment_for(upstream, **more)
        webs = [SiteProcess(postgres.url, environment) for _ in range(2)]
        workers: list[SiteProcess] = [WorkerProcess(postgres.url, environment) for _ in range(2)]
        with _running([*webs, *workers]):
            yield Stand(upstream, webs, workers, redis, postgres, resumes=background)


@contextmanager
def _running(processes: list[SiteProcess]) -> Iterator[None]:
    with ExitStack() as stack, ThreadPoolExecutor() as threads:
        for process in processes:
            stack.callback(process.kill)
        list(threads.map(SiteProcess.start, processes))
        yield


SETUPS: dict[str, Callable[[Upstream], AbstractContextManager[Stand]]] = {
    "single": single,
    "cluster": cluster,
    "background": partial(cluster, background=True),
}
