"""
Heads of answers: as strict and as fast as those of requests.
"""

from __future__ import annotations

from txbalancer.errors import BadResponse
from txbalancer.http1.fields import chunked_body, content_length, drop_named, note, tokens_of
from txbalancer.http1.heads import CHUNKED, ResponseHead
from txbalancer.http1.limits import Limits
from txbalancer.http1.lines import RESPONSE_NOTED, RESPONSE_TAKEN, Lines, has_control, show

_LINES = Lines(RESPONSE_NOTED, RESPONSE_TAKEN)
_MOST_STATUSES = 256
_statuses_seen: dict[bytes, tuple[int, int]] = {}


def parse_response(data: bytes, limits: Limits) -> ResponseHead:
    """
    Read the head of an answer, as strictly as a request's.

    @raise BadResponse: what is wrong with it.
    """
    lines = data.split(b"\r\n")
    head = ResponseHead()
    _status_line(head, lines[0])
    if len(lines) > limits.headers + 1:
        raise BadResponse(f"more than {limits.headers} header lines")
    if len(data) > limits.line and max(map(len, lines)) > limits.line:
        raise BadResponse(f"a header line longer than {limits.line} bytes")
    noted = note(head, lines, _LINES, "keep", BadResponse)
    head.chunked = False
    head.length = -1
    if b"transfer-encoding" in noted:
        head.chunked = chunked_body(noted, head.minor, BadResponse) == CHUNKED
    elif b"content-length" in noted:
        head.length = content_length(noted[b"content-length"], BadResponse)
    connection = noted.get(b"connection")
    if connection is None:
        head.keep_alive = head.minor == 1
    elif connection == b"keep-alive" or connection == b"close":
        head.keep_alive = connection == b"keep-alive"
    else:
        tokens = tokens_of(connection)
        head.keep_alive = b"close" not in tokens and (head.minor == 1 or b"keep-alive" in tokens)
        drop_named(head.lines, noted, tokens)
    return head


def _status_line(head: ResponseHead, line: bytes) -> None:
    known = _statuses_seen.get(line)
    if known is None:
        known = _read_status_line(line)
        if len(_statuses_seen) < _MOST_STATUSES:
            _statuses_seen[line] = known
    head.start = line
    head.status, head.minor = known


def _read_status_line(line: bytes) -> tuple[int, int]:
    code = line[9:12]
    if (
        line[:9] not in (b"HTTP/1.1 ", b"HTTP/1.0 ")
        or not code.isdigit()
        or code < b"100"
        or line[12:13] not in (b" ", b"")
        or len(code) != 3
        or has_control(line)
    ):
        raise BadResponse(f"no HTTP/1 status line: {show(line)}")
    return int(code), 1 if line[7:8] == b"1" else 0
