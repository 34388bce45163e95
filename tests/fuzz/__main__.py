"""
C{python -m tests.fuzz}: make up cases for targets, and keep what is worth it.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from tests.fuzz import corpus, growth, guided, plain, registry
from tests.fuzz.registry import Target
from tests.fuzz.tracing import distil
from tests.fuzz.trying import fault_of, shrink

MOST = 60
"""Cases that are kept of a target."""


def main(arguments: list[str] | None = None) -> int:
    """
    Fuzz; the exit status is 1 when something was found.
    """
    asked = _asked(arguments)
    found = 0
    for name in asked.targets or registry.names():
        target = registry.target(name)
        known = [*target.seeds, *corpus.load(name), *corpus.load(name, corpus.FAULTS)]
        if asked.growth:
            found += _grow(target, known, asked.seconds, asked.seed)
        else:
            found += _fuzz(target, known, asked.seconds, asked.seed, asked.plain)
    return 1 if found else 0


def _asked(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    names = registry.names()
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(names)}; all")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target; 60")
    parser.add_argument(
        "--seed", type=int, default=time.time_ns() % 2**31, help="else by the clock"
    )
    parser.add_argument("--plain", action="store_true", help="without atheris")
    parser.add_argument("--growth", action="store_true", help="look for time that grows too fast")
    asked = parser.parse_args(arguments)
    unknown = set(asked.targets) - set(names)
    if unknown:
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return asked


def _fuzz(target: Target, known: list[bytes], seconds: float, seed: int, bare: bool) -> int:
    for case in known:
        fault = fault_of(target, case)
        if fault is not None:
            return _tell(target, case, fault)
    fuzz = plain.fuzz if bare or not guided.there() else guided.fuzz
    begun = time.monotonic()
    cases, faults, tried = fuzz(target, known, seconds, seed)
    for case in faults:
        fault = fault_of(target, case)
        if fault is None:
            print(f"{target.name}: {case!r} is no fault when it is tried alone")
            continue
        case = shrink(target, case)
        corpus.keep(target.name, case, corpus.FAULTS)
        return _tell(target, case, fault_of(target, case) or fault)
    kept = distil(target.one, [each for each in cases if fault_of(target, each) is None], MOST)
    corpus.save(target.name, kept)
    spent = time.monotonic() - begun
    print(
        f"{target.name}: {tried} cases in {spent:.0f} s, seed {seed}, {len(kept)} kept", flush=True
    )
    return 0


def _tell(target: Target, case: bytes, fault: Exception) -> int:
    print(f"{target.name}: FAULT with {case!r}")
    traceback.print_exception(fault, file=sys.stdout)
    sys.stdout.flush()
    return 1


def _grow(target: Target, known: list[bytes], seconds: float, seed: int) -> int:
    found = tried = 0
    for steep in growth.search(target, known, seconds, seed):
        tried += 1
        if steep is None:
            continue
        found += 1
        case, spent = steep
        print(f"{target.name}: {spent:.2f} s for {len(case)} bytes: {case[:60]!r}…{case[-30:]!r}")
    print(f"{target.name}: {found} of {tried} inputs grow too fast", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
