"""The set-up's own decisions: what is done already, which settings win, which message is shown."""

import os
import socket
import sqlite3
import stat
from pathlib import Path

import environ
import pytest

from chatsite import dotenv
from chatsite.bootstrap import __main__ as bootstrap
from chatsite.bootstrap import cluster, data, locks, packages
from chatsite.bootstrap.packages import Stop

DOTENV = """\
# a comment
SECRET_KEY=abc#def
export OPENAI_BASE_URL="http://localhost:11434/v1"
CHAT_MODELS='one,two'
ESCAPED="say \\"hi\\"\\n"
EMPTY=
 INDENTED=no
not an assignment
TWICE=1
TWICE=2
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout that the set-up takes for its own."""
    for module in (bootstrap, packages, data):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(packages, "STAMPS", tmp_path / ".venv" / ".stamps")
    (tmp_path / "requirements.txt").write_text("django==5.2\n")
    migrations = tmp_path / "conversations" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "0001_initial.py").write_text("first")
    return tmp_path


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_dotenv_is_read_as_django_environ_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text(DOTENV)
    ours = dotenv.parse(DOTENV)
    for name in ours:
        monkeypatch.setenv(name, "to be overwritten, and restored by monkeypatch")
    environ.Env.read_env(file, overwrite=True)
    assert ours == {name: os.environ[name] for name in ours}
    assert ours["SECRET_KEY"] == "abc#def"
    assert "INDENTED" not in ours


def test_the_real_environment_wins_even_when_empty(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("OPENAI_API_KEY=from-file\nPORT=9000\n")
    assert dotenv.with_dotenv(file, {"OPENAI_API_KEY": ""}) == {
        "OPENAI_API_KEY": "",
        "PORT": "9000",
    }


def test_a_missing_dotenv_is_no_error(tmp_path: Path) -> None:
    assert dotenv.with_dotenv(tmp_path / ".env", {"A": "1"}) == {"A": "1"}


def test_a_fresh_dotenv_is_private_and_has_a_long_key(checkout: Path) -> None:
    bootstrap.write_dotenv()
    file = checkout / ".env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(dotenv.parse(file.read_text())["SECRET_KEY"]) >= 50


def test_an_existing_dotenv_is_never_touched(checkout: Path) -> None:
    (checkout / ".env").write_text("MINE=1\n")
    bootstrap.write_dotenv()
    assert (checkout / ".env").read_text() == "MINE=1\n"


def test_a_half_written_dotenv_is_written_anew(checkout: Path) -> None:
    (checkout / ".env.new").write_text("SECRET_K")
    bootstrap.write_dotenv()
    assert "SECRET_KEY=" in (checkout / ".env").read_text()
    assert not (checkout / ".env.new").exists()


def test_a_taken_port_is_named_with_a_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Stop, match=rf"Port {port} .*make run PORT=\d+"):
            bootstrap.address({"PORT": str(port)})


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1", "80.5"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(Stop, match="PORT"):
        bootstrap.address({"PORT": port})


def test_an_unknown_host_is_named() -> None:
    with pytest.raises(Stop, match=r"not\.a\.host"):
        bootstrap.address({"HOST": "not.a.host.invalid", "PORT": "9000"})


def test_a_step_is_done_only_for_its_own_key(checkout: Path) -> None:
    assert not packages.is_done("static", "a")
    packages.set_done("static", "a")
    assert packages.is_done("static", "a")
    assert not packages.is_done("static", "b")


def test_digest_keeps_parts_apart() -> None:
    assert packages.digest([b"ab", b"c"]) != packages.digest([b"a", b"bc"])


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///db.sqlite3", "db.sqlite3"),
        ("sqlite:////data/a%20b.db?timeout=5", "/data/a b.db"),
    ],
)
def test_an_sqlite_url_names_a_file(checkout: Path, url: str, name: str) -> None:
    assert data.sqlite_file(url) == checkout / name


def test_other_databases_have_no_file_to_look_into() -> None:
    assert data.sqlite_file("postgres://me@localhost/chat") is None


