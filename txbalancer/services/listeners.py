"""
All listeners of a service: opened together, and changed together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from twisted.application.service import MultiService

from txbalancer.control.metrics.of_listeners import ListenerView
from txbalancer.core.specs import ListenerSpec
from txbalancer.proxy.runtime import Runtime
from txbalancer.services.datagrams import DatagramSocket
from txbalancer.services.ports import ListenerService, listener_for
from txbalancer.services.sockets import Offered, Socket
from txbalancer.services.targets import Targets
from txbalancer.stream.datagram_site import DatagramSite


class Listeners:
    """
    The listeners of the configuration in force, and those of former ones that still have
    connections.
    """

    def __init__(self, service: MultiService, runtime: Runtime, targets: Targets) -> None:
        """
        @param service: what the listeners are started and stopped with.
        @param targets: whose mounts they serve.
        """
        self._service, self._runtime, self._targets = service, runtime, targets
        self._current: dict[str, ListenerService] = {}
        self._leaving: list[ListenerService] = []
        self._next: dict[str, ListenerService] = {}
        self._unused: list[Socket] = []

    def __iter__(self) -> Iterator[ListenerService]:
        return iter(self._current.values())

    def __getitem__(self, name: str) -> ListenerService:
        return self._current[name]

    def open(
        self, specs: Sequence[ListenerSpec], guards_identity: bool, given: list[Socket]
    ) -> None:
        """
        Open them for the first time.

        @param guards_identity: whether no client may say that it is somebody.
        @param given: open endpoints that may be had.
        @raise StartError: one of them cannot be opened; L{close} must follow.
        """
        for each in specs:
            listener = ListenerService(
                self._runtime, each, self._targets.table(each), self._targets.limits
            )
            listener.site.guards_identity = guards_identity
            listener.open(given)
            self._current[each.name] = listener
            listener.setServiceParent(self._service)

    def close(self) -> None:
        """
        Have none.
        """
        for listener in self:
            listener.close()
            listener.disownServiceParent()
        self._current.clear()

    def hush(self) -> None:
        """
        Accept no more connections; those of HTTP/1.1 end with their next answer.
        """
        for listener in self:
            listener.close()
            if listener.spec.mode == "http":
                listener.site.most_requests = 0

    # -- another configuration

    def prepare(self, specs: Sequence[ListenerSpec], given: list[Socket]) -> None:
        """
        Try what may fail about other specs; L{abandon} or L{publish} must follow.

        Endpoints stay open whatever becomes of the listener that they belong to.

        @param given: open endpoints beside those that there are.
        @raise StartError: naming what cannot be had.
        """
        self._next = {
            each.name: listener_for(
                each, self._runtime, self._current.get(each.name), self._targets.limits
            )
            for each in specs
        }
        self._unused = [socket for each in self for socket in each.sockets] + given
        for each in specs:
            self._next[each.name].prepare(each, self._unused)

    def abandon(self) -> None:
        """
        Stay as they are.
        """
        for listener in self._next.values():
            listener.abandon()
        self._next = {}

    def publish(self, specs: Sequence[ListenerSpec], guards_identity: bool) -> None:
        """
        Be as was prepared.
        """
        before, self._current = self._current, self._next
        self._leaving = [each for each in self._leaving if each.site.channels]
        for each in specs:
            listener = self._current[each.name]
            listener.site.guards_identity = guards_identity
            listener.configure(each, self._targets.table(each))
        for socket in self._unused:
            socket.close()
        for name, listener in before.items():
            if self._current.get(name) is not listener:
                listener.sockets = []
                self._leaving.append(listener)
                listener.disownServiceParent()
        for name, listener in self._current.items():
            if before.get(name) is not listener:
                listener.setServiceParent(self._service)

    # -- another process

    def offered(self) -> list[Offered]:
        """
        Return the open sockets.
        """
        return [
            Offered(each.endpoint, listener.spec.name, each.numbers)
            for listener in self
            for each in listener.sockets
        ]

    def pause(self) -> None:
        """
        Let datagrams wait: with sessions, one process only may answer new ones.
        """
        for each in self._datagrams():
            each.pause()

    def resume(self) -> None:
        """
        Take the datagrams that wait.
        """
        for each in self._datagrams():
            each.resume()

    def give_away(self) -> None:
        """
        Leave new clients to another process.
        """
        for listener in self:
            listener.give_away()

    def _datagrams(self) -> list[Any]:
        return [
            each
            for listener in self
            for each in listener.sockets
            if isinstance(each, DatagramSocket)
        ]

    def hold(self) -> None:
        """
        Let datagrams wait, until L{expect}.
        """
        self.pause()

    def sessions(self) -> dict[str, list[Any]]:
        """
        Return the members of clients that send datagrams, by listener.
        """
        return {
            name: each.site.known()
            for name, each in self._current.items()
            if isinstance(each.site, DatagramSite)
        }

    def expect(self, sessions: Mapping[str, Any]) -> None:
        """
        Take datagrams, and have the sessions of another process go on with their members.
        """
        for name, each in self._current.items():
            if isinstance(each.site, DatagramSite):
                each.site.expect(sessions.get(name, ()))
        self.resume()

    # -- what they have to do

    def views(self) -> list[ListenerView]:
        """
        Return how much each has to do.
        """
        return [each.view() for each in self]

    def channels(self) -> list[Any]:
        """
        Return the connections of all, those of a former configuration included.
        """
        both = (*self, *self._leaving)
        return [channel for each in both for channel in list(each.site.channels)]

    def unfinished(self) -> list[Any]:
        """
        Return the connections that a stop waits for.
        """
        return [each for listener in (*self, *self._leaving) for each in listener.unfinished()]

    def counts(self) -> dict[str, int]:
        """
        Return how many connections each has, by its name.
        """
        return {name: len(each.site.channels) for name, each in self._current.items()}
