"""
Header lines, each judged once: pass on, take out, or note.

A line's verdict is a key and a value. The key is C{b""} for a header that is passed
on unread, C{UNDERSCORE} for a suspicious name, else the lower-case name under which
the value is noted.
"""

from __future__ import annotations

import re
from collections import deque
from itertools import filterfalse

from txbalancer.errors import BalancerError

UNDERSCORE = b"_"

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_CONTROLS = bytes(code for code in range(32) if code != 9) + b"\x7f"
HARMLESS = bytes(code for code in range(256) if code not in _CONTROLS)

_MOST_NAMES = 4096
_LONGEST_NAME = 256
_MOST_REMEMBERED = 1024 * 1024
"""Bytes of memory for lines whose verdicts are remembered, about."""

MOST_DATES = 64
"""Dates that are remembered: each comes for a second, from clocks that differ, and never again."""

HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
"""Names that concern one connection only. Source: RFC 9110 section 7.6.1, APACHE H4 and H31."""

REQUEST_TAKEN = HOP_BY_HOP | frozenset(
    (
        b"host",
        b"content-length",
        b"expect",
        b"forwarded",
        b"http2-settings",
        b"max-forwards",
        b"via",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-forwarded-server",
    )
)
"""Names taken out of a request's lines; what goes on is made anew."""

REQUEST_NOTED = REQUEST_TAKEN | frozenset((b"cookie", b"referer", b"user-agent"))

RESPONSE_TAKEN = HOP_BY_HOP | frozenset(
    (
        b"content-length",
        b"content-location",
        b"destination",
        b"location",
        b"proxy-authenticate",
        b"uri",
        b"via",
    )
)
"""Names taken out of an answer's lines."""

RESPONSE_NOTED = RESPONSE_TAKEN | frozenset((b"date",))

IDENTITY = frozenset(
    (
        b"x-ssl-client-i-dn",
        b"x-ssl-client-m-serial",
        b"x-ssl-client-s-dn",
        b"x-ssl-client-s-dn-cn",
        b"x-ssl-client-v-end",
        b"x-ssl-client-verify",
    )
)
"""What members are told of clients' certificates, and clients cannot say."""

NOT_IN_TRAILERS = (
    HOP_BY_HOP
    | REQUEST_NOTED
    | RESPONSE_NOTED
    | IDENTITY
    | frozenset(
        (
            b"authorization",
            b"cache-control",
            b"content-encoding",
            b"content-range",
            b"content-type",
            b"proxy-authorization",
            b"set-cookie",
            b"www-authenticate",
        )
    )
)
"""Framing, routing and authentication have no place after the body. Source: RFC 9110 6.5.1."""


Verdict = tuple[bytes, bytes]
"""Key and value of a header line; see the module's description."""


