"""
The balancer's own processes.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.faults.base import EVERYTHING, Fault
from tests.chaos.processes import descriptors, has_ended, limit_descriptors, tree
from tests.chaos.sheet import Trouble
from tests.chaos.world import GRACEFUL, UPGRADE_SECONDS
from tests.integration.process import environment

if TYPE_CHECKING:
    from tests.chaos.running import Run

COMMAND = (sys.executable, "-m", "txbalancer")
LOST = frozenset({Trouble.CLOSED, Trouble.STALE, Trouble.BROKEN})
"""What happens to connections of a process that dies."""


class _OfTheProcess(Fault):
    @classmethod
    def choose(cls, chance: random.Random) -> tuple[str, ...]:
        return ("process",)


class Descriptors(_OfTheProcess):
    """
    Hardly one more descriptor is to be had: who has a connection is served, others may be sent
    away.
    """

    name = "descriptors"
    span = (0.5, 2.0)
    excuses = breaks = EVERYTHING

    @classmethod
    def choose(cls, chance: random.Random) -> tuple[str, ...]:
        # A reload that cannot open its files is refused, as it should be.
        return ("process", "config")

    def do(self, run: Run) -> str:
        self._before = self._misses(run)
        pids = tree(run.world.pid)
        for pid in pids:
            limit_descriptors(pid, descriptors(pid) + self.random.randint(0, 4))
        return f"of {len(pids)} processes"

    def undo(self, run: Run) -> None:
        # Those too that were started meanwhile.
        for pid in tree(run.world.pid):
            with contextlib.suppress(ProcessLookupError):
                limit_descriptors(pid, None)
        self.noticed = self._misses(run) > self._before

    def _misses(self, run: Run) -> float:
        refused = run.world.sample("listener_failures_total", 'reason="no-descriptors"')
        return run.world.sample("descriptors_exhausted_total") + refused


class SpoiltState(Fault):
    """
    The process is killed, the state file is damaged, and the process is started again.
    """

    name = "spoilt-state"
    weight = 1
    span = (0.1, 0.2)
    alone = True

    def do(self, run: Run) -> str:
        run.rest()
        run.world.signal(signal.SIGKILL)
        run.until(lambda: not run.world.lives(), "the balancer is gone")
        run.books.forget()
        state = run.world.folder / "state.json"
        how = self.random.choice(("cut", "flipped", "empty", "junk", "gone"))
        start = run.world.log_size()
        if state.exists():
            _spoil(state, how, self.random)
        run.world.begin()
        said = run.world.process.log(start)
        self.noticed = how == "gone" or "damaged" in said or "cannot be" in said
        # The file of before may say that a member is out of use that was put back since.
        run.world.put_in_use()
        run.go_on()
        return how


def _spoil(state: Path, how: str, chance: random.Random) -> None:
    data = bytearray(state.read_bytes())
    if how == "gone":
        state.unlink()
        return
    if how == "cut":
        del data[chance.randrange(len(data)) :]
    elif how == "flipped":
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif how == "empty":
        data.clear()
    else:
        data[:] = chance.randbytes(1000)
    state.write_bytes(data)


class _OfAWorker(_OfTheProcess):
    needs = "workers"
    span = (1.0, 4.0)
    excuses = breaks = LOST

    def strike(self, run: Run, number: signal.Signals) -> str:
        """
        Choose a worker, the spare one among them, and send it a signal that it cannot survive.
        """
        self._victim = self.random.choice(tree(run.world.pid)[1:])
        self._start = run.world.log_size()
        os.kill(self._victim, number)
        run.books.torn += run.settled.may_lose()
        return f"process {self._victim}"

    def undo(self, run: Run) -> None:
        run.until(lambda: not Path(f"/proc/{self._victim}").exists(), "the worker is found")
        self.noticed = "is lost" in run.world.process.log(self._start)


class KillWorker(_OfAWorker):
    """
    A worker is killed; another one takes its place.
    """

    name = "kill-worker"

    def do(self, run: Run) -> str:
        return self.strike(run, signal.SIGKILL)


class HangWorker(_OfAWorker):
    """
    A worker is stopped; it is found by its missing signs of life, and replaced.
    """

    name = "hang-worker"
    span = (5.5, 7.0)
    excuses = breaks = LOST | {Trouble.SILENT}

    def do(self, run: Run) -> str:
        return self.strike(run, signal.SIGSTOP)


class Upgrade(Fault):
    """
    Another process takes over. No request suffers; tunnels, and answers that take longer, last for
    graceful-timeout.
    """

    name = "upgrade"
    needs = "upgrade"
    weight = 1
    span = (GRACEFUL + 0.5, GRACEFUL + 1.5)
    breaks = frozenset({Trouble.STALE, Trouble.CLOSED, Trouble.SILENT})

    @classmethod
    def choose(cls, chance: random.Random) -> tuple[str, ...]:
        return ("process", "config", "log")

    def do(self, run: Run) -> str:
        self._former = run.world.pid
        socket = run.world.folder / "control.sock"
        with subprocess.Popen(
            (*COMMAND, "upgrade", "--socket", str(socket), "--json"),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as asking:
            run.until(lambda: asking.poll() is not None, "an upgrade", UPGRADE_SECONDS)
            asking.kill()
            said = asking.communicate()[0].decode()
        if asking.returncode:
            run.wrong(f"upgrade: {said}")
            return "failed"
        run.world.pid = json.loads(said)["pid"]
        return f"to process {run.world.pid}"

    def undo(self, run: Run) -> None:
        run.until(lambda: has_ended(self._former), "the process of before ends")
