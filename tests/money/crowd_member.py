"""The processes of a crowd (see crowd.py): `python -m tests.money.crowd_member SOCKET…`.

One for each socket, forked off when Django is loaded, which takes longest. It reads a list of tasks
as a line of JSON, opens a connection per thread, says "ready", waits for "go", and answers with a
line of results.
"""

import asyncio
import json
import os
import socket
import sys
import uuid
from collections.abc import Callable
from typing import Any, TextIO

import django

THREADS = 5
MODEL = "test-model"
TEXT = "Why?"


def _jobs() -> dict[str, Callable[[Any], Any]]:
    """What a process of the crowd can do. Imported late: Django must be set up."""
    from django.contrib.auth import get_user_model
    from django.db import transaction

    from billing.usage import TokenUsage
    from conversations import charges, meter, turns
    from conversations.models import Generation
    from conversations.protocol import CreateTurn, Refused

    def ask(user_id: int) -> str:
        """Id of the generation, or the code of the refusal."""
        user = get_user_model()._default_manager.get(pk=user_id)
        command = CreateTurn(id=uuid.uuid4(), conversation=None, text=TEXT)
        try:
            return str(turns.start_turn(user, command, MODEL).generation.pk)
        except Refused as refused:
            return refused.code

    def settle(generation_id: str) -> str:
        """USD that an answer of 400 tokens cost."""
        generation = Generation.objects.get(pk=generation_id)
        usage = TokenUsage(input_tokens=10, output_tokens=400)
        charge = charges.charge_of(generation, "completed", usage, [], {})
        with transaction.atomic():
            charges.settle(charge)
        return str(charge.amount)

    def release(generation_id: str) -> str:
        with transaction.atomic():
            charges.settle(charges.Charge(uuid.UUID(generation_id)))
        return "released"

    def warn(user_id: int) -> int:
        """How many warnings go out now."""
        return len(meter.warnings_due(user_id)[1])

    return {"ask": ask, "settle": settle, "release": release, "warn": warn}


async def _work(
    test: TextIO, jobs: dict[str, Callable[[Any], Any]], tasks: list[tuple[str, Any]]
) -> list[Any]:
    """Through the same threads that a site's process uses, which wait for a locked database."""
    from django.db import connection

    from conversations.database import DatabaseThread

    threads = [DatabaseThread(f"asker {number}") for number in range(THREADS)]
    for thread in threads:
        await thread.run(lambda: connection.ensure_connection())  # noqa: PLW0108  # one per thread
    print("ready", file=test, flush=True)
    assert test.readline() == "go\n"

    async def some(thread: DatabaseThread, mine: list[tuple[str, Any]]) -> list[Any]:
        return [await thread.patiently(120, jobs[name], value) for name, value in mine]

    hands = [some(thread, tasks[number::THREADS]) for number, thread in enumerate(threads)]
    results = [result for part in await asyncio.gather(*hands) for result in part]
    for thread in threads:
        await thread.close()
    return results


def _serve(test: TextIO, jobs: dict[str, Callable[[Any], Any]]) -> None:
    for line in test:
        print(json.dumps(asyncio.run(_work(test, jobs, json.loads(line)))), file=test, flush=True)


def main(sockets: list[int]) -> None:
    django.setup()
    jobs = _jobs()
    processes = []
    for number in sockets:
        process = os.fork()
        if process == 0:
            for other in sockets:
                if other != number:
                    os.close(other)
            with socket.socket(fileno=number) as mine, mine.makefile("rw") as test:
                _serve(test, jobs)
            return
        processes.append(process)
    for number in sockets:
        os.close(number)
    for process in processes:
        os.waitpid(process, 0)


if __name__ == "__main__":
    main([int(number) for number in sys.argv[1:]])
