"""
Open endpoints of datagrams, which can outlive the listeners behind them.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Container, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed

from txbalancer.config.listeners import parse_endpoint
from txbalancer.net.datagrams import Client, DatagramPort
from txbalancer.net.turnstile import Turnstile
from txbalancer.services.sockets import Given

if TYPE_CHECKING:
    from txbalancer.services.ports import ListenerService


class DatagramSocket:
    """
    An open endpoint, as L{Socket<txbalancer.services.sockets.Socket>} is one of connections.

    @ivar endpoint: C{udp:PORT} or C{udp:PORT:interface=ADDRESS}.
    @ivar port: the open port.
    @ivar listener: who serves its clients; C{None} before anybody does.
    """

    def __init__(self, reactor: Any, endpoint: str, made: Any = None) -> None:
        """
        @param made: the socket, where another process has opened it.
        @raise OSError: when it cannot be bound.
        """
        self.endpoint = endpoint
        self.listener: ListenerService | None = None
        _, number, interface = parse_endpoint(endpoint)
        self.port: Any = DatagramPort(reactor, interface, int(number), self._received, made)

    def _received(self, port: DatagramPort, client: Client, local: bytes, data: bytes) -> None:
        """
        Ask the listener as it is now.
        """
        if self.listener is not None:
            site: Any = self.listener.site
            site.received(port, client, local, data)

    def obey(self, turnstile: Turnstile, reserved: bool) -> None:
        """
        Do nothing: sessions have no descriptors here, and the listener judges new ones.
        """

    def hold_unsent(self, most: int) -> None:
        """
        Do nothing: a datagram is sent at once, or not at all.
        """

    def own(self) -> None:
        """
        Nothing to do: nothing is left of it at its end.
        """

    @property
    def numbers(self) -> list[int]:
        """
        The file numbers of its sockets.
        """
        return [self.port.fileno()]

    def pause(self) -> None:
        """
        Let what clients send wait, until L{resume}.
        """
        for each in self._all():
            each.hand_over()

    def resume(self) -> None:
        """
        Take what waits.
        """
        for each in self._all():
            each.take_back()

    def _all(self) -> Iterable[DatagramPort]:
        return (self.port,)

    def give_away(self) -> None:
        """
        Leave what clients send to another process that has the socket, too; sessions that
        there are still get their answers from here.
        """
        self.pause()
        self.close()

    def close(self) -> Deferred[Any]:
        """
        Take no more clients; sessions go on to their end.
        """
        self.listener = None
        self.port.retire()
        return succeed(None)


class AdoptedDatagrams(DatagramSocket):
    """
    An endpoint of datagrams that another process has opened, with one socket or several.

    @ivar key: its number, the same in all processes.
    """

    def __init__(self, reactor: Any, key: int, endpoint: str, given: Mapping[int, Given]) -> None:
        """
        @param given: its sockets by their index, at least one.
        """
        self.key = key
        (first, one), *others = given.items()
        super().__init__(reactor, endpoint, _copy(one.number))
        self._open: dict[int, DatagramPort] = {first: self.port}
        self.add(reactor, dict(others))

    def add(self, reactor: Any, given: Mapping[int, Given]) -> None:
        """
        Take datagrams from more sockets.
        """
        interface = parse_endpoint(self.endpoint)[2]
        for index, each in given.items():
            made = DatagramPort(reactor, interface, 0, self._received, _copy(each.number))
            self._open[index] = made

    def _all(self) -> Iterable[DatagramPort]:
        return self._open.values()

    def keep(self, wanted: Container[int]) -> None:
        """
        Leave sockets to other processes, all but those with these indices, at least one.

        Members' answers still go to their clients.
        """
        for index in [each for each in self._open if each not in wanted]:
            _leave(self._open.pop(index))
        self.port = next(iter(self._open.values()))

    def close(self) -> Deferred[Any]:
        """
        Take no more datagrams, for they are another process's now.
        """
        opened, self._open = self._open, {}
        for each in opened.values():
            _leave(each)
        self.listener = None
        return succeed(None)


class InheritedDatagrams(DatagramSocket):
    """
    An endpoint of datagrams of a process whose place this one takes.
    """

    def __init__(self, reactor: Any, endpoint: str, numbers: list[int]) -> None:
        """
        @param numbers: of the files of its sockets, of which copies are taken: several where
            workers shared the clients.
        """
        super().__init__(reactor, endpoint, _copy(numbers[0]))
        interface = parse_endpoint(endpoint)[2]
        self._ports = [
            self.port,
            *(
                DatagramPort(reactor, interface, 0, self._received, _copy(each))
                for each in numbers[1:]
            ),
        ]

    @property
    def numbers(self) -> list[int]:
        """
        The file numbers of its sockets.
        """
        return [each.fileno() for each in self._ports]

    def _all(self) -> Iterable[DatagramPort]:
        return self._ports

    def close(self) -> Deferred[Any]:
        """
        Take no more clients; sessions go on to their end.
        """
        self.listener = None
        for each in self._ports:
            each.retire()
        return succeed(None)


def _leave(port: DatagramPort) -> None:
    port.hand_over()
    port.retire()


def _copy(number: int) -> Any:
    """
    Return a socket for a copy of a file.
    """
    found = socket.SocketType(fileno=os.dup(number))
    found.setblocking(False)
    return found
