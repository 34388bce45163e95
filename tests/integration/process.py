"""
The balancer as a process of its own, as an administrator runs it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from tests.integration.client import ask
from tests.logged import read_line
from tests.peers import free_port, is_listening

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0
STOP_SECONDS = 15.0

HEAD = """\
[txbalancer]
access-log = ACCESS
access-log-format = json
graceful-timeout = 5s
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
"""

MOUNT = "[mount:/]\nto = status:204\n"


def until(holds: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    """
    Wait for something to become true and return it, or fail after a bounded time.
    """
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s: {what}")
        time.sleep(0.01)
    return found


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """
    Return what a process needs to find this checkout, installed or not.
    """
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **(extra or {})}


def twistd(*arguments: str) -> list[str]:
    """
    Return the command line of C{twistd} beside the running Python.
    """
    return [sys.executable, str(Path(sys.executable).with_name("twistd")), *arguments]


class Heir:
    """
    A process that took the place of one of ours: nobody's child here, so all that can be said
    of it is whether it runs.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        """
        Return 0 once it has ended.
        """
        with contextlib.suppress(OSError):
            if "\nState:\tZ" not in Path(f"/proc/{self.pid}/status").read_text():
                return None
        return 0

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """
        Wait for its end.
        """
        deadline = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), seconds)
            time.sleep(0.01)
        return 0

    def send_signal(self, number: int) -> None:
        """
        Send it a signal, if it is there.
        """
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """
        Ask it to stop.
        """
        self.send_signal(signal.SIGTERM)


class BalancerProcess:
    """
    One C{twistd txbalancer} on a free port, from a folder of its own.

    @ivar port: put in for C{PORT} in configurations.
    @ivar config: the configuration file.
    @ivar access: the access log, put in for C{ACCESS}.
    @ivar env: the environment of the process.
    """

    def __init__(self, folder: Path, text: str) -> None:
        """
        @param text: the configuration; without C{[txbalancer]} at its start, L{HEAD} goes before.
        """
        self.folder = folder
        self.port = free_port()
        self.config = folder / "conf.ini"
        self.access = folder / "access.log"
        self.process: subprocess.Popen[bytes] | Heir | None = None
        self._former: list[subprocess.Popen[bytes] | Heir] = []
        self._output = folder / "output.log"
        self._notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = f"txbalancer-test-{os.getpid()}-{self.port}"
        self._notified.bind(f"\0{address}")
        self.env = environment({"NOTIFY_SOCKET": f"@{address}", "RUNTIME_DIRECTORY": str(folder)})
        self.write(text)

    @property
    def pid(self) -> int:
        """
        The process id while it runs.
        """
        assert self.process is not None
        return self.process.pid

    def write(self, text: str) -> None:
        """
        Write the configuration file, without any effect before L{reload}.
        """
        if not text.startswith("[txbalancer]"):
            text = HEAD + text
        text = text.replace("PORT", str(self.port)).replace("ACCESS", str(self.access))
        self.config.write_text(text)

    def launch(self, *prefix: str) -> Self:
        """
        Start the process without waiting for it.

        @param prefix: a command that runs another, for the front of the command line.
        """
        return self.launch_with((), *prefix)

    def launch_with(self, files: Sequence[int], *prefix: str) -> Self:
        """
        Start it as L{launch} does, with copies of some files under the same numbers.
        """
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    *prefix,
                    *twistd("--nodaemon", "--pidfile=", "txbalancer", "-c", str(self.config)),
                ],
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=files,
            )
        return self

    def start(self, *prefix: str) -> Self:
        """
        Start it and wait until it says that it is ready, or fail with the end of its log.

        @param prefix: as of L{launch}.
        """
        process = self.launch(*prefix).process
        assert process is not None
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                pytest.fail(f"the balancer did not start:\n{self.log()[-4000:]}", pytrace=False)
        assert is_listening(self.port)
        return self

    def _is_ready(self) -> bool:
        return self.told(0.05).startswith(b"READY=1")

    def told(self, seconds: float = 10.0) -> bytes:
        """
        Return the next message to systemd, empty if none comes in time.
        """
        self._notified.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            return self._notified.recv(4096)
        return b""

    def log(self, start: int = 0) -> str:
        """
        Return what the process printed from a position on.
        """
        return self._output.read_bytes()[start:].decode(errors="replace")

    def records(self) -> list[dict[str, Any]]:
        """
        Return what is in the access log, one dictionary for each complete line.
        """
        if not self.access.exists():
            return []
        text = self.access.read_text()
        return [read_line(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def record(self, target: str) -> dict[str, Any]:
        """
        Wait for the access-log line of a request, by its target.
        """
        found: dict[str, Any] = until(
            lambda: next((each for each in self.records() if each["target"] == target), None),
            f"a line for {target} in the access log",
        )
        return found

    def rss(self) -> int:
        """
        Return the resident size of the process in bytes.
        """
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"process {self.pid} has no VmRSS")

    def signal(self, number: signal.Signals) -> None:
        """
        Send it a signal.
        """
        assert self.process is not None
        self.process.send_signal(number)

    def reload(self, text: str | None = None) -> str:
        """
        Reload, from a new configuration if there is one; return what was logged of it.
        """
        start = self._output.stat().st_size
        if text is not None:
            self.write(text)
        self.signal(signal.SIGHUP)
        until(
            lambda: "reload done" in self.log(start) or "reload refused" in self.log(start),
            "the balancer reloads",
        )
        return self.log(start)

    def upgrade(self) -> subprocess.Popen[bytes] | Heir:
        """
        Let a new process take over, which is the one from now on; return the one of before.
        """
        assert self.process is not None
        self.signal(signal.SIGUSR2)
        return self.await_heir()

    def await_heir(self) -> subprocess.Popen[bytes] | Heir:
        """
        Wait until a new process serves, as L{upgrade}.
        """
        assert self.process is not None
        told = b""
        deadline = time.monotonic() + START_SECONDS
        while b"MAINPID=" not in told:
            told = self.told(1.0)
            if time.monotonic() > deadline or b"upgrade failed" in told:
                pytest.fail(f"no new process serves:\n{self.log()[-4000:]}", pytrace=False)
        former = self.process
        self._former.append(former)
        self.process = Heir(int(told.partition(b"MAINPID=")[2]))
        return former

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """
        Return the exit code of the process, which ends within a bounded time.
        """
        assert self.process is not None
        return self.process.wait(seconds)

    def terminate(self, seconds: float = STOP_SECONDS) -> int:
        """
        Ask it to stop gracefully and return its exit code.
        """
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def stop(self) -> None:
        """
        End the process if it still runs, gracefully at first.
        """
        self._notified.close()
        for each in (self.process, *self._former):
            if each is not None and each.poll() is None:
                _end(each)


def _end(process: subprocess.Popen[bytes] | Heir) -> None:
    # The second signal ends what the first one would wait for.
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(2.0)
            return
    process.wait()


def status(process: BalancerProcess, target: str = "/") -> int:
    """
    GET a target and return the status of the answer.
    """
    return ask(f"http://127.0.0.1:{process.port}{target}").status
