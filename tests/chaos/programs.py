"""
Processes that take orders: members, and the network between.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Self

from tests.chaos.member import Manner
from tests.chaos.wire import Weather
from tests.integration.process import environment

NAMES = ("web1", "web2", "web3", "web4")
FAR = ("web3", "web4")
"""Those behind the network that loses packets, where there is one."""


class Program:
    """
    One process; it ends when this one does, for its standard input ends then.
    """

    def __init__(self, output: IO[bytes], *command: str) -> None:
        self._output, self._command = output, command
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, word: bytes = b"") -> Self:
        """
        Start it and wait for a line.

        @raise RuntimeError: it ended before.
        """
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
            env=environment(),
        )
        assert self.process.stdout is not None
        if word and self.process.stdout.readline().strip() != word:
            self.kill()
            raise RuntimeError(f"{' '.join(self._command)}: did not start")
        return self

    @property
    def pid(self) -> int:
        """
        Its process id.
        """
        assert self.process is not None
        return self.process.pid

    def order(self, order: Any) -> int:
        """
        Send a dataclass as a line of JSON; return the number that is answered.
        """
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asdict(order)).encode() + b"\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def kill(self) -> None:
        """
        End it at once, if it runs.
        """
        if self.process is None:
            return
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        self.process = None


class MemberProgram(Program):
    """
    @ivar address: where it is, and on which ports.
    """

    def __init__(
        self, output: IO[bytes], name: str, address: str, ports: list[int], at: int
    ) -> None:
        """
        @param at: a process in whose network it is to be; 0 = this one's.
        """
        self.name, self.address = name, address
        self.http, self.chat, self.echo = ports
        prefix = ("nsenter", "-t", str(at), "-n") if at else ()
        super().__init__(
            output,
            *(*prefix, sys.executable, "-m", "tests.chaos.member"),
            *(name, address, *map(str, ports)),
        )

    @property
    def urls(self) -> dict[str, str]:
        """
        What it is called, by balancer.
        """
        return {
            "pool": f"http://{self.address}:{self.http}",
            "chat": f"http://{self.address}:{self.chat}",
            "echo": f"tcp://{self.address}:{self.echo}",
        }

    def begin(self) -> None:
        """
        Start it.
        """
        self.start(b"serving")

    def behave(self, answers: str = "well", health: int = 200) -> int:
        """
        Change its manner; return how often it had not behaved well before.
        """
        return self.order(Manner(answers, health))

    def signal(self, number: signal.Signals) -> None:
        """
        Send it a signal.
        """
        if self.process is not None:
            self.process.send_signal(number)


class Network:
    """
    A namespace of its own with a L{wire<tests.chaos.wire>} to it.

    @ivar pid: a process in it.
    """

    def __init__(self, output: IO[bytes], number: int) -> None:
        """
        @param number: 0 to 16383: distinguishes it from others on this machine.
        @raise RuntimeError: the machine has no such thing, or does not allow it.
        """
        self.own = f"10.213.{number >> 6}.{(number & 63) * 4 + 1}"
        self.there = f"10.213.{number >> 6}.{(number & 63) * 4 + 2}"
        self._holder = Program(output, "unshare", "--net", "sh", "-c", "echo held && exec cat")
        try:
            self._holder.start(b"held")
            self.pid = self._holder.pid
            self._wire = Program(
                output,
                *(sys.executable, "-m", "tests.chaos.wire", str(self.pid), self.own, self.there),
            )
            self._wire.start(b"laid")
        except (OSError, RuntimeError) as error:
            self._holder.kill()
            raise RuntimeError(f"no network of its own: {error}") from error

    def be(self, weather: Weather) -> int:
        """
        Change what happens to packets; return to how many something had happened before.
        """
        return self._wire.order(weather)

    def end(self) -> None:
        """
        Take it away.
        """
        self._wire.kill()
        self._holder.kill()


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[bool]:
    """
    Make a folder a disk of its own for the length of a C{with} block; tell whether it became one.
    """
    mount = ("mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "chaos", str(folder))
    done = os.getuid() == 0 and not subprocess.run(mount, capture_output=True).returncode
    try:
        yield done
    finally:
        if done:
            subprocess.run(("umount", "--lazy", str(folder)), check=True)
