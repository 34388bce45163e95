"""
Listening sockets of a service with several workers: the supervisor opens and keeps them, the
workers accept from them.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any

from txbalancer.config.listeners import endpoint_parts
from txbalancer.core.specs import ListenerSpec
from txbalancer.errors import StartError
from txbalancer.net.datagrams import make_port_socket
from txbalancer.services.sockets import BACKLOG, Socket, cause

_INTERNET = ("tcp", "tcp6", "udp")


class Held:
    """
    The open sockets of one endpoint: one for each worker where the system can divide clients
    among several (C{SO_REUSEPORT}), else one for all.

    What has come to the socket of a worker that ends waits there for the next one.

    @ivar endpoint: its Twisted server endpoint string.
    """

    def __init__(self, reactor: Any, endpoint: str) -> None:
        """
        @raise OSError: when it cannot be opened, or as Twisted's endpoints.
        """
        self.endpoint = endpoint
        self._kind, self._parts = endpoint_parts(endpoint)
        self._sockets: list[Any] = []
        self._single: Socket | None = None
        if self._kind in _INTERNET:
            # Alone at first: whoever shares, too, would share with another service as well.
            self._bind(int(self._parts["port"]), shared=False).close()
            self._sockets.append(self._bind(int(self._parts["port"])))
        else:
            self._single = Socket(reactor, endpoint)
            # Connections are the workers' to accept.
            port: Any = self._single.port
            port.stopReading()

    def resize(self, count: int) -> None:
        """
        Have a socket for each of so many workers, 1 or more.

        @raise OSError: when one more cannot be opened.
        """
        if self._single is not None:
            return
        while len(self._sockets) < count:
            self._sockets.append(self._bind(self._sockets[0].getsockname()[1]))
        while len(self._sockets) > count:
            self._sockets.pop().close()

    @property
    def count(self) -> int:
        """
        How many sockets there are.
        """
        return max(1, len(self._sockets))

    def of(self, number: int) -> tuple[int, int]:
        """
        Return family and file number of the socket for a worker, by its number from 1.
        """
        if self._single is not None:
            port: Any = self._single.port
            return int(port.socket.family), port.fileno()
        found = self._sockets[number - 1]
        return int(found.family), found.fileno()

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
            if shared:
                made.listen(int(self._parts.get("backlog", BACKLOG)))
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

    def prepare(self, listeners: Iterable[ListenerSpec], count: int) -> None:
        """
        Open what is not open yet.

        @param count: how many workers there will be.
        @raise StartError: naming the listener, the endpoint and the cause; L{abandon} must
            follow.
        """
        self._next = {}
        for each in listeners:
            for endpoint in each.endpoint:
                # Any port that is free is another one for each listener.
                key = (each.name if ":0" in endpoint else "", endpoint)
                try:
                    held = self._held.get(key) or self._next.get(key)
                    held = held or Held(self._reactor, endpoint)
                    self._next[key] = held
                    held.resize(max(count, held.count))
                except Exception as error:
                    raise StartError(
                        f"listener {each.name}: {cause(error)}: cannot listen on {endpoint}"
                    ) from error

    def abandon(self) -> None:
        """
        Close what L{prepare} opened.
        """
        for key, held in self._next.items():
            if self._held.get(key) is not held:
                held.close()
        self._next = {}

    def publish(self) -> list[Held]:
        """
        Use what was prepared.

        @return: what is not used any more, to be closed once no worker accepts from it.
        """
        unused = [held for key, held in self._held.items() if key not in self._next]
        self._held, self._next = self._next, {}
        return unused

    def __iter__(self) -> Any:
        return iter(list(self._held.values()))

    def close(self) -> None:
        """
        Close everything.
        """
        self.abandon()
        for held in self:
            held.close()
        self._held = {}
