"""
Listening sockets of a service with several workers: the supervisor opens and keeps them, the
workers accept from them.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Any

from twisted.logger import Logger

from txbalancer.config.listeners import endpoint_parts
from txbalancer.core.specs import ListenerSpec
from txbalancer.errors import StartError
from txbalancer.net.datagrams import make_port_socket
from txbalancer.services.sockets import BACKLOG, InheritedSocket, Offered, Socket, cause

_INTERNET = ("tcp", "tcp6", "udp")


class Held:
    """
    The open sockets of one endpoint: one for each worker where the system can divide clients
    among several (C{SO_REUSEPORT}), else one for all.

    What has come to the socket of a worker that ends waits there for the next one. A socket
    stays open for as long as its endpoint is used, for closing it would refuse whoever waits
    there; when there are fewer workers than sockets, some have several.

    @ivar key: its number, the same in all processes.
    @ivar endpoint: its Twisted server endpoint string.
    """

    log = Logger()

    def __init__(self, reactor: Any, key: int, endpoint: str, numbers: Sequence[int] = ()) -> None:
        """
        @param numbers: of the files of sockets that another process has opened; closed here.
        @raise OSError: when it cannot be opened, or as Twisted's endpoints.
        """
        self.key, self.endpoint = key, endpoint
        self._kind, self._parts = endpoint_parts(endpoint)
        self._sockets: list[Any] = []
        self._single: Socket | None = None
        self._listening = 0
        self._told = False
        if numbers:
            self._inherit(reactor, numbers)
        elif self._kind in _INTERNET:
            # Alone at first: whoever shares, too, would share with another service as well.
            self._bind(int(self._parts["port"]), shared=False).close()
            self._sockets.append(self._bind(int(self._parts["port"])))
        else:
            self._alone(Socket(reactor, endpoint))

    def _alone(self, single: Socket) -> None:
        # Connections are the workers' to accept.
        port: Any = single.port
        port.stopReading()
        self._single = single

    def _inherit(self, reactor: Any, numbers: Sequence[int]) -> None:
        found = [socket.socket(fileno=each) for each in numbers]
        if self._kind not in _INTERNET:
            family, number = int(found[0].family), found[0].fileno()
            self._alone(InheritedSocket(reactor, self.endpoint, family, [number]))
            for each in found:
                each.close()
            return
        for each in found:
            each.setblocking(False)
            # A process without workers has opened it for itself alone.
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, True)
        self._sockets, self._listening = found, len(found)

    @property
    def numbers(self) -> list[int]:
        """
        The file numbers of the sockets.
        """
        if self._single is not None:
            return self._single.numbers
        return [each.fileno() for each in self._sockets]

    @property
    def divided(self) -> bool:
        """
        Whether what has come to the socket of one worker comes to no other.
        """
        return self._single is None and self._kind != "udp"

    def own(self) -> None:
        """
        Remove a unix socket at the end, though another process has made it.
        """
        if self._single is not None:
            self._single.own()

    def give_away(self) -> None:
        """
        Leave the endpoint to another process that has it, too.
        """
        single, self._single = self._single, None
        if single is not None:
            single.give_away()
        self.close()

    def resize(self, count: int) -> None:
        """
        Have a socket for each of so many workers, 1 or more; they take connections from
        L{listen} on.

        @raise OSError: when one more cannot be opened.
        """
        while self._single is None and len(self._sockets) < count:
            self._sockets.append(self._bind(self._sockets[0].getsockname()[1]))

    def listen(self) -> None:
        """
        Take connections.
        """
        for each in self._sockets[self._listening :]:
            if each.type == socket.SOCK_STREAM:
                each.listen(int(self._parts.get("backlog", BACKLOG)))
        self._listening = len(self._sockets)

    def tell(self) -> None:
        """
        Log once where it listens, as Twisted does for the ports that are its own.
        """
        if self._sockets and not self._told:
            self._told = True
            number = self._sockets[0].getsockname()[1]
            self.log.info(
                "endpoint {endpoint} starting on {number}", endpoint=self.endpoint, number=number
            )

    def shrink(self) -> None:
        """
        Close what does not take connections yet.
        """
        while len(self._sockets) > self._listening:
            self._sockets.pop().close()

    def of(self, number: int, count: int) -> list[tuple[int, int, int]]:
        """
        Return the sockets for a worker, each by its index, family and file number.

        @param number: of the worker, from 1 on.
        @param count: how many workers there are.
        """
        if self._single is not None:
            port: Any = self._single.port
            return [(0, int(port.socket.family), port.fileno())]
        return [
            (index, int(each.family), each.fileno())
            for index, each in enumerate(self._sockets)
            if index % count == number - 1
        ]

    def close(self) -> None:
        """
        Listen no more; workers have closed their copies.
        """
        if self._single is not None:
            self._single.close()
        while self._sockets:
            self._sockets.pop().close()

    def _bind(self, number: int, shared: bool = True) -> Any:
        interface = self._parts.get("interface", "::" if self._kind == "tcp6" else "")
        if self._kind == "udp":
            return make_port_socket(interface, number, shared)
        family = socket.AF_INET6 if ":" in interface else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
            made.bind((interface, number))
        except OSError:
            made.close()
            raise
        return made


class Outside:
    """
    The sockets of all listeners.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._held: dict[tuple[str, str], Held] = {}
        self._next: dict[tuple[str, str], Held] = {}
        self._keys = count(1)

    def inherit(self, offered: Iterable[Offered]) -> None:
        """
        Have endpoints that another process has opened, before those of a configuration are
        L{prepare}d.
        """
        for each in offered:
            key = _key(each.listener, each.endpoint)
            self._held[key] = Held(self._reactor, next(self._keys), each.endpoint, each.numbers)

    def offered(self) -> list[Offered]:
        """
        Return the open sockets.
        """
        return [Offered(key[1], key[0], held.numbers) for key, held in self._held.items()]

    def give_away(self) -> None:
        """
        Leave all endpoints to another process.
        """
        for held in self:
            held.give_away()
        self._held = {}

    def prepare(self, listeners: Iterable[ListenerSpec], workers: int) -> None:
        """
        Open what is not open yet.

        @param workers: how many there will be.
        @raise StartError: naming the listener, the endpoint and the cause; L{abandon} must
            follow.
        """
        self._next = {}
        for each in listeners:
            for endpoint in each.endpoint:
                key = _key(each.name, endpoint)
                try:
                    held = self._held.get(key) or self._next.get(key)
                    held = held or Held(self._reactor, next(self._keys), endpoint)
                    self._next[key] = held
                    held.resize(workers)
                except Exception as error:
                    raise StartError(
                        f"listener {each.name}: {cause(error)}: cannot listen on {endpoint}"
                    ) from error

    def abandon(self) -> None:
        """
        Close what L{prepare} opened.
        """
        for key, held in self._next.items():
            if self._held.get(key) is held:
                held.shrink()
            else:
                held.close()
        self._next = {}

    def publish(self) -> list[Held]:
        """
        Use what was prepared.

        @return: what is not used any more, to be closed once no worker accepts from it.
        """
        unused = [held for key, held in self._held.items() if key not in self._next]
        self._held, self._next = self._next, {}
        for held in self:
            held.listen()
        return unused

    def tell(self) -> None:
        """
        Log the ports of what is new.
        """
        for held in self:
            held.tell()

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._held.values()))

    def close(self) -> None:
        """
        Close everything.
        """
        self.abandon()
        for held in self:
            held.close()
        self._held = {}


def _key(listener: str, endpoint: str) -> tuple[str, str]:
    # Any port that is free is another one for each listener.
    return (listener if ":0" in endpoint else "", endpoint)
