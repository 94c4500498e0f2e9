"""`make cluster`: two web processes and two workers on PostgreSQL and Redis, on this machine.

The services are those that DATABASE_URL and REDIS_URL name, else those that answer on the usual
ports, else our own, with PostgreSQL's data kept under `.cluster/`.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from chatsite import termination
from chatsite.bootstrap import data, services
from chatsite.bootstrap.packages import PYTHON, ROOT, Stop, call, say
from chatsite.bootstrap.supervisor import Keeper, Program, start_all, stop_all

PORTS = 4
"""Two web processes, then the health of two workers."""
END_SECONDS = 10.0
"""What a process may take to end, beside the time it has to finish answers."""
READY_LINE = "eady to accept connections"  # PostgreSQL, and with a capital R Redis
MAKE_DATABASE = """
import sys, psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as server:
    if not server.execute("SELECT 1 FROM pg_database WHERE datname = 'chatsite'").fetchone():
        server.execute("CREATE DATABASE chatsite ENCODING 'UTF8' TEMPLATE template0")
"""


def refuse_sqlite(environment: Mapping[str, str]) -> None:
    """Raises Stop if DATABASE_URL names what several processes can't share."""
    url = environment.get("DATABASE_URL", "").strip()
    if url and not url.startswith(("postgres://", "postgresql://")):
        raise Stop(
            f"DATABASE_URL is {hidden(url)!r}; a cluster needs PostgreSQL: postgres://user@host/name."
            "\nTo use one of this machine instead: make cluster DATABASE_URL="
        )


def run(environment: Mapping[str, str], host: str, port: int) -> int:
    """Until SIGTERM or Ctrl-C; the exit code. Raises Stop when the cluster can't start."""
    return asyncio.run(Cluster(environment, host, port).run())


