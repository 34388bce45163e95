"""
Lines of the access log: how one is filled and escaped, and the two common ones ready-made.

A line is made with a single C{%} operation from raw values. What it holds beside plain
characters is known beforehand: the quotes and escapes of the format itself. If there
is anything more, a value brought it in, and the line is made again with every value
escaped: lines cannot be forged, and the usual one costs no escaping.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from txbalancer.control.logfields import (
    NO_REQUEST,
    clf_time,
    kept,
    request_line,
)
from txbalancer.core.outcome import Outcome
from txbalancer.core.request import Peer

Quote = Callable[[bytes], bytes]

PLAIN = bytes(code for code in range(0x20, 0x7F) if code not in b'"\\')
"""Characters that need no escape in any format."""

_APACHE_ESCAPES = {
    code: f"\\{chr(code)}" if chr(code) in '"\\' else f"\\x{code:02x}"
    for code in range(256)
    if code not in PLAIN
} | {8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 13: "\\r"}


def escape(value: bytes) -> bytes:
    """
    Escape quotes, backslashes and everything unprintable as Apache does in its logs.
    """
    return value.decode("latin-1").translate(_APACHE_ESCAPES).encode("ascii")


def escape_json(value: bytes) -> bytes:
    """
    Escape for the inside of a JSON string; bytes that are no UTF-8 stay readable as C{\\xhh}.
    """
    return json.dumps(value.decode("utf-8", "backslashreplace"))[1:-1].encode("ascii")


def skeleton(template: bytes) -> bytes:
    """
    Return what a line of this template holds beside plain characters.
    """
    return re.sub(rb"%(?:0?\d?d|\.\df|[b%])", b"", template).translate(None, PLAIN)


def fill(template: bytes, values: tuple[object, ...], expected: bytes, quote: Quote) -> bytes:
    """
    Put the values into the template, escaped when any of them needs it.

    @param expected: L{skeleton} of the template.
    """
    line = template % values
    if line.translate(None, PLAIN) == expected:
        return line
    return template % tuple([quote(each) if type(each) is bytes else each for each in values])


COMBINED = b'%b - %b [%b] "%b" %03d %b "%b" "%b" reason=%b attempts=%d member=%b\n'
_COMBINED_SKELETON = skeleton(COMBINED)


def combined(record: Outcome) -> bytes:
    """
    Write C{combined}: the same line as its text would give, without a call per field.
    """
    request: Any = record.request or NO_REQUEST
    header = request.header
    sent = record.bytes_out
    user = request.user
    values = (
        record.peer.client.encode() or b"-",
        b"-" if user is None else user,
        clf_time(int(record.started)),
        request_line(record, request),
        record.status,
        b"%d" % sent if sent else b"-",
        header(b"referer") or b"-",
        header(b"user-agent") or b"-",
        record.reason.encode() or b"ok",
        record.attempts,
        record.member.encode() or b"-",
    )
    return fill(COMBINED, values, _COMBINED_SKELETON, escape)


JSON = (
    b'{"time":"%b",%b,"user":"%b","method":"%b","host":"%b","target":"%b","version":"%b",%b,'
    b'"session_name":"%b","session_route":"%b","bytes_in":%d,"bytes_out":%d,%b,'
    b'"referer":"%b","user_agent":"%b",%b,"tried":[]}\n'
)
"""Most of its places without a key are for what many lines have alike, made once."""

_SPANS = b'"queue":%.6f,"connect":%.6f,"first_byte":%.6f,"duration":%.6f'
_AT_ONCE = b'"queue":0.000000,"connect":0.000000,"first_byte":0.%06d,"duration":0.%06d'
_TRACE = b'"trace_id":"%b","parent_id":"%b"'
_NO_TRACE = _TRACE % (b"", b"")

_SUSPECT = bytes(code if code in PLAIN else ord("?") for code in range(256))
"""To be translated with: what is no plain character is another one then."""

_ENDING = Outcome._fields[2:10]
"""From C{status} to C{reused}."""

_endings: dict[tuple[object, ...], bytes] = {}
_MOST_ENDINGS = 10000


def _pairs(values: Mapping[str, object]) -> bytes:
    """
    Return keys and values without the braces around them.
    """
    return json.dumps(values, separators=(",", ":"))[1:-1].encode()


def _of_peer(peer: Peer) -> bytes:
    peer.logged = found = _pairs(
        {
            "client": peer.client,
            "client_port": peer.port,
            "through": peer.through or "",
            "listener": peer.listener,
            "tls": peer.secure,
        }
    )
    return found


def _of_ending(ending: tuple[object, ...]) -> bytes:
    if len(_endings) >= _MOST_ENDINGS:
        # Members come and go for as long as the process lives.
        _endings.clear()
    values = dict(zip(_ENDING, ending, strict=True))
    values["reason"] = values["reason"] or "ok"
    _endings[ending] = found = _pairs(values)
    return found


def _of_spans(record: Outcome) -> bytes:
    """
    Write how long it took: most exchanges need not wait, and less than a second.
    """
    queue, connect = record.queue, record.connect
    first_byte, duration = record.first_byte, record.duration
    if queue or connect or not 0.0 <= first_byte <= duration < 0.999999:
        return _SPANS % (queue, connect, first_byte, duration)
    # Digits of whole numbers are made three times faster than those of broken ones.
    return _AT_ONCE % (int(first_byte * 1e6 + 0.5), int(duration * 1e6 + 0.5))


_iso_second = kept(lambda second: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode())
_iso_time = kept(lambda moment: b"%b.%03dZ" % (_iso_second(moment // 1000), moment % 1000))
"""Millisecond since the epoch -> C{2026-11-21T07:57:41.250Z}."""


def as_json(record: Outcome) -> bytes:
    """
    Write C{json}: one object a line with everything known; spans in seconds, text never null.
    """
    request: Any = record.request or NO_REQUEST
    header = request.header
    session_name, session_route = record.sticky or (b"", b"")
    said: tuple[bytes, ...] = (
        request.user or b"",
        request.method,
        request.host,
        request.target,
        session_name,
        session_route,
        header(b"referer") or b"",
        header(b"user-agent") or b"",
    )
    joined = b"".join(said)
    if joined.translate(_SUSPECT) != joined:
        said = tuple([escape_json(each) for each in said])
    user, method, host, target, session_name, session_route, referer, agent = said
    ending, trace = record[2:10], request.trace
    line = JSON % (
        _iso_time(int(record.started * 1000)),
        record.peer.logged or _of_peer(record.peer),
        user,
        method,
        host,
        target,
        request.version,
        _endings.get(ending) or _of_ending(ending),
        session_name,
        session_route,
        record.bytes_in,
        record.bytes_out,
        _of_spans(record),
        referer,
        agent,
        _TRACE % (trace[3:35], trace[36:52]) if trace else _NO_TRACE,
    )
    if not record.tried:
        return line
    tried = [{"member": member, "reason": reason} for member, reason in record.tried]
    attempts = json.dumps(tried, separators=(",", ":")).encode()
    return b"%b%b}\n" % (line.removesuffix(b"[]}\n"), attempts)
