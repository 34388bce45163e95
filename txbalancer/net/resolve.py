"""
Addresses of a member's name: looked up when needed, kept for a while, never lost.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import IHostResolution, IResolutionReceiver
from zope.interface import implementer

Found = Callable[[list[str]], None]


@implementer(IResolutionReceiver)
class Receiver:
    """
    Collects the addresses of one look-up.
    """

    def __init__(self, done: Found) -> None:
        self._done = done
        self._found: list[str] = []

    def resolutionBegan(self, resolution: IHostResolution) -> None:
        """
        Part of the interface; nothing to do.
        """

    def addressResolved(self, address: Any) -> None:
        """
        Note one address.
        """
        if address.host not in self._found:
            self._found.append(address.host)

    def resolutionComplete(self) -> None:
        """
        Hand over what was found.
        """
        self._done(self._found)


class Addresses:
    """
    The addresses of one host name.

    Once a name was known it stays known: a look-up that fails leaves the last good
    addresses in use, and an overdue one is renewed behind the requests' backs.
    """

    def __init__(self, reactor: Any, host: str, ttl: float, now: Callable[[], float]) -> None:
        """
        @param ttl: seconds for which addresses are used; 0 = look up each time, below 0 = for
            ever, or until L{distrust} (APACHE W55).
        """
        self._reactor, self._host, self.ttl, self._now = reactor, host, ttl, now
        literal = isIPAddress(host) or isIPv6Address(host)
        self._literal = literal
        self._known: list[str] = [host] if literal else []
        self._fetched = -inf
        self._waiting: list[Found] = []
        self._busy = False

    def find(self, done: Found) -> None:
        """
        Call C{done} with the addresses, at once if they are known; an empty list = unknown name.
        """
        if self._literal:
            done(self._known)
            return
        age = self._now() - self._fetched
        overdue = age == inf if self.ttl < 0 else age >= self.ttl
        if self._known and (self.ttl or not overdue):
            done(self._known)
        else:
            self._waiting.append(done)
        if overdue and not self._busy:
            self._busy = True
            self._reactor.nameResolver.resolveHostName(Receiver(self._arrived), self._host)

    def distrust(self) -> None:
        """
        Look the name up again at the next occasion: none of its addresses took a connection.
        """
        self._fetched = -inf

    def _arrived(self, found: list[str]) -> None:
        self._busy = False
        if found:
            self._known = found
            self._fetched = self._now()
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done(self._known)
