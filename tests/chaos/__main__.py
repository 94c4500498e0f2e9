"""`python -m tests.chaos`: breaks the site thousands of times; 1 when a promise broke."""

import argparse
import asyncio
import os
import random
import sys

import django

SINGLE_SHARE = 0.3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=2000, help="in all set-ups together")
    parser.add_argument("--seed", type=int, help="repeats the choice of faults")
    setups = ("single", "cluster", "background", "both")
    parser.add_argument("--setup", choices=setups, default="both")
    parser.add_argument("--heavy", type=float, default=0.2, help="share that is no cut socket")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.chaos.report import lines
    from tests.chaos.run import run

    seed = random.randrange(10**6) if options.seed is None else options.seed
    violations = 0
    # One process can only be killed once it is up again; of several, others go on meanwhile.
    single = round(options.faults * SINGLE_SHARE)
    parts = {"single": single, "cluster": options.faults - single}
    chosen = parts if options.setup == "both" else {options.setup: options.faults}
    for setup, faults in chosen.items():
        print(f"{setup}: {faults} faults, seed {seed}", flush=True)
        result = asyncio.run(run(setup, faults, seed, options.heavy))
        print("\n".join(lines(result)), flush=True)
        violations += result.violations
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
