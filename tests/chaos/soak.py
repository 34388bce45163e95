"""
An hour of mixed load without faults: C{python -m tests.chaos.soak --minutes 60}.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import closing

from tests.chaos.__main__ import say
from tests.chaos.building import made
from tests.chaos.faults.disk import Rotate
from tests.chaos.processes import rss, total
from tests.chaos.running import Run

SAMPLES_EVERY = 5.0
ROTATES_EVERY = 12
"""Samples between two rotations of the log, whose disk is small."""

WARM_UP = 1800.0
"""Seconds until graphs of 15 min, what is remembered of heads and the heap of C are full."""

MOST_SLOPE = 1.0
"""MiB an hour."""

Sample = tuple[float, float]
"""Seconds since the beginning, and resident MiB."""


def slope(samples: Sequence[Sample], warm_up: float) -> float:
    """
    Return the MiB an hour by which memory grows, by linear regression.

    @param warm_up: seconds at the beginning that do not count.
    """
    warm = [each for each in samples if each[0] >= warm_up]
    return statistics.linear_regression(*zip(*warm, strict=True)).slope * 3600.0


def soak(run: Run, seconds: float) -> list[Sample]:
    """
    Let the clients work and look at the memory.
    """
    samples: list[Sample] = []
    began = time.monotonic()
    while (at := time.monotonic() - began) < seconds:
        if len(samples) % ROTATES_EVERY == ROTATES_EVERY - 1:
            rotate = Rotate((), 0)
            rotate.do(run)
            run.wait(0.5)
            rotate.undo(run)
        samples.append((at, total(run.world.pid, rss) / 2**20))
        if len(samples) % (10 * ROTATES_EVERY) == 1:
            run.tell(f"{samples[-1][1]:.2f} MiB, {sum(run.sheet.answers.values())} answers")
        run.wait(SAMPLES_EVERY)
    return samples


def main(arguments: Sequence[str] | None = None) -> int:
    """
    @return: 0; 1 when memory grows, or something did not hold.
    """
    options = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    options.add_argument("--minutes", type=float, default=60.0)
    options.add_argument("--workers", type=int, default=0)
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    chosen = options.parse_args(arguments)
    seconds = chosen.minutes * 60.0
    warm_up = min(WARM_UP, seconds / 2)
    say(f"seed {chosen.seed}")
    with made(chosen.workers) as world:
        run = Run(world, say, chosen.seed)
        with closing(run.books.reader):
            with run.load:
                samples = soak(run, seconds)
                run.rest()
            run.end()
    growth = slope(samples, warm_up)
    if growth > MOST_SLOPE:
        run.wrong(f"memory grows by {growth:.2f} MiB an hour")
    warm = [memory for at, memory in samples if at >= warm_up]
    answers = ", ".join(f"{name} {count}" for name, count in sorted(run.sheet.answers.items()))
    say(f"answers    {sum(run.sheet.answers.values())} in {seconds:.0f} s: {answers}")
    say(f"memory     {min(warm):.2f} to {max(warm):.2f} MiB after {warm_up / 60:.1f} min")
    say(f"slope      {growth:+.2f} MiB an hour, by linear regression of {len(warm)} samples")
    say(f"verdict    {f'{len(run.wrongs)} WRONG' if run.wrongs else 'all held'}")
    return 1 if run.wrongs else 0


if __name__ == "__main__":
    sys.exit(main())
