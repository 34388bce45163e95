"""
What the supervisor says of a request beside its answer, for the records of the worker that has
passed it on: how it ended, and who logged in.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote_from_bytes, unquote_to_bytes

from txbalancer.core.outcome import Outcome
from txbalancer.http1.heads import ResponseHead
from txbalancer.proxy.channel import ClientChannel
from txbalancer.proxy.exchange import Exchange

_NAME = b"Txbalancer-Told: "


def said(reason: str, user: bytes | None) -> bytes:
    """
    Make the header line that says it.
    """
    who = b"" if user is None else b" " + quote_from_bytes(user).encode()
    return b"%b%b%b" % (_NAME, reason.encode(), who)


def take(lines: list[bytes]) -> tuple[str, bytes | None]:
    """
    Take out the line that says it.

    @return: the reason, and who has logged in or tried to, if anybody had to.
    """
    for place, line in enumerate(lines):
        if line.startswith(_NAME):
            del lines[place]
            reason, *who = line[len(_NAME) :].split(b" ")
            return reason.decode(), unquote_to_bytes(who[0]) if who else None
    return "ok", None


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
            lines.append(said(self.exchange.reason, self.exchange.head.user))
        super().respond(start, lines, body, data, done, trailers)


class PassedOn(Exchange):
    """
    A request that the supervisor answers, with the record that it would have there.
    """

    __slots__ = ("_told",)

    def _answer_lines(self, head: ResponseHead) -> list[bytes]:
        self._told, user = take(head.lines)
        if user is not None:
            self.head.user = user
        return super()._answer_lines(head)

    def finish(self, reason: str) -> None:
        """
        Record the outcome; what went well here need not have done so there.
        """
        super().finish(self._told if reason == "ok" and self.answer is not None else reason)

    def outcome(self) -> Outcome:
        """
        Make the record of an exchange in which no member had a part.
        """
        return super().outcome()._replace(attempts=0, reused=False, tried=(), connect=0.0)
