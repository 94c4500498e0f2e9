"""Dockerfile and compose.yaml say only what the site understands; no container is started."""

import ast
import json
import re
import shlex
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from django.core.management import load_command_class
from django.core.management.base import CommandParser

from chatsite import probes
from chatsite.environment import Environment
from tests.dockerfile import of
from tests.site import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
APPS = {
    "collectstatic": "django.contrib.staticfiles",
    "preparedatabase": "chatsite",
    "rungenerations": "conversations",
}
FIXED = {"DATABASE_URL", "REDIS_URL", "GENERATION_WORKERS"}
"""What compose.yaml decides itself."""
SET_BY_US = {"STATIC_ROOT", "PROMETHEUS_MULTIPROC_DIR"}
"""What settings.py reads, and yet no service is given: containers share no such folder."""
OF_THE_CONTAINER = {"HOST", "PORT", "ADMIN_EMAIL", *SET_BY_US}
"""What the Dockerfile or the command line decides."""


def image_environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for rest in of("ENV") for pair in shlex.split(rest))


def environment_of(service: str) -> dict[str, str]:
    """What a service finds when nothing is set but what must be."""
    return {
        name: re.sub(r"\$\{\w+(?::-([^}]*)|:\?[^}]*)\}", r"\1", str(value))
        for name, value in SERVICES[service]["environment"].items()
    }


def read_by_settings() -> set[str]:
    """Names that settings.py asks its Environment for."""
    readers = {name for name in vars(Environment) if not name.startswith("_")}
    tree = ast.parse((ROOT / "chatsite" / "settings.py").read_text())
    return {
        str(call.args[0].value)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "env"
        and call.func.attr in readers
        and isinstance(call.args[0], ast.Constant)
    }


def read_by_the_start() -> set[str]:
    """Names that server.py and the set-up take from the environment themselves."""
    files = [ROOT / "chatsite" / "server.py", *(ROOT / "chatsite" / "bootstrap").glob("*.py")]
    pattern = r'environ(?:ment)?(?:\.get\(|\[)"([A-Z_]+)"'
    return {name for file in files for name in re.findall(pattern, file.read_text())}


