"""
The processes of a balancer with workers, and connections that tell which of them serves them.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from pathlib import Path
from typing import Self

from tests.integration.control import Control
from tests.integration.process import BalancerProcess, until

TICKS = os.sysconf("SC_CLK_TCK")

_MODULE = "txbalancer.services.worker"

HEAD = """\
[txbalancer]
workers = COUNT
worker-timeout = 1s
access-log = ACCESS
access-log-format = json
graceful-timeout = 5s
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
"""
STATUS = "[mount:/]\nto = status:204\n"


def conf(text: str = STATUS, count: int = 2) -> str:
    """
    Return a configuration with so many workers.
    """
    return HEAD.replace("COUNT", str(count)) + text


def spare_of(process: BalancerProcess) -> int:
    """
    Return the process that waits to take a place, once it is there.
    """
    with contextlib.suppress(StopIteration):
        return next(pid for pid in workers(process).values() if pid not in at_work(process))
    return 0


def at_work(process: BalancerProcess) -> set[int]:
    """
    Return the processes that the manager's API says are workers.
    """
    control = Control(process.folder / "control.sock")
    with contextlib.closing(control):
        found = control.ask("GET", "/workers")
    return {each["pid"] for each in found["workers"] if each["number"]}


def workers(process: BalancerProcess) -> dict[int, int]:
    """
    Return the process of each worker by its column; the spare is one of them.
    """
    found = {}
    for listing in Path(f"/proc/{process.pid}/task").glob("*/children"):
        for each in listing.read_text().split():
            words = _words(int(each))
            if _MODULE in words:
                found[int(words[words.index(_MODULE) + 1])] = int(each)
    return found


def folder_of(process: BalancerProcess) -> Path:
    """
    Return where the sockets between the processes are.
    """
    words = _words(next(iter(workers(process).values())))
    return Path(words[words.index(_MODULE) + 2])


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    except OSError:
        return []


def sockets_of(pid: int) -> set[str]:
    """
    Return the sockets that a process has open, as the system names them.
    """
    found = set()
    for each in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            found.add(os.readlink(each))
        except OSError:
            continue
    return found


def cpu(pid: int) -> float:
    """
    Return the CPU seconds of a process.
    """
    line = Path(f"/proc/{pid}/stat").read_text()
    fields = line[line.rindex(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def is_there(pid: int) -> bool:
    """
    Tell whether a process lives.
    """
    try:
        line = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return line[line.rindex(")") + 2] != "Z"


class Client:
    """
    A connection that is kept.
    """

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 15.0)
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, target: str = "/") -> None:
        """
        Send a request.
        """
        self.socket.sendall(f"GET {target} HTTP/1.1\r\nHost: here\r\n\r\n".encode())

    def take(self) -> int:
        """
        Return the status of an answer that has no body or tells its length, 0 where the connection
        ends before.
        """
        head = b""
        while not head:
            if b"\r\n\r\n" in self._rest:
                head, _, self._rest = self._rest.partition(b"\r\n\r\n")
            elif not self._read():
                return 0
        found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        length = int(found[1]) if found else 0
        while len(self._rest) < length:
            if not self._read():
                return 0
        self._rest = self._rest[length:]
        return int(head.split(b" ", 2)[1])

    def _read(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            return False
        self._rest += data
        return bool(data)

    def ask(self, target: str = "/") -> int:
        """
        Send a request and return the status of the answer.
        """
        try:
            self.send(target)
        except ConnectionError:
            return 0
        return self.take()

    def owner(self, pids: dict[int, int]) -> int:
        """
        Return the column of the worker that has the other end of this connection.
        """
        name = _inode(self.socket)
        return next((column for column, pid in pids.items() if name in sockets_of(pid)), 0)


def _inode(client: socket.socket) -> str:
    """
    Return what the system calls the other end of a connection on this machine.
    """
    near, far = client.getsockname(), client.getpeername()
    wanted = _hex(far), _hex(near)
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if (words[1], words[2]) == wanted:
            return f"socket:[{words[9]}]"
    return ""


def _hex(address: tuple[str, int]) -> str:
    return f"{socket.inet_aton(address[0])[::-1].hex().upper()}:{address[1]:04X}"


def await_replaced(process: BalancerProcess, gone: int, count: int) -> dict[int, int]:
    """
    Wait until another process is there for one that is no more, and so many are in all.
    """

    def found() -> dict[int, int] | None:
        now = workers(process)
        return now if gone not in now.values() and len(now) >= count else None

    there: dict[int, int] = until(found, f"process {gone} is replaced")
    return there
