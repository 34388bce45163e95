"""
The balancer's own processes.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.faults.base import EVERYTHING, Fault
from tests.chaos.processes import descriptors, limit_descriptors, tree
from tests.chaos.sheet import Trouble
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
        self._pids = tree(run.world.pid)
        for pid in self._pids:
            limit_descriptors(pid, descriptors(pid) + self.random.randint(0, 4))
        return f"of {len(self._pids)} processes"

    def undo(self, run: Run) -> None:
        for pid in self._pids:
            if Path(f"/proc/{pid}").exists():
                limit_descriptors(pid, None)


class SpoiltState(Fault):
    """
    The process is killed, the state file is damaged, and the process is started again.
    """

    name = "spoilt-state"
    weight = 1
    span = (0.1, 0.2)
    alone = True
    excuses = breaks = EVERYTHING

    def do(self, run: Run) -> str:
        run.rest()
        run.world.signal(signal.SIGKILL)
        run.until(lambda: not run.world.lives(), "the balancer is gone")
        run.books.forget()
        state = run.world.folder / "state.json"
        how = self.random.choice(("cut", "flipped", "empty", "junk", "gone"))
        if state.exists():
            _spoil(state, how, self.random)
        run.world.begin()
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

    def victim(self, run: Run) -> int:
        """
        Choose a worker.
        """
        return self.random.choice(tree(run.world.pid)[1:])


class KillWorker(_OfAWorker):
    """
    A worker is killed; another one takes its place.
    """

    name = "kill-worker"

    def do(self, run: Run) -> str:
        victim = self.victim(run)
        os.kill(victim, signal.SIGKILL)
        return f"process {victim}"


class HangWorker(_OfAWorker):
    """
    A worker is stopped; it is found by its missing signs of life, and replaced.
    """

    name = "hang-worker"
    span = (4.0, 6.0)
    excuses = breaks = LOST | {Trouble.SILENT}

    def do(self, run: Run) -> str:
        victim = self.victim(run)
        os.kill(victim, signal.SIGSTOP)
        return f"process {victim}"


class Upgrade(Fault):
    """
    Another process takes over; tunnels last for graceful-timeout.
    """

    name = "upgrade"
    needs = "upgrade"
    weight = 1
    span = (3.0, 4.0)
    excuses = frozenset({Trouble.STALE})
    breaks = frozenset({Trouble.STALE, Trouble.CLOSED, Trouble.SILENT})

    @classmethod
    def choose(cls, chance: random.Random) -> tuple[str, ...]:
        return ("process", "config", "log")

    def do(self, run: Run) -> str:
        socket = run.world.folder / "control.sock"
        done = subprocess.run(
            (*COMMAND, "upgrade", "--socket", str(socket), "--wait", "--json"),
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode:
            run.wrong(f"upgrade: {done.stdout}{done.stderr}")
            return "failed"
        run.world.pid = json.loads(done.stdout)["pid"]
        return f"to process {run.world.pid}"
