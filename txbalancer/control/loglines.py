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
from collections.abc import Callable
from typing import Any

from txbalancer.control.logfields import (
    NO_REQUEST,
    clf_time,
    per_second,
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


_JSON_KEYS = (
    (b"time", b'"%b.%03dZ"'),
    (b"", b"%b"),
    (b"user", b'"%b"'),
    (b"method", b'"%b"'),
    (b"host", b'"%b"'),
    (b"target", b'"%b"'),
    (b"version", b'"%b"'),
    (b"status", b"%d"),
    (b"reason", b'"%b"'),
    (b"", b"%b"),
    (b"session_name", b'"%b"'),
    (b"session_route", b'"%b"'),
    (b"route_changed", b"%b"),
    (b"reused", b"%b"),
    (b"bytes_in", b"%d"),
    (b"bytes_out", b"%d"),
    (b"queue", b"%b"),
    (b"connect", b"%b"),
    (b"first_byte", b"%.6f"),
    (b"duration", b"%.6f"),
    (b"referer", b'"%b"'),
    (b"user_agent", b'"%b"'),
    (b"trace_id", b'"%b"'),
    (b"parent_id", b'"%b"'),
    (b"attempts", b"%d"),
)
JSON = b'{%b,"tried":[]}\n' % b",".join(
    b'"%b":%b' % (key, form) if key else form for key, form in _JSON_KEYS
)
"""Two places in it are for keys and values that many lines have alike, made once."""

_places: dict[tuple[str, str, str], bytes] = {}
_MOST_PLACES = 10000


def _pairs(**values: Any) -> bytes:
    """
    Return keys and values without the braces around them.
    """
    return json.dumps(values, separators=(",", ":"))[1:-1].encode()


def _of_peer(peer: Peer) -> bytes:
    peer.logged = found = _pairs(
        client=peer.client,
        client_port=peer.port,
        through=peer.through or "",
        listener=peer.listener,
        tls=peer.secure,
    )
    return found


def _of_place(place: tuple[str, str, str]) -> bytes:
    if len(_places) >= _MOST_PLACES:
        # Members come and go for as long as the process lives.
        _places.clear()
    balancer, member, route = place
    _places[place] = found = _pairs(balancer=balancer, member=member, route=route)
    return found


_iso_second = per_second(
    lambda second: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
)


def as_json(record: Outcome) -> bytes:
    """
    Write C{json}: one object a line with everything known; spans in seconds, text never null.
    """
    request: Any = record.request or NO_REQUEST
    header = request.header
    started = record.started
    second = int(started)
    trace = request.trace
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
    if b"".join(said).translate(None, PLAIN):
        said = tuple([escape_json(each) for each in said])
    user, method, host, target, session_name, session_route, referer, agent = said
    place = record.balancer, record.member, record.route
    line = JSON % (
        _iso_second(second),
        int((started - second) * 1000),
        record.peer.logged or _of_peer(record.peer),
        user,
        method,
        host,
        target,
        request.version,
        record.status,
        record.reason.encode() or b"ok",
        _places.get(place) or _of_place(place),
        session_name,
        session_route,
        b"true" if record.route_changed else b"false",
        b"true" if record.reused else b"false",
        record.bytes_in,
        record.bytes_out,
        b"%.6f" % record.queue if record.queue else b"0.000000",
        b"%.6f" % record.connect if record.connect else b"0.000000",
        record.first_byte,
        record.duration,
        referer,
        agent,
        trace[3:35],
        trace[36:52],
        record.attempts,
    )
    if not record.tried:
        return line
    tried = [{"member": member, "reason": reason} for member, reason in record.tried]
    attempts = json.dumps(tried, separators=(",", ":")).encode()
    return b"%b%b}\n" % (line.removesuffix(b"[]}\n"), attempts)
