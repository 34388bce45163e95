"""
The header lines of a head: which are passed on, which matter here, and what those say.
"""

from __future__ import annotations

from txbalancer.errors import BalancerError, ClientError
from txbalancer.http1.heads import CHUNKED, RequestHead, ResponseHead
from txbalancer.http1.lines import (
    IDENTITY,
    NOT_IN_TRAILERS,
    UNDERSCORE,
    Lines,
    has_control,
    is_token,
    show,
)

_NOT_NAMES = frozenset((b"close", b"keep-alive", b"upgrade", b""))


def note(
    head: RequestHead | ResponseHead,
    lines: list[bytes],
    known: Lines,
    underscores: str,
    error: type[BalancerError],
) -> dict[bytes, bytes]:
    """
    Sort the header lines of a head into those that are passed on and those that are noted.
    """
    del lines[0]
    kept, pairs = known.sort(lines, error)
    noted = dict(pairs)
    if len(noted) != len(pairs):
        noted = joined(pairs, error)
    if UNDERSCORE in noted:
        kept = _underscored(lines, kept, known, underscores, error)
        del noted[UNDERSCORE]
    head.lines = kept
    head.noted = noted
    return noted


def joined(pairs: list[tuple[bytes, bytes]], error: type[BalancerError]) -> dict[bytes, bytes]:
    """
    Note each name once, repeated ones joined; those that frame or route may not be repeated.
    """
    noted: dict[bytes, bytes] = {}
    for key, value in pairs:
        if key not in noted:
            noted[key] = value
        elif key in (b"host", b"content-length", b"transfer-encoding"):
            raise error(f"more than one {key.decode().title()}")
        else:
            noted[key] += (b"; " if key == b"cookie" else b", ") + value
    return noted


def _underscored(
    lines: list[bytes],
    kept: list[bytes],
    known: Lines,
    underscores: str,
    error: type[BalancerError],
) -> list[bytes]:
    """
    Do with names that have an underscore as the limits say.
    """
    if underscores == "drop":
        return kept
    names = {line: known.judge(line, error)[0] for line in lines}
    if underscores == "refuse":
        line = next(line for line in lines if names[line] is UNDERSCORE)
        raise error(f"a header name with an underscore: {show(line)}")
    passed = set(kept)
    return [line for line in lines if names[line] is UNDERSCORE or line in passed]


def tokens_of(value: bytes) -> set[bytes]:
    """
    Return what a value lists, in lower case.
    """
    return {token.strip(b" \t") for token in value.lower().split(b",")}


def drop_named(lines: list[bytes], noted: dict[bytes, bytes], tokens: set[bytes]) -> None:
    """
    Drop the headers that Connection names, which are this connection's own (RFC 9110 7.6.1).

    What frames the message or tells who a client is is not up to Connection.
    """
    named = tokens - _NOT_NAMES - IDENTITY
    if not named:
        return
    lines[:] = [line for line in lines if line.partition(b":")[0].lower() not in named]
    for name in named:
        if name not in (b"host", b"content-length", b"transfer-encoding", b"expect"):
            noted.pop(name, None)


def chunked_body(noted: dict[bytes, bytes], minor: int, error: type[BalancerError]) -> int:
    """
    Return L{CHUNKED}, if that is all that Transfer-Encoding says.

    @raise BalancerError: of the class C{error}, when the end of the body is not clear.
    """
    if b"content-length" in noted:
        raise error("both Content-Length and Transfer-Encoding")
    if minor == 0:
        raise error("Transfer-Encoding in HTTP/1.0")
    coding = noted[b"transfer-encoding"].lower()
    if coding == b"chunked":
        return CHUNKED
    codings = [each.strip(b" \t") for each in coding.split(b",")]
    if error is ClientError and codings[-1] == b"chunked" and b"chunked" not in codings[:-1]:
        # RFC 9112 6.1: a coding that is not understood is 501, and the framing is still clear.
        raise ClientError(f"a transfer coding other than chunked: {show(coding)}", 501)
    raise error(f"a Transfer-Encoding that is not just chunked: {show(coding)}")


def content_length(value: bytes, error: type[BalancerError]) -> int:
    """
    Read a Content-Length.

    @raise BalancerError: of the class C{error}, when it is no number.
    """
    if not value.isdigit() or len(value) > 18:
        raise error(f"a Content-Length that is no number: {show(value)}")
    return int(value)


def parse_trailers(lines: list[bytes], error: type[BalancerError]) -> list[bytes]:
    """
    Check trailer lines and keep those that may be passed on. Source: RFC 9110 6.5.1.

    @raise BalancerError: of the class C{error}, when a line is no header line.
    """
    kept = []
    for line in lines:
        name, colon, _ = line.partition(b":")
        if not colon or not is_token(name) or has_control(line):
            raise error(f"a malformed trailer line: {show(line)}")
        if name.lower() not in NOT_IN_TRAILERS and b"_" not in name:
            kept.append(line)
    return kept
