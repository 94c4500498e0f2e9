"""The child process that runs the embedded model: `python -m chatsite.localmodel_child`.

Reads one JSON line from stdin (`port`, `api_key`), loads the model, writes one JSON line to
stdout (`{"event": "ready"}` or `{"event": "failed", "reason": …}`), and serves until stdin closes.
"""

import importlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from chatsite.localmodel import MODEL_DEFAULTS, MODEL_NAME
from chatsite.localmodel_process import HOST, find_weights

SMALL_MEMORY = 2 * 1024**3
SLOT_TOKENS = 2048


def main() -> None:
    """Runs until the parent closes the pipe or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent; it ends us in order
    wanted = json.loads(sys.stdin.readline())
    reports = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # nothing that the native code prints may look like a report
    threading.Thread(target=exit_with_parent, daemon=True).start()
    try:
        xllamacpp = importlib.import_module("xllamacpp")
        server = xllamacpp.Server(parameters(xllamacpp, wanted["port"], wanted["api_key"]))
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        # ImportError: no package, or one built for another C library.
        print(json.dumps({"event": "failed", "reason": str(error)}), file=reports)
        sys.exit(3)
    print(json.dumps({"event": "ready", "address": server.listening_address}), file=reports)
    threading.Event().wait()


def exit_with_parent() -> None:
    """Blocks until the parent's end of the pipe closes, however the parent ended."""
    while os.read(0, 1024):
        continue
    os._exit(0)


def parameters(xllamacpp: Any, port: int, api_key: str) -> Any:
    """llama.cpp's settings for a few short chats beside a web server."""
    slots = 2 if memory_bytes() < SMALL_MEMORY else 4
    # With all cores taken, the web server and the model's own HTTP threads starve it.
    threads = max(1, len(usable_cores()) - 1)
    p = xllamacpp.CommonParams()
    p.model.path = str(find_weights())
    p.model_alias = {MODEL_NAME}
    p.hostnames = [HOST]
    p.port = port
    p.reuse_port = True  # the parent holds this port for us; see reserve_port
    p.api_keys = [api_key]
    p.n_parallel = slots
    p.n_ctx = slots * SLOT_TOKENS
    p.cpuparams.n_threads = threads
    p.cpuparams_batch.n_threads = threads
    p.n_predict = MODEL_DEFAULTS["max_output_tokens"]
    p.cache_ram_mib = 0  # its cache of past prompts would grow to 8 GiB
    p.ui = False
    p.endpoint_slots = False
    p.offline = True
    # At temperature 0 so small a model falls into loops of words and never ends.
    p.sampling.penalty_repeat = 1.1
    p.sampling.penalty_last_n = 256
    p.verbosity = 1  # errors only
    return p


def usable_cores() -> set[int]:
    """The cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def memory_bytes() -> int:
    """The machine's memory, or the container's limit if that is lower."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        limit = Path("/sys/fs/cgroup", name)
        if limit.is_file() and limit.read_text().strip().isdigit():
            memory = min(memory, int(limit.read_text()))
    return memory


if __name__ == "__main__":
    main()
