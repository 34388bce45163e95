"""
Header lines, each judged once: pass on, take out, or note.

A line's verdict is a key and a value. The key is C{b""} for a header that is passed
on unread, C{UNDERSCORE} for a suspicious name, else the lower-case name under which
the value is noted.
"""

from __future__ import annotations

import re

from txbalancer.errors import BalancerError

UNDERSCORE = b"_"

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_CONTROLS = bytes(code for code in range(32) if code != 9) + b"\x7f"
_HARMLESS = bytes(code for code in range(256) if code not in _CONTROLS)

_MOST_NAMES = 4096
_MOST_REMEMBERED = 4096
_LONGEST_REMEMBERED = 256

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

NOT_IN_TRAILERS = (
    HOP_BY_HOP
    | REQUEST_NOTED
    | RESPONSE_NOTED
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

PASS: Verdict = (b"", b"")


class Lines:
    """
    The judgement on the header lines of one direction.

    What a line means depends on the line alone, and most lines of a head came before just
    so: the latest ones are remembered, and looking one up costs less than taking it apart.

    @ivar seen: line -> verdict; look here first.
    @ivar kept: keys whose lines are passed on although their values are noted.
    """

    __slots__ = ("_names", "_noted", "kept", "seen")

    def __init__(self, noted: frozenset[bytes], taken: frozenset[bytes]) -> None:
        self._names: dict[bytes, bytes] = {}
        self._noted = noted
        self.kept = noted - taken
        self.seen: dict[bytes, Verdict] = {}

    def judge(self, line: bytes, error: type[BalancerError]) -> Verdict:
        """
        Judge a line that is not in L{seen}.

        @raise BalancerError: of the class C{error}, when it is no header line.
        """
        name, colon, value = line.partition(b":")
        key = self._names.get(name)
        if key is None:
            key = self._judge_name(line, name, error)
        if not colon:
            raise error(f"a header line without a colon: {show(line)}")
        if line.translate(None, _HARMLESS):
            raise error(f"a control character in a header: {show(line)}")
        verdict = (key, value.strip(b" \t")) if key else PASS
        if len(line) <= _LONGEST_REMEMBERED:
            if len(self.seen) >= _MOST_REMEMBERED:
                self.seen.clear()
            self.seen[line] = verdict
        return verdict

    def _judge_name(self, line: bytes, name: bytes, error: type[BalancerError]) -> bytes:
        if line[:1] in (b" ", b"\t"):
            raise error("a folded header line")
        if name[-1:] in (b" ", b"\t"):
            raise error(f"white space before the colon: {show(name)}")
        if _TOKEN(name) is None:
            raise error(f"no header name: {show(name)}")
        lower = name.lower()
        key = lower if lower in self._noted else UNDERSCORE if b"_" in name else b""
        if len(name) <= _LONGEST_REMEMBERED and len(self._names) < _MOST_NAMES:
            self._names[name] = key
        return key


def is_token(text: bytes) -> bool:
    """
    Tell whether C{text} is an RFC 9110 token.
    """
    return _TOKEN(text) is not None


def has_control(data: bytes) -> bool:
    """
    Tell whether there is a control character other than a tab.
    """
    return bool(data.translate(None, _HARMLESS))


def show(data: bytes) -> str:
    """
    Quote bytes of the wire for a message: short and printable.
    """
    text = repr(data[:60])[1:]
    return text + "…" if len(data) > 60 else text
