"""
What the supervisor says of a request beside its answer, for the records of the worker that has
passed it on: how it ended, who logged in, and which limit it was over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote_from_bytes, unquote_to_bytes

from txbalancer.core.outcome import Outcome
from txbalancer.http1.heads import ResponseHead
from txbalancer.proxy.channel import ClientChannel
from txbalancer.proxy.exchange import Exchange

_NAME = b"Txbalancer-Told: "


class Told(NamedTuple):
    """
    @ivar reason: how it ended.
    @ivar user: who has logged in or tried to, if anybody had to.
    @ivar limited: the rate limit that would have refused it but for C{dry-run}; empty for none.
    """

    reason: str
    user: bytes | None = None
    limited: str = ""


def say(told: Told) -> bytes:
    """
    Make the header line that says it.
    """
    line = b"%b%b;%b" % (_NAME, told.reason.encode(), told.limited.encode())
    return line if told.user is None else b"%b;%b" % (line, quote_from_bytes(told.user).encode())


def take(lines: list[bytes]) -> Told:
    """
    Take out the line that says it.
    """
    for place, line in enumerate(lines):
        if line.startswith(_NAME):
            del lines[place]
            reason, limited, *who = line[len(_NAME) :].split(b";")
            user = unquote_to_bytes(who[0]) if who else None
            return Told(reason.decode(), user, limited.decode())
    return Told("ok")


class TellingChannel(ClientChannel):
    """
    The supervisor's end of a connection that a worker has made for its client.
    """

    __slots__ = ()

    def respond(
        self,
        start: bytes,
        lines: list[bytes],
        body: int,
        data: bytes,
        done: bool,
        trailers: Sequence[bytes] = (),
    ) -> None:
        """
        Write the head of an answer, with what the worker should know.
        """
        if self.exchange is not None:
            head = self.exchange.head
            limited = getattr(head, "limited", "")
            lines.append(say(Told(self.exchange.reason, head.user, limited)))
        super().respond(start, lines, body, data, done, trailers)


class PassedOn(Exchange):
    """
    A request that the supervisor answers, with the record that it would have there.
    """

    __slots__ = ("_reason",)

    def _answer_lines(self, head: ResponseHead) -> list[bytes]:
        told = take(head.lines)
        self._reason = told.reason
        if told.user is not None:
            self.head.user = told.user
        if told.limited:
            self.head.limited = told.limited
        return super()._answer_lines(head)

    def finish(self, reason: str) -> None:
        """
        Record the outcome; what went well here need not have done so there.
        """
        super().finish(self._reason if reason == "ok" and self.answer is not None else reason)

    def outcome(self) -> Outcome:
        """
        Make the record of an exchange in which no member had a part.
        """
        return super().outcome()._replace(attempts=0, reused=False, tried=(), connect=0.0)
