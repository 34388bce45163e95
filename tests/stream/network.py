"""
A network of UDP in memory, with a balancer in it.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections import deque
from typing import Any

from tests.services.worlds import World
from txbalancer.net import datagrams

BALANCER = ("192.0.2.254", 53)


class FakeSocket:
    """
    One socket: what L{datagrams} asks of the system's, and what a test does at its own end.
    """

    def __init__(self, network: Network, host: str = "10.9.9.9") -> None:
        self.network = network
        self.name = (host, 0)
        self.number = next(network.numbers)
        self.inbox: deque[tuple[bytes, Any]] = deque()
        self.error = 0
        self.fault: OSError | None = None
        self.peer: Any = None

    # what the balancer does

    def fileno(self) -> int:
        return self.number

    def setsockopt(self, *_: Any) -> None:
        pass

    def getsockopt(self, *_: Any) -> int:
        error, self.error = self.error, 0
        return error

    def bind(self, name: Any) -> None:
        host, port = name[0] or "0.0.0.0", name[1] or 49152 + self.number
        if (host, port) in self.network.bound:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        self.name = (host, port)
        self.network.bound[self.name] = self

    def connect(self, peer: Any) -> None:
        if self.network.faults:
            number = self.network.faults.pop(0)
            raise OSError(number, os.strerror(number))
        self.bind((self.name[0], 0))
        self.peer = peer

    def getsockname(self) -> Any:
        return self.name

    def recvfrom(self, most: int) -> tuple[bytes, Any]:
        if self.error:
            number = self.getsockopt()
            raise OSError(number, os.strerror(number))
        if not self.inbox:
            raise BlockingIOError(errno.EAGAIN, "nothing")
        return self.inbox.popleft()

    def recv(self, most: int) -> bytes:
        return self.recvfrom(most)[0]

    def sendto(self, data: bytes, client: Any) -> None:
        if self.fault is not None:
            raise self.fault
        self.network.carry(self, data, client)

    def send(self, data: bytes) -> None:
        if self.error:
            number = self.getsockopt()
            raise OSError(number, os.strerror(number))
        self.sendto(data, self.peer)

    def close(self) -> None:
        self.network.bound.pop(self.name, None)
        self.number = -1

    # what a test does

    def say(self, data: bytes, to: Any = BALANCER) -> None:
        """
        Send something, and let everybody act on it.
        """
        self.sendto(data, to)
        self.network.settle()

    def heard(self) -> list[bytes]:
        """
        Return what came since this was last asked.
        """
        found = [data for data, _ in self.inbox]
        self.inbox.clear()
        return found

    def reply(self, data: bytes) -> Any:
        """
        Take the datagram that has been here for longest and answer it; return it with who
        sent it.
        """
        asked = self.inbox.popleft()
        self.say(data, asked[1])
        return asked


class Network:
    """
    Everybody's sockets, and who is bound where.

    @ivar faults: errors of the next attempts to connect.
    """

    def __init__(self, monkeypatch: Any) -> None:
        self.numbers = itertools.count(100)
        self.bound: dict[Any, FakeSocket] = {}
        self.faults: list[int] = []
        self.world: Any = None
        monkeypatch.setattr(datagrams, "make_socket", self.make_socket)

    def make_socket(self, family: Any) -> FakeSocket:
        if self.faults and self.faults[0] == errno.EMFILE:
            number = self.faults.pop(0)
            raise OSError(number, os.strerror(number))
        return FakeSocket(self)

    def carry(self, sender: FakeSocket, data: bytes, to: Any) -> None:
        found = self.bound.get(tuple(to[:2]))
        if found is None or found.peer not in (None, sender.name):
            if sender.peer is not None:
                sender.error = errno.ECONNREFUSED
            return
        found.inbox.append((data, sender.name))

    def settle(self) -> None:
        """
        Let the balancer read what has come.
        """
        readers = self.world.reactor.getReaders()
        while ready := [
            each
            for each in readers
            if each.fileno() >= 0 and (each._socket.inbox or each._socket.error)
        ]:
            for each in ready:
                if each.fileno() >= 0:
                    each.doRead()
            readers = self.world.reactor.getReaders()

    def start(self, text: str) -> World:
        """
        Start a balancer.
        """
        self.world = World(text)
        self.world.outcomes = []
        self.world.service.runtime.finish = self.world.outcomes.append
        return self.world.start()

    def end(self, host: str, port: int) -> FakeSocket:
        """
        Bind a client's or a member's socket.
        """
        made = FakeSocket(self)
        made.bind((host, port))
        return made

    def advance(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.world.advance(seconds)
        self.settle()
