"""
What limits cost: instructions of an exchange in memory, with a limit and without.

C{python -m bench.limits} tries each case under C{valgrind --tool=cachegrind} with few exchanges and
with many, so that what starting takes falls out, and prints the instructions of one exchange.
C{python -m bench.limits --time} prints its CPU time instead, quicker and rougher. Names of cases
behind either choose some.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
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

FEW, MANY, ROUNDS = 50, 350, 60
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


class Ends:
    """
    A client with one connection, and the member that answers it.
    """

    def __init__(self, case: str) -> None:
        self.rig = rig_for(case)
        self.client, self.member = self.rig.client(), None
        self.refused = case.endswith("refused")
        self.served = False

    def exchange(self, count: int) -> None:
        """
        Make exchanges; of those that are refused all but the very first.
        """
        for _ in range(count):
            self.client.send(GET)
            for opening in self.rig.openings():
                self.member = opening.accept()
            refused = self.refused and self.served
            if not refused:
                self.member.send(OK)
            self.rig.advance(0)
            answer = self.client.taken()
            assert (b" 429 " if refused else b" 200 ") in answer[:20], answer
            self.served = True


def count_all(cases: Sequence[str]) -> None:
    """
    Make exchanges of each case in processes of their own, few and many: each of them tells at its
    end how many instructions it took, with those of its start.
    """
    for case in cases:
        for count in (FEW, MANY):
            pid = os.fork()
            if not pid:
                Ends(case).exchange(count)
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


def microseconds(cases: Sequence[str]) -> Iterator[tuple[str, float]]:
    """
    Yield the CPU time of one exchange of each case; taken in turns, so that whatever else the
    machine does meets all of them.
    """
    ends = {case: Ends(case) for case in cases}
    spent: dict[str, list[int]] = {case: [] for case in cases}
    for _ in range(ROUNDS):
        for case, each in ends.items():
            began = time.thread_time_ns()
            each.exchange(FEW)
            spent[case].append(time.thread_time_ns() - began)
    for case in cases:
        yield case, statistics.median(spent[case]) / FEW / 1000


def main() -> None:
    """
    Do what the command line says.
    """
    if sys.argv[1:2] == [INSIDE]:
        count_all(sys.argv[2:])
        return
    timed = sys.argv[1:2] == ["--time"]
    cases = sys.argv[2 if timed else 1 :] or [*CASES, *(f"workers:{each}" for each in CASES)]
    for case, number in microseconds(cases) if timed else instructions(cases):
        print(f"{case:30} {number:>9,.{1 if timed else 0}f}")


if __name__ == "__main__":
    main()
