"""
Open endpoints of datagrams, which can outlive the listeners behind them.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed

from txbalancer.config.listeners import parse_endpoint
from txbalancer.net.datagrams import Client, DatagramPort

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
        self.port.pause()

    def resume(self) -> None:
        """
        Take what waits.
        """
        self.port.resume()

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
    An endpoint of datagrams that another process has opened.

    @ivar key: its number, the same in all processes.
    """

    def __init__(self, reactor: Any, key: int, endpoint: str, number: int) -> None:
        """
        @param number: of a file of it, of which a copy is taken.
        """
        self.key = key
        self._others: list[DatagramPort] = []
        super().__init__(reactor, endpoint, _copy(number))

    def add(self, reactor: Any, number: int) -> None:
        """
        Take datagrams from another socket, too.
        """
        interface = parse_endpoint(self.endpoint)[2]
        self._others.append(DatagramPort(reactor, interface, 0, self._received, _copy(number)))

    def close(self) -> Deferred[Any]:
        """
        Take no more datagrams, for they are another process's now; members' answers go on to
        their clients.
        """
        others, self._others = self._others, []
        for each in (self.port, *others):
            each.hand_over()
            each.retire()
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

    def pause(self) -> None:
        """
        Let what clients send wait, until L{resume}.
        """
        for each in self._ports:
            each.pause()

    def resume(self) -> None:
        """
        Take what waits.
        """
        for each in self._ports:
            each.resume()

    def close(self) -> Deferred[Any]:
        """
        Take no more clients; sessions go on to their end.
        """
        self.listener = None
        for each in self._ports:
            each.retire()
        return succeed(None)


def _copy(number: int) -> Any:
    """
    Return a socket for a copy of a file.
    """
    found = socket.SocketType(fileno=os.dup(number))
    found.setblocking(False)
    return found
