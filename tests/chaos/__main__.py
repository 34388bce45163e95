"""
The command line: C{python -m tests.chaos --seconds 600 --seed N}.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import FrameType

from tests.chaos.building import made
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.features import features
from tests.chaos.plan import make_plan
from tests.chaos.running import Run
from tests.chaos.world import World

WARM_UP = 5.0
CALMS = 4.0
"""Seconds after the last fault for all to be well."""


def say(line: str) -> None:
    """
    One line of the report.
    """
    print(line, flush=True)


def parser() -> argparse.ArgumentParser:
    """
    The options.
    """
    names = [each.name for each in FAULTS]
    made = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    made.add_argument("--seconds", type=float, default=600.0, help="of faults (600)")
    made.add_argument("--seed", type=int, help="of a run that is to be had again")
    made.add_argument("--workers", type=int, default=0, help="option of the balancer (0)")
    made.add_argument("--only", nargs="+", choices=names, metavar="FAULT", help=", ".join(names))
    made.add_argument("--keep", type=Path, help="folder for logs and state, if something is wrong")
    made.add_argument("--at-once", type=int, default=4, help="faults at a time, at most (4)")
    return made


def possible(world: World, only: Sequence[str] | None) -> list[type[Fault]]:
    """
    Return the faults that a world can have, and tell of the others.
    """
    lacking = features(world)
    found = []
    for kind in FAULTS:
        if only and kind.name not in only:
            continue
        if reason := lacking.get(kind.needs, ""):
            say(f"without {kind.name}: {reason}")
        else:
            found.append(kind)
    return found


def verdict(run: Run, steps: int, seconds: float) -> int:
    """
    Tell how it went.

    @return: the exit code.
    """
    sheet, (memory, open_) = run.sheet, run.leaks.last
    first = run.leaks.first or (0, 0)
    say(f"faults     {steps - run.left_out}, {run.left_out} left out")
    answers = ", ".join(f"{name} {count}" for name, count in sorted(sheet.answers.items()))
    say(f"answers    {sum(sheet.answers.values())} in {seconds:.0f} s: {answers}")
    excused = ", ".join(f"{name} {count}" for name, count in sorted(run.served.excused.items()))
    say(f"excused    {sum(run.served.excused.values())}: {excused or 'none'}")
    effects = ", ".join(f"{name} {sum(x)}/{len(x)}" for name, x in sorted(run.noticed.items()))
    say(f"noticed    {effects or 'nothing'}")
    if run.settled.lost:
        missing, most = run.settled.missing().total(), run.settled.lost.total()
        say(f"lost       {missing} answers of killed workers are in no log, {most} at most may be")
    say(f"memory     {first[0] / 2**20:.1f} MiB at first, {memory / 2**20:.1f} MiB at last")
    say(f"open files {first[1]} at first, {open_} at last")
    say(f"verdict    {f'{len(run.wrongs)} WRONG' if run.wrongs else 'all held'}")
    return 1 if run.wrongs else 0


def terminate(number: int, frame: FrameType | None) -> None:
    """
    Make a signal unwind the stack, so that everything started is ended.
    """
    raise SystemExit(128 + number)


def main(arguments: Sequence[str] | None = None) -> int:
    """
    @return: 0; 1 when something did not hold.
    """
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, terminate)
    seed = random.randrange(10**6) if options.seed is None else options.seed
    say(f"seed {seed}")
    with made(options.workers) as world:
        plan = make_plan(seed, options.seconds, possible(world, options.only), options.at_once)
        run = Run(world, say, seed)
        began = time.monotonic()
        with closing(run.books.reader):
            try:
                with run.load:
                    run.wait(WARM_UP)
                    run.rest()
                    run.go_on()
                    run.follow(plan)
                    run.wait(CALMS)
                    run.rest()
                run.end()
                run.weigh()
            except Exception as error:
                run.wrong(f"{type(error).__name__}: {error}")
                say(world.process.log()[-3000:])
        if run.wrongs and options.keep:
            ignored = shutil.ignore_patterns("*.sock", "filler")
            shutil.copytree(world.folder, options.keep, ignore=ignored, dirs_exist_ok=True)
        return verdict(run, len(plan), time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