def migrated(file: Path, *names: str) -> None:
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("CREATE TABLE IF NOT EXISTS django_migrations (app TEXT, name TEXT)")
        connection.executemany(
            "INSERT INTO django_migrations VALUES ('chat', ?)", [[n] for n in names]
        )
    connection.close()


def test_the_database_key_changes_with_whatever_asks_for_a_migration(checkout: Path) -> None:
    file = checkout / "db.sqlite3"
    url = "sqlite:///db.sqlite3"
    keys = [data.database_key(url, file)]
    migrated(file, "0001")
    keys.append(data.database_key(url, file))
    migrated(file, "0002")
    keys.append(data.database_key(url, file))
    (checkout / "conversations" / "migrations" / "0002_more.py").write_text("second")
    keys.append(data.database_key(url, file))
    (checkout / "requirements.txt").write_text("django==5.2.1\n")
    keys.append(data.database_key(url, file))
    copy = checkout / "copy"
    copy.write_bytes(file.read_bytes())
    copy.replace(file)
    keys.append(data.database_key(url, file))
    assert len(set(keys)) == len(keys)
    assert data.database_key(url, file) == keys[-1]


def test_a_file_that_is_no_database_has_no_migrations(tmp_path: Path) -> None:
    file = tmp_path / "db.sqlite3"
    file.write_text("not a database, and long enough to be looked at as one" * 10)
    assert data.applied_migrations(file) == []


def test_a_lock_keeps_only_what_the_base_has_not() -> None:
    base = "a==1 \\\n    --hash=sha256:1\nb==2 \\\n    --hash=sha256:2\n"
    both = base + "c==3 \\\n    --hash=sha256:3 \\\n    --hash=sha256:4\n"
    assert locks.only_new(both, base) == ("c==3 \\\n    --hash=sha256:3 \\\n    --hash=sha256:4\n")


def test_no_lock_names_a_registry() -> None:
    for lock in Path(packages.__file__).parent.parent.glob("requirements*.txt"):
        assert "://" not in lock.read_text(), lock.name
        assert "--hash=sha256:" in lock.read_text(), lock.name


def test_an_older_node_is_not_enough(tmp_path: Path) -> None:
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho v18.19.1\n")
    node.chmod(0o755)
    assert packages.node_version(str(node)) == (18, 19)
    assert packages.node_version(str(node)) < packages.NODE_LEAST
    assert packages.node_version(str(tmp_path / "none")) == (0, 0)


def test_every_port_of_a_cluster_must_be_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Stop, match=rf"Port {port} .*make cluster PORT=\d+"):
            bootstrap.address({"PORT": str(port - 3)}, "cluster", 4)
    with pytest.raises(Stop, match="from 1 to 65532"):
        bootstrap.address({"PORT": "65533"}, "cluster", 4)


@pytest.mark.parametrize("url", ["sqlite:///db.sqlite3", "mysql://me:secret@host/name"])
def test_a_cluster_refuses_what_is_no_postgresql_and_hides_the_password(url: str) -> None:
    with pytest.raises(Stop, match="PostgreSQL") as refusal:
        cluster.refuse_sqlite({"DATABASE_URL": url})
    assert "secret" not in str(refusal.value)


def test_a_cluster_without_a_database_url_looks_for_one_itself() -> None:
    cluster.refuse_sqlite({"DATABASE_URL": ""})
    cluster.refuse_sqlite({"DATABASE_URL": "postgres://me@host/name"})


async def test_a_service_that_is_named_and_does_not_answer_stops_the_cluster() -> None:
    nowhere = {"DATABASE_URL": "postgres://me:secret@127.0.0.1:1/name"}
    with pytest.raises(Stop, match="DATABASE_URL") as refusal:
        await cluster.Cluster(nowhere, "127.0.0.1", 8000).find_postgres()
    assert "secret" not in str(refusal.value)
    with pytest.raises(Stop, match="REDIS_URL"):
        nobody = {"REDIS_URL": "redis://127.0.0.1:1/0"}
        await cluster.Cluster(nobody, "127.0.0.1", 8000).find_redis()