class Cluster:
    """The services, the embedded model if nobody else answers, and the four site processes."""

    def __init__(self, environment: Mapping[str, str], host: str, port: int) -> None:
        self._environment = environment
        self._host = f"[{host}]" if ":" in host else host
        self._port = port
        self._shared = {"GENERATION_WORKERS": "external", "HOST": host}
        if sys.stderr.isatty() and not self._has("LOG_FORMAT"):
            self._shared["LOG_FORMAT"] = "console"  # they see a pipe, behind it are people
        """What all processes of the site find in their environment; each start reads it anew."""
        self._services: list[Keeper] = []
        self._models: list[Keeper] = []
        self._sites: list[Keeper] = []

    async def run(self) -> int:
        told, again = termination.watch()
        starting = asyncio.create_task(self._start())
        waiting = asyncio.create_task(told.wait())
        try:
            await asyncio.wait([starting, waiting], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                self._announce()
                await waiting
            say("Ending; running answers may finish. Press Ctrl-C again to end at once.")
        finally:
            starting.cancel()
            waiting.cancel()
            await self._stop(again)
        return 0

    async def _start(self) -> None:
        self._shared["DATABASE_URL"] = await self.find_postgres()
        self._shared["REDIS_URL"] = await self.find_redis()
        if not any(map(self._has, ("OPENAI_API_KEY", "OPENAI_API_KEY_FILE", "OPENAI_BASE_URL"))):
            await self._model()
        everything = {**self._environment, **self._shared}
        await asyncio.to_thread(data.prepare_database, everything)
        # Whichever process is scraped, it answers for all four.
        self._shared["PROMETHEUS_MULTIPROC_DIR"] = str(fresh_folder(f"metrics-{self._port}"))
        for number in (1, 2):
            self._add_site(f"web{number}", "-m", "chatsite.server", ready="Chatsite is at ")
        for number in (1, 2):
            worker = ["manage.py", "rungenerations", "--health-port", str(self._port + 1 + number)]
            self._add_site(f"worker{number}", *worker, ready="Running generations.")
        await start_all(self._sites)

    def _add_site(self, name: str, *arguments: str, ready: str) -> None:
        own = {"PORT": str(self._port + len(self._sites))}
        environment = ChainMap(own, self._shared)
        command = [str(PYTHON), *arguments]
        self._sites.append(Keeper(Program(name, command, environment, ready)))

    async def _stop(self, again: asyncio.Event) -> None:
        """Those who use something end before it does."""
        impatient = asyncio.create_task(self._kill_when(again))
        await stop_all(self._sites, self._drain_seconds() + END_SECONDS)
        await stop_all(self._models, END_SECONDS)
        await stop_all(self._services, END_SECONDS)
        impatient.cancel()

    async def _kill_when(self, again: asyncio.Event) -> None:
        await again.wait()
        for keeper in (*self._sites, *self._models):
            keeper.kill()

    def _drain_seconds(self) -> float:
        try:
            return float(self._environment.get("DRAIN_SECONDS", "").strip() or 30)
        except ValueError:  # the site has refused it in words, and nothing runs
            return 0

    def _has(self, name: str) -> bool:
        return bool(self._environment.get(name, "").strip())

    async def find_postgres(self) -> str:
        """The URL of our database."""
        url = self._environment.get("DATABASE_URL", "").strip()
        if url:
            if not await asyncio.to_thread(services.postgres_answers, url, silent=()):
                raise Stop(f"No PostgreSQL lets us in at DATABASE_URL, {hidden(url)}; see above.")
            return url
        server = services.POSTGRES_URL
        if not await asyncio.to_thread(services.postgres_answers, server):
            server = await self._own_postgres()
        if await asyncio.to_thread(call, [PYTHON, "-c", MAKE_DATABASE, server]):
            raise Stop(f"The database chatsite could not be made at {server}; see above.")
        return urlunsplit(urlsplit(server)._replace(path="/chatsite"))

    async def _own_postgres(self) -> str:
        programs = await asyncio.to_thread(services.have_postgres)
        if not programs:
            raise Stop(
                missing("PostgreSQL", "postgresql", "DATABASE_URL=postgres://user@host/name")
            )
        folder, port = own_folder("postgres"), services.free_port()
        if not services.init_postgres(programs, folder):
            raise Stop(
                f"PostgreSQL could not make its files in {folder}; see above. Started by "
                "root, it runs as the user `postgres`, who must be able to enter this folder."
            )
        command = services.postgres_command(programs, folder, port)
        fast = signal.SIGINT  # SIGTERM would wait until all connections are closed
        program = Program(
            "postgres",
            command,
            ready=READY_LINE,
            end_by=fast,
            orphaned=fast,
            user=services.postgres_user(),
        )
        self._services.append(Keeper(program))
        await self._services[-1].start()
        return f"postgres://postgres@127.0.0.1:{port}/postgres"

    async def find_redis(self) -> str:
        url = self._environment.get("REDIS_URL", "").strip()
        if url:
            if not await asyncio.to_thread(services.redis_answers, url, silent=()):
                raise Stop(f"No Redis lets us in at REDIS_URL, {hidden(url)}; see above.")
            return url
        if await asyncio.to_thread(services.redis_answers, services.REDIS_URL):
            return services.REDIS_URL
        if not await asyncio.to_thread(services.have_redis):
            raise Stop(missing("Redis", "redis-server", "REDIS_URL=redis://host:6379/0"))
        port = services.free_port()
        command = services.redis_command(own_folder("redis"), port)
        self._services.append(Keeper(Program("redis", command, ready=READY_LINE)))
        await self._services[-1].start()
        return f"redis://127.0.0.1:{port}/0"

    async def _model(self) -> None:
        """One embedded model for all; returns when its address and key are known."""
        port = str(services.free_port())
        command = [str(PYTHON), "manage.py", "localmodel", "--port", port]
        program = Program("model", command, ready="CHAT_MODELS=", on_line=self._take_model)
        self._models.append(Keeper(program))
        await self._models[-1].start()

    def _take_model(self, line: str) -> None:
        name, _, value = line.partition("=")
        if name == "OPENAI_BASE_URL":
            self._shared["CHATSITE_LOCAL_URL"] = value
        elif name == "OPENAI_API_KEY":
            known = self._shared.get("CHATSITE_LOCAL_KEY", value)
            self._shared["CHATSITE_LOCAL_KEY"] = value
            if known != value:  # the process was replaced; its child alone keeps the key
                say("The model has a new key: starting the site's processes again.")
                for keeper in self._sites:
                    keeper.send(signal.SIGTERM)

    def _announce(self) -> None:
        """Where everything is."""
        say("The cluster runs. Press Ctrl-C to end it; a process that dies is started again.")
        for number, keeper in enumerate(self._sites):
            host, path = (self._host, "") if number < 2 else ("127.0.0.1", "/readyz")
            where = f"http://{host}:{self._port + number}{path}"
            say(f"  {keeper.program.name:11}{where}  (process {keeper.pid})")
        if self._models:
            say(f"  {'model':11}{self._shared['CHATSITE_LOCAL_URL']}")
        say(f"  {'PostgreSQL':11}{hidden(self._shared['DATABASE_URL'])}")
        say(f"  {'Redis':11}{hidden(self._shared['REDIS_URL'])}")


def own_folder(name: str) -> Path:
    """Where a service of our own keeps its files."""
    folder = ROOT / ".cluster" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fresh_folder(name: str) -> Path:
    """An empty one: figures of an earlier cluster are no figures of this one."""
    shutil.rmtree(own_folder(name))
    return own_folder(name)


def missing(what: str, package: str, variable: str) -> str:
    """What to do about a service that is neither there nor to be had without asking."""
    return (
        f"{what} is not there. On Debian and Ubuntu: apt install {package}\n"
        f"Or name one that runs elsewhere: make cluster {variable}"
    )


def hidden(url: str) -> str:
    """The URL without its password."""
    parts = urlsplit(url)
    if not parts.password:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":…@")))
