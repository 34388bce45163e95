"""
What limits cost: instructions of an exchange in memory, with a limit and without.

C{python -m bench.limits} tries each case under C{valgrind --tool=cachegrind} with few exchanges and
with many, so that what starting takes falls out, and prints what one exchange takes. Names of cases
behind it choose some.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from txbalancer.testing import MemoryRig

GET = b"GET /some/page?with=query HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: bench\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

TEXT = """\
[txbalancer]
access-log = off
[listener:web]
endpoint = tcp:80
LISTENER
[limit:some]
rate = RATE
[balancer:shop]
BALANCER
members = http://10.0.0.1
[mount:/]
to = balancer://shop/
MOUNT
"""

CASES: dict[str, dict[str, str]] = {
    "off": {},
    "rate": {"MOUNT": "limit = some"},
    "refused": {"MOUNT": "limit = some", "RATE": "1/h\nburst = 1"},
    "max-requests": {"BALANCER": "max-requests = 90"},
    "requests-per-client": {"LISTENER": "requests-per-client = 50"},
}
"""What is set in each."""

FEW, MANY = 50, 350
INSIDE = "--inside"


def rig_for(case: str) -> Any:
    """
    Return a data path in memory; of C{workers:CASE} as one of two workers has it.
    """
    kind, _, name = case.rpartition(":")
    text = TEXT
    for key, value in {"RATE": "1000000/s\nburst = 1000000", **CASES[name]}.items():
        text = text.replace(key, value)
    for key in ("LISTENER", "BALANCER", "MOUNT"):
        text = text.replace(key, "")
    if not kind:
        return MemoryRig(text)
    return _as_worker(text)


def _as_worker(text: str) -> Any:
    # Not needed, and not to be had, where other versions are measured with this file.
    from twisted.internet.testing import MemoryReactorClock

    from txbalancer.config import loads
    from txbalancer.services.counting import OfWorker
    from txbalancer.services.plugins import load_registry
    from txbalancer.services.shares import Shares, names_of
    from txbalancer.workers.rates import create_rates
    from txbalancer.workers.table import Rows, Table, create_memory

    table, rows = Table(create_memory()), Rows()
    table.use(1)
    table.use(2)
    spec = loads(text, load_registry()).spec
    shares = Shares(MemoryReactorClock(), table, 1, 2, lambda balancer, member: None)
    resources = MemoryRig(spec).targets.resources()
    shares.learn({name: rows[name] for name in names_of(resources, spec.listeners)})
    memories = {each.name: create_rates(each.keys) for each in spec.limits}
    return MemoryRig(spec, counting=OfWorker(shares, table, 1, memories))


def exchange(case: str, count: int) -> None:
    """
    Make exchanges, on one connection.
    """
    rig = rig_for(case)
    client, member = rig.client(), None
    for number in range(count):
        client.send(GET)
        for opening in rig.openings():
            member = opening.accept()
        if member is not None and not (number and case.endswith("refused")):
            member.send(OK)
        rig.advance(0)
        answer = client.taken()
        wanted = b" 429 " if number and case.endswith("refused") else b" 200 "
        assert wanted in answer[:20], answer
        if number and case.endswith("refused") and client.lost:
            client = rig.client()


def count_all(cases: Sequence[str]) -> None:
    """
    Make exchanges of each case in processes of their own, few and many: each of them tells at its
    end how many instructions it took, with those of its start.
    """
    for case in cases:
        for count in (FEW, MANY):
            pid = os.fork()
            if not pid:
                exchange(case, count)
                os._exit(0)
            if os.waitpid(pid, 0)[1]:
                raise SystemExit(f"{case} fails")
            print(case, count, pid, flush=True)


def instructions(cases: Sequence[str]) -> Iterator[tuple[str, int]]:
    """
    Yield the instructions that one exchange of each case takes.
    """
    words = [
        *("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"),
        *(sys.executable, __file__, INSIDE, *cases),
    ]
    env = {**os.environ, "PYTHONHASHSEED": "1"}
    env.setdefault("PYTHONPATH", str(Path(__file__).resolve().parents[1]))
    done = subprocess.run(words, env=env, check=True, capture_output=True, text=True)
    found = re.findall(r"==(\d+)== I\s+refs:\s+([\d,]+)", done.stderr)
    totals = {int(pid): int(number.replace(",", "")) for pid, number in found}
    told = [line.split() for line in done.stdout.splitlines()]
    for few, many in zip(told[::2], told[1::2], strict=True):
        yield few[0], (totals[int(many[2])] - totals[int(few[2])]) // (MANY - FEW)


def main() -> None:
    """
    Do what the command line says.
    """
    if sys.argv[1:2] == [INSIDE]:
        count_all(sys.argv[2:])
        return
    cases = sys.argv[1:] or [*CASES, *(f"workers:{each}" for each in CASES)]
    for case, number in instructions(cases):
        print(f"{case:30} {number:>9,}")


if __name__ == "__main__":
    main()
