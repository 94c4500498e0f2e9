"""A configuration that can't work stops the start and names the variable."""

import os
from pathlib import Path

import pytest

from chatsite.environment import Environment
from tests import nursery

GOOD = {"SECRET_KEY": "x", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": ""}


def check(**environment: str) -> str:
    """What `manage.py check` prints; empty when all is well."""
    base = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    code, said = nursery.ran(["manage.py", "check"], base | GOOD | environment)
    return said if code else ""


@pytest.mark.parametrize(
    ("number", "name", "environment"),
    [
        ("E001", "STREAM_FLUSH_MS", {"STREAM_FLUSH_MS": "soon"}),
        ("E001", "UPSTREAM_MAX_STREAMS", {"UPSTREAM_MAX_STREAMS": "0"}),
        ("E001", "GENERATION_MAX_SECONDS", {"GENERATION_MAX_SECONDS": "nan"}),
        ("E001", "DEBUG", {"DEBUG": "perhaps"}),
        ("E001", "GENERATION_WORKERS", {"GENERATION_WORKERS": "outside"}),
        ("E001", "DATABASE_URL", {"DATABASE_URL": "mysql://x"}),
        ("E001", "OPENAI_BASE_URL", {"OPENAI_BASE_URL": "banana"}),
        ("E001", "OPENAI_BASE_URL", {"OPENAI_BASE_URL": "http://[::1"}),
        ("E001", "REDIS_URL", {"REDIS_URL": "redis://localhost:99999"}),
        ("E001", "PORT", {"PORT": "http"}),
        ("E007", "MODERATION_CHECKER", {"MODERATION_CHECKER": ".."}),
        ("E001", "EMAIL_URL", {"EMAIL_URL": "pigeon://x"}),
        ("E002", "SECRET_KEY", {"SECRET_KEY": ""}),
        ("E003", "CHAT_DEFAULT_MODEL", {"CHAT_MODELS": "a,b", "CHAT_DEFAULT_MODEL": "c"}),
        ("E004", "CHAT_MODELS", {"OPENAI_API_KEY": "k", "CHAT_MODELS": "no-such-model"}),
        ("E008", "CHAT_FALLBACKS", {"CHAT_MODELS": "a,b", "CHAT_FALLBACKS": "a,c"}),
        ("E005", "REDIS_URL", {"GENERATION_WORKERS": "external", "REDIS_URL": ""}),
    ],
)
def test_what_cannot_work_is_named_with_its_number(
    number: str, name: str, environment: dict[str, str]
) -> None:
    said = check(**environment)
    assert f"chatsite.{number}" in said
    assert name in said
    assert "HINT" in said


def test_good_configurations_start() -> None:
    assert check() == ""
    assert check(OPENAI_BASE_URL="") == ""
    assert check(OPENAI_BASE_URL="", OPENAI_API_KEY="k") == ""
    assert check(OPENAI_API_KEY="k", CHAT_MODELS="mine", UNPRICED_MODELS="free") == ""
    assert check(STREAM_FLUSH_MS="", DEBUG="", ALLOWED_HOSTS="", DATABASE_URL="") == ""


def test_a_variable_that_is_set_empty_wins_over_dotenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("CHATSITE_A=from-file\nCHATSITE_B=from-file\n")
    monkeypatch.setenv("CHATSITE_A", "")
    monkeypatch.delenv("CHATSITE_B", raising=False)
    env = Environment(tmp_path / ".env")
    assert (env.text("CHATSITE_A", "default"), env.text("CHATSITE_B")) == ("default", "from-file")
    monkeypatch.delenv("CHATSITE_B")
