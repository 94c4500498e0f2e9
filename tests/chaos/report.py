"""The closing lines of a run."""

from collections import Counter

from tests.chaos.run import Result
from tests.chaos.witness import INVARIANTS

SHOWN = 3
"""Violations of one invariant that are shown."""
LOGGED = 60
"""Lines of the processes' logs that are shown beside them."""


def lines(result: Result) -> list[str]:
    """A table of what was done, seen and found."""
    witness = result.witness
    said = [f"== {result.setup}, seed {result.seed}: {result.seconds:.0f} s"]
    said += _table(f"{result.faults.total()} faults", result.faults)
    said += _table(f"{result.endings.total()} answers", result.endings)
    said += _table("people", witness.counts)
    said += _table("sockets closed with", witness.closes)
    said.append(f"{len(result.logged)} errors in the processes' logs")
    said.append(f"slowest stop {witness.slowest_stop:.2f} s, start {result.slowest_start:.1f} s")
    said += _table(
        f"{result.violations} violations", {i: len(witness.violations[i]) for i in INVARIANTS}
    )
    for invariant, found in witness.violations.items():
        said += [f"VIOLATED {invariant}: {evidence}" for evidence in found[:SHOWN]]
    if result.violations:
        said += [f"LOGGED {line}" for line in result.logged[:LOGGED]]
        said.append(f"again: python -m tests.chaos --setup {result.setup} --seed {result.seed}")
    return said


def _table(head: str, counts: "Counter[str] | Counter[int] | dict[str, int]") -> list[str]:
    rows = [(str(name), count) for name, count in counts.items()]
    return [f"{head}:", *(f"  {count:>8,}  {name}" for name, count in rows)]
