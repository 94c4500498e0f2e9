"""What the Dockerfile builds, read and not built."""

from pathlib import Path

from tests.dockerfile import instructions, of
from tests.site import ROOT
from tests.test_containers import SERVICES


def test_everything_copied_is_there_and_let_through() -> None:
    let_through = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    copied = {
        source
        for rest in of("COPY")
        if not rest.startswith("--from=")
        for source in rest.split()[:-1]
    }
    assert copied == let_through
    for source in copied:
        assert (ROOT / source).exists(), source
    stages = [rest.split(" AS ")[1] for rest in of("FROM") if " AS " in rest]
    for rest in of("COPY"):
        if rest.startswith("--from="):
            assert rest.split()[0].removeprefix("--from=") in stages


def test_every_package_of_ours_gets_into_the_image() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/apps.py")}
    copied = {source for rest in of("COPY") for source in rest.split()[:-1]}
    assert packages <= copied


def test_packages_come_from_the_locks() -> None:
    (pip,) = (rest for rest in of("RUN") if "pip install" in rest)
    for option in ("--require-hashes", "--no-deps", "--only-binary :all:"):
        assert option in pip
    assert any(rest.startswith("npm ci ") for rest in of("RUN"))


def test_the_image_does_not_run_as_root() -> None:
    (user,) = of("USER")
    assert user != "root"
    assert any("useradd" in rest and user in rest for rest in of("RUN"))
    assert instructions().index(("USER", user)) < len(instructions()) - 1


def test_images_are_named_without_a_registry() -> None:
    names = [rest.split(" AS ")[0] for rest in of("FROM")]
    names += [service["image"] for service in SERVICES.values()]
    for name in names:
        assert "/" not in name, name


def test_the_dockerignore_lets_no_secret_through() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert not any(Path(line[1:]).name.startswith(".env") for line in lines if line[:1] == "!")
