"""
Names of visitors: whether an address has a name, and a name an address.

Unlike members' addresses these decide about access: what is out of date is asked for
again before it counts, and no answer means no.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from txbalancer.core.access_rules import plain_address
from txbalancer.net.offload import Offload
from txbalancer.net.resolve import Receiver

Done = Callable[[Any], None]

_MOST = 4096
"""Answers that are kept; where there are more, all are asked for anew."""


class _Answers:
    """
    Answers by question: each asked once at a time, and kept for a while.
    """

    def __init__(
        self, now: Callable[[], float], ttl: float, ask: Callable[[str, Done], None]
    ) -> None:
        """
        @param ask: gets the answer for a question, C{None} for none that may be kept.
        """
        self._now, self._ttl, self._ask = now, ttl, ask
        self._known: dict[str, tuple[float, Any]] = {}
        self._waiting: dict[str, list[Done]] = {}

    def find(self, question: str, done: Done) -> None:
        until, answer = self._known.get(question, (0.0, None))
        if answer is not None and until > self._now():
            done(answer)
        elif question in self._waiting:
            self._waiting[question].append(done)
        else:
            self._waiting[question] = [done]
            self._ask(question, lambda found: self._answered(question, found))

    def _answered(self, question: str, answer: Any) -> None:
        if answer is not None:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[question] = (self._now() + self._ttl, answer)
        for done in self._waiting.pop(question):
            done(answer)


class Names:
    """
    Compares addresses with names.
    """

    def __init__(
        self, reactor: Any, offload: Offload, now: Callable[[], float], ttl: float = 60.0
    ) -> None:
        """
        @param ttl: seconds for which an answer counts.
        """
        self._reactor, self._offload = reactor, offload
        self._addresses = _Answers(now, ttl, self._resolve)
        self._own = _Answers(now, ttl, self._claim)

    def find(self, address: str, name: str, done: Callable[[str | None], None]) -> None:
        """
        Look a name up and see whether an address is one of its own.

        @param name: the name, or C{""} for the one that the address itself claims.
        @param done: called, perhaps at once, with the address if it is one of those of
            C{name}; for C{name} empty with the address' own name, if that leads back to it
            (APACHE M2: double reverse); else with C{""}. With C{None} when too many wait.
        """
        if not name:
            self._own.find(address, done)
            return
        self._addresses.find(name, lambda found: done(address if _among(address, found) else ""))

    def _resolve(self, name: str, done: Done) -> None:
        self._reactor.nameResolver.resolveHostName(Receiver(done), name)

    def _claim(self, address: str, done: Done) -> None:
        if self._offload.submit(lambda: own_name(address), done) is None:
            done(None)


def own_name(address: str) -> str:
    """
    Ask the system for the name of an address and whether it leads back; blocks.

    @return: the name in lower case; empty for none.
    """
    try:
        claimed, _ = socket.getnameinfo((str(plain_address(address)), 0), socket.NI_NAMEREQD)
        found = [each[4][0] for each in socket.getaddrinfo(claimed, None, type=socket.SOCK_STREAM)]
    except OSError:
        return ""
    return claimed.lower().removesuffix(".") if _among(address, map(str, found)) else ""


def _among(address: str, found: Any) -> bool:
    wanted = plain_address(address)
    return any(plain_address(each) == wanted for each in found)
