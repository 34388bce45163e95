"""
The handshakes of a listener: how many at once, for how long, and how they end.

Where there are too many, clients share the places evenly: whoever has more of them than
others loses its oldest handshake to a client that has fewer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any, Protocol

from OpenSSL import SSL

from txbalancer.net.deadlines import NEVER, Deadlines
from txbalancer.tls.bindings import resumed

REASONS = (
    "certificate",
    "cipher",
    "closed",
    "crowded",
    "late",
    "name",
    "not-tls",
    "refused",
    "version",
)
"""
Why handshakes fail: the client's certificate is not accepted; no cipher or the like in common;
the client left; it had most of them, and others too few; too slow; nobody has the name
(C{tls-strict-sni}); what came is no TLS; the client does not accept ours; no version in common.
C{other} is anything else.
"""
PROXY_HEADER = "a PROXY header"
"""What is said of failures where nobody had expected one."""
PLAIN_HTTP = "plain HTTP, as of http:// in place of https://"
"""What is said of requests without TLS."""
_LOOKED_AT = 32
"""Clients among whom the one with the fewest handshakes is looked for."""
_WORDS = (
    ("name", ("no suitable signature algorithm", "no certificate set", "no shared cipher")),
    ("not-tls", ("http request", "https proxy request", "wrong version number")),
    ("not-tls", ("packet length too long", "unexpected message", "record layer failure")),
    ("version", ("unsupported protocol", "inappropriate fallback", "version too low")),
    ("certificate", ("certificate verify failed", "peer did not return a certificate")),
    ("cipher", ("no shared", "no suitable", "no ciphers", "no cipher", "bad key share")),
    ("closed", ("unexpected eof",)),
    ("refused", ("alert",)),
)


class Shaking(Protocol):
    """
    A connection in its handshake.

    @ivar deadline: when it must be over.
    @ivar client: whose it is, see L{household<txbalancer.core.networks.household>}.
    """

    deadline: float
    client: str

    def release(self) -> None: ...

    def cut(self) -> None: ...

    def expired(self, now: float) -> None: ...


Places = dict[str, dict[Shaking, None]]
"""Handshakes by client."""


class Handshakes:
    """
    Bounds and counts handshakes.

    @ivar active: how many there are now whose client has said anything.
    @ivar waiting: how many may not begin yet.
    @ivar completed: that went well so far.
    @ivar resumed: of those, with an earlier session.
    @ivar failures: of the others, by reason.
    """

    def __init__(
        self,
        deadlines: Deadlines,
        now: Callable[[], float],
        failed: Callable[[Any, str, str], None],
    ) -> None:
        """
        @param failed: told of each failure: the connection, the reason of L{REASONS}, and the
            words of OpenSSL.
        """
        self._deadlines, self._now, self._told = deadlines, now, failed
        self._most, self._timeout, self._strict = 0, 10.0, False
        # By client, the oldest first.
        self._active: Places = {}
        self._waiting: Places = {}
        self.active = self.waiting = 0
        self._releasing = False
        self.completed = self.resumed = 0
        self.failures: Counter[str] = Counter()

    def configure(self, most: int, timeout: float, strict: bool) -> None:
        """
        Take other limits, for handshakes from now on.

        @param most: at once; 0 = no limit.
        @param strict: whether unknown names are refused.
        """
        self._most, self._timeout, self._strict = most, timeout, strict

    def begin(self, end: Shaking) -> None:
        """
        Start the clock of a handshake. It counts only from its first word on: who is silent
        must not keep others out.
        """
        end.deadline = self._now() + self._timeout
        self._deadlines.add(end)

    def take(self, end: Shaking) -> bool:
        """
        Count a handshake that has got its first word.

        @return: whether it may go on; else C{release} of C{end} follows.
        """
        if self._most and self.active >= self._most and not self._make_room(end.client):
            self._waiting.setdefault(end.client, {})[end] = None
            self.waiting += 1
            return False
        self._activate(end)
        return True

    def _activate(self, end: Shaking) -> None:
        self._active.setdefault(end.client, {})[end] = None
        self.active += 1

    def _make_room(self, client: str) -> bool:
        """
        Give up the oldest handshake of the client with the most, if this one has fewer.
        """
        crowd = max(self._active.values(), key=len)
        if len(crowd) <= len(self._active.get(client, ())) + 1:
            return False
        oldest = next(iter(crowd))
        self._count(oldest, "crowded", "its client has many, and others wait")
        self._leave(oldest)
        oldest.cut()
        return self.active < self._most

    def done(self, end: Shaking, connection: SSL.Connection) -> None:
        """
        Count a handshake that went well.
        """
        self.completed += 1
        self.resumed += resumed(connection)
        self._forget(end)

    def failed(self, end: Shaking, error: SSL.Error, seen: str) -> None:
        """
        Count one that did not.

        @param seen: what came in place of it: L{PROXY_HEADER}, L{PLAIN_HTTP}, or empty where
            that is not known.
        """
        if seen:
            self._fail(end, "not-tls", seen)
            return
        text = words(error)
        self._fail(end, reason_of(text, self._strict), text)

    def late(self, end: Shaking) -> None:
        """
        Count one that took too long.
        """
        self._fail(end, "late", f"it was not over within {self._timeout:g} s")

    def left(self, end: Shaking) -> None:
        """
        Forget one whose client is gone, or was sent away; who only looked whether the port is
        open has not failed.
        """
        if end in self._active.get(end.client, ()) or end in self._waiting.get(end.client, ()):
            self._fail(end, "closed", "the connection ended within it")
        else:
            self._forget(end)

    def _fail(self, end: Shaking, reason: str, text: str) -> None:
        self._count(end, reason, text)
        self._forget(end)

    def _count(self, end: Shaking, reason: str, text: str) -> None:
        self.failures[reason] += 1
        self._told(end, reason, text)

    def _forget(self, end: Shaking) -> None:
        self._leave(end)
        if self._releasing:
            # Who is released may fail at once: the loop below goes on then, not a deeper one.
            return
        self._releasing = True
        try:
            while self.waiting and (not self._most or self.active < self._most):
                waiting = self._next()
                self._activate(waiting)
                waiting.release()
        finally:
            self._releasing = False

    def _leave(self, end: Shaking) -> None:
        end.deadline = NEVER
        self._deadlines.discard(end)
        self.active -= _remove(self._active, end)
        self.waiting -= _remove(self._waiting, end)

    def _next(self) -> Shaking:
        """
        Take out whose turn it is: of the clients that have waited longest, the one with the
        fewest handshakes.
        """
        active, none = self._active, ()
        first = islice(self._waiting, _LOOKED_AT)
        client = min(first, key=lambda each: len(active.get(each, none)))
        left = self._waiting.pop(client)
        end = next(iter(left))
        del left[end]
        if left:
            self._waiting[client] = left
        self.waiting -= 1
        return end


def _remove(places: Places, end: Shaking) -> bool:
    """
    Take a handshake out; tell whether it was there.
    """
    mine = places.get(end.client)
    if mine is None or end not in mine:
        return False
    del mine[end]
    if not mine:
        del places[end.client]
    return True


def words(error: SSL.Error) -> str:
    """
    Return OpenSSL's own words for a failure.
    """
    if isinstance(error, SSL.SysCallError):
        return "unexpected eof"
    found = error.args[0] if error.args else ()
    return str(found[-1][-1]) if found else "unexpected eof"


def reason_of(text: str, strict: bool) -> str:
    """
    Find the reason of L{REASONS} for OpenSSL's words.
    """
    text = text.lower()
    for reason, parts in _WORDS:
        if (reason != "name" or strict) and any(part in text for part in parts):
            return reason
    return "other"