class Lines:
    """
    The judgement on the header lines of one direction.

    What a line means depends on the line alone, and most lines of a head came before just
    so. Verdicts are remembered, up to a bound, and a head is sorted by looking its lines up
    in them, which takes a third of the time of taking them apart (ADR 0001).
    """

    __slots__ = (
        "_dates",
        "_kept_keys",
        "_names",
        "_note",
        "_noted",
        "_notes",
        "_passed",
        "_passes",
        "_size",
    )

    def __init__(self, noted: frozenset[bytes], taken: frozenset[bytes]) -> None:
        """
        @param noted: lower-case names whose values are noted.
        @param taken: those of them whose lines are not passed on.
        """
        self._noted = noted
        self._kept_keys = (noted - taken) | {b""}
        self._names: dict[bytes, bytes] = {}
        self._notes: dict[bytes, Verdict | None] = {}
        self._passed: set[bytes] = set()
        self._dates: deque[bytes] = deque()
        self._size = 0
        self._note = self._notes.__getitem__
        self._passes = self._passed.__contains__

    def sort(
        self, lines: list[bytes], error: type[BalancerError]
    ) -> tuple[list[bytes], list[Verdict]]:
        """
        Sort the lines of a head.

        @return: those that are passed on, and key and value of those that are noted, in order.
        @raise BalancerError: of the class C{error}, when one is no header line.
        """
        try:
            notes = list(map(self._note, lines))
        except KeyError:
            self._learn(lines, error)
            notes = list(map(self._note, lines))
        return list(filter(self._passes, lines)), list(filter(None, notes))

    def _learn(self, lines: list[bytes], error: type[BalancerError]) -> None:
        # Before any line of this head is learnt, so that it has all of them.
        while len(self._dates) > MOST_DATES:
            self._forget(self._dates.popleft())
        fresh = list(dict.fromkeys(filterfalse(self._notes.__contains__, lines)))
        self._size += _cost(fresh)
        if self._size > _MOST_REMEMBERED:
            self._notes.clear()
            self._passed.clear()
            fresh = list(dict.fromkeys(lines))
            self._size = _cost(fresh)
        for line in fresh:
            key, value = self.judge(line, error)
            self._notes[line] = (key, value) if key else None
            if key in self._kept_keys:
                self._passed.add(line)
            if line[:5].lower() == b"date:":
                self._dates.append(line)

    def _forget(self, line: bytes) -> None:
        if line in self._notes:
            del self._notes[line]
            self._passed.discard(line)
            self._size -= _cost([line])

    def judge(self, line: bytes, error: type[BalancerError]) -> Verdict:
        """
        Take a line apart; the key is C{b""} for one that is of no interest here.

        @raise BalancerError: of the class C{error}, when it is no header line.
        """
        name, colon, value = line.partition(b":")
        key = self._names.get(name)
        if key is None:
            key = self._judge_name(line, name, error)
        if not colon:
            raise error(f"a header line without a colon: {show(line)}")
        if line.translate(None, HARMLESS):
            raise error(f"a control character in a header: {show(line)}")
        return key, value.strip(b" \t")

    def _judge_name(self, line: bytes, name: bytes, error: type[BalancerError]) -> bytes:
        if line[:1] in (b" ", b"\t"):
            raise error("a folded header line")
        if name[-1:] in (b" ", b"\t"):
            raise error(f"white space before the colon: {show(name)}")
        if _TOKEN(name) is None:
            raise error(f"no header name: {show(name)}")
        lower = name.lower()
        key = lower if lower in self._noted else UNDERSCORE if b"_" in name else b""
        if len(name) <= _LONGEST_NAME and len(self._names) < _MOST_NAMES:
            self._names[name] = key
        return key


def drop_bad_lines(head: bytes) -> bytes:
    """
    Leave out of a head the lines that are no header lines, as C{badheader = ignore} asks:
    those without a colon and those whose name is no token.

    What may have to do with the framing of the message is left as it is, to be refused:
    folded lines, control characters, and whatever may be meant as Content-Length or
    Transfer-Encoding.

    @param head: a status line and header lines, divided by CRLF.
    """
    start, *lines = head.split(b"\r\n")
    return b"\r\n".join([start, *(line for line in lines if not _ignorable(line))])


def _ignorable(line: bytes) -> bool:
    name, colon, _ = line.partition(b":")
    if (colon and _TOKEN(name) is not None) or line[:1] in (b" ", b"\t", b"") or has_control(line):
        return False
    letters = bytes(char for char in line.lower() if char in b"abcdefghijklmnopqrstuvwxyz")
    return not (b"contentlength" in letters or b"transferencoding" in letters)


def _cost(lines: list[bytes]) -> int:
    """
    Estimate the memory that remembering lines takes, beside their bytes about 128 each.
    """
    return sum(map(len, lines)) + 128 * len(lines)


def is_token(text: bytes) -> bool:
    """
    Tell whether C{text} is an RFC 9110 token.
    """
    return _TOKEN(text) is not None


def has_control(data: bytes) -> bool:
    """
    Tell whether there is a control character other than a tab.
    """
    return bool(data.translate(None, HARMLESS))


def show(data: bytes) -> str:
    """
    Quote bytes of the wire for a message: short and printable.
    """
    text = repr(data[:60])[1:]
    return text + "…" if len(data) > 60 else text