def listed() -> set[str]:
    """Names in .env.example."""
    return set(re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def commands() -> list[list[str]]:
    """All that is run by ours: in the image and in the services, health checks too."""
    found = [json.loads(rest) for rest in of("CMD")]
    found += [json.loads(rest.partition(" CMD ")[2]) for rest in of("HEALTHCHECK")]
    found += [shlex.split(rest) for rest in of("RUN") if rest.startswith("python manage.py")]
    for name in OURS:
        service = SERVICES[name]
        found += [service["command"]] if "command" in service else []
        test = service.get("healthcheck", {}).get("test")
        found += [test[1:]] if test else []
    return found


def health_urls() -> dict[str, str]:
    """Service → the address that its health check asks."""
    (of_the_image,) = (json.loads(rest.partition(" CMD ")[2])[-1] for rest in of("HEALTHCHECK"))
    worker = SERVICES["worker"]["healthcheck"]["test"][-1]
    return {"web": of_the_image, "worker": worker}


def seconds(text: str) -> float:
    """A duration of compose, in the one form used here."""
    assert re.fullmatch(r"\d+s", text), text
    return float(text.removesuffix("s"))


def test_the_searches_for_names_find_them() -> None:
    assert {"SECRET_KEY", "DATABASE_URL", "DRAIN_SECONDS", "OPENAI_BASE_URL"} <= read_by_settings()
    assert {"HOST", "PORT", "ADMIN_EMAIL"} <= read_by_the_start()
    assert len(commands()) >= 6
    assert OURS == ["migrate", "web", "worker"]


def test_every_variable_of_the_example_is_read_and_the_other_way_round() -> None:
    private = {"CHATSITE_LOCAL_URL", "CHATSITE_LOCAL_KEY"}  # from a process of ours to another
    assert listed() - read_by_settings() == OF_THE_CONTAINER - SET_BY_US - read_by_settings()
    assert read_by_settings() - listed() == private


@pytest.mark.parametrize("service", OURS)
def test_a_service_passes_every_variable_that_the_site_reads(service: str) -> None:
    given = SERVICES[service]["environment"]
    assert set(given) == listed() - OF_THE_CONTAINER
    for name in set(given) - FIXED:
        # `:-` takes an empty value for a missing one; where empty has a meaning it is `-`.
        assert re.match(rf"\$\{{{name}(:[-?]|-)", str(given[name])), f"{name}: {given[name]}"


def test_the_image_sets_only_what_is_read() -> None:
    of_python = {"PATH", "PYTHONUNBUFFERED"}
    assert set(image_environment()) - of_python <= read_by_settings() | read_by_the_start()


def test_compose_asks_for_nothing_that_nobody_reads() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
    assert asked - {"POSTGRES_PASSWORD"} <= listed()
    required = set(re.findall(r"\$\{(\w+):\?", (ROOT / "compose.yaml").read_text()))
    assert required == {"SECRET_KEY", "POSTGRES_PASSWORD"}


@pytest.mark.parametrize("service", OURS)
def test_the_settings_of_a_service_can_be_used(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment_of(service).items():
        monkeypatch.setenv(name, value)
    env = Environment(ROOT / "no dotenv")
    database = env.database("DATABASE_URL", "", ROOT)
    assert (database["ENGINE"], database["HOST"]) == ("django.db.backends.postgresql", "postgres")
    assert database["USER"] == SERVICES["postgres"]["environment"]["POSTGRES_USER"]
    assert database["NAME"] == SERVICES["postgres"]["environment"]["POSTGRES_DB"]
    assert urlsplit(env.text("REDIS_URL")).hostname in SERVICES
    assert env.choice("GENERATION_WORKERS", "inline", ("inline", "external")) == "external"
    assert env.number("DRAIN_SECONDS", 0) > 0
    assert env.problems == []


def test_every_command_is_one_of_ours_with_options_that_it_knows() -> None:
    for program, *arguments in commands():
        assert program == "python"
        if arguments[0] == "-m":
            assert find_spec(arguments[1]), arguments
            continue
        script, name, *options = arguments
        assert (ROOT / script).is_file()
        app = APPS[name]
        parser: CommandParser = load_command_class(app, name).create_parser(script, name)
        parser.parse_args(options)  # raises CommandError for what it does not know


def test_health_is_asked_where_it_is_served() -> None:
    web, worker = (urlsplit(health_urls()[name]) for name in ("web", "worker"))
    assert web.path in probes.HANDLERS
    assert str(web.port) == image_environment()["PORT"]
    source = (ROOT / "conversations" / "workerhealth.py").read_text()
    assert f'add_get("{worker.path}"' in source
    command = SERVICES["worker"]["command"]
    assert str(worker.port) == command[command.index("--health-port") + 1]


def test_the_published_port_is_the_one_that_is_served() -> None:
    (published,) = SERVICES["web"]["ports"]
    port = image_environment()["PORT"]
    assert published.endswith(f":{port}")
    assert of("EXPOSE") == [port]
    assert image_environment()["HOST"] == "0.0.0.0"


@pytest.mark.parametrize("service", OURS)
def test_a_service_may_finish_its_answers_before_it_is_killed(service: str) -> None:
    drain = float(environment_of(service)["DRAIN_SECONDS"])
    assert f"\n#DRAIN_SECONDS={drain:g}\n" in (ROOT / ".env.example").read_text()
    assert seconds(SERVICES[service]["stop_grace_period"]) >= drain + 10


def test_services_wait_for_what_they_use() -> None:
    for name in OURS:
        for other, how in SERVICES[name]["depends_on"].items():
            assert other in SERVICES
            if how["condition"] == "service_healthy":
                assert SERVICES[other]["healthcheck"]["test"]
    assert {"postgres", "redis", "migrate"} == set(SERVICES["worker"]["depends_on"])


def test_named_volumes_are_declared() -> None:
    used = [mount.split(":")[0] for s in SERVICES.values() for mount in s.get("volumes", [])]
    assert sorted(used) == sorted(COMPOSE["volumes"])
