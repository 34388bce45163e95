"""
The two common lines of the access log, ready-made.

A line is made with a single C{%} operation. What its exchange has in common with others, such
as the client's browser and how it ended, is looked up as text, escaped already; what is its
own is checked, and escaped if it has to be. So lines cannot be forged, and the usual one costs
no escaping.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from txbalancer.control.logfields import NO_REQUEST, clf_time, request_line
from txbalancer.control.logtexts import SUSPECT, Texts, escape, escape_json
from txbalancer.core.outcome import Outcome
from txbalancer.core.request import Peer

COMBINED = b'%b - %b [%b] "%b" %b %b "%b" "%b" reason=%b\n'

_clients: Texts[str] = Texts(lambda client: escape(client.encode()) or b"-")
_values: Texts[bytes | None] = Texts(lambda value: b"-" if value is None else escape(value))
_statuses: Texts[int] = Texts(lambda status: b"%03d" % status)


def _write_ending(ending: tuple[str, int, str]) -> bytes:
    reason, attempts, member = ending
    named = escape(member.encode()) or b"-"
    return b"%b attempts=%d member=%b" % (escape(reason.encode()) or b"ok", attempts, named)


_endings = Texts(_write_ending)


def combined(record: Outcome) -> bytes:
    """
    Write C{combined}: the same line as its text would give, without a call per field.
    """
    request: Any = record.request or NO_REQUEST
    noted = request.noted.get
    asked = request_line(record, request)
    if asked.translate(SUSPECT) != asked:
        asked = escape(asked)
    sent = record.bytes_out
    return COMBINED % (
        _clients[record.peer.client],
        _values[request.user],
        clf_time[int(record.started)],
        asked,
        _statuses[record.status],
        b"%d" % sent if sent else b"-",
        _values[noted(b"referer")],
        _values[noted(b"user-agent")],
        _endings[record.reason, record.attempts, record.member],
    )


JSON = (
    b'{"time":"%b",%b,"user":"%b","method":"%b","host":"%b","target":"%b","version":"%b",%b,'
    b'%b,"bytes_in":%d,"bytes_out":%d,%b,'
    b'"referer":"%b","user_agent":"%b",%b,"tried":[]}\n'
)
"""Most of its places without a key are for what many lines have alike."""

_SPANS = b'"queue":%.6f,"connect":%.6f,"first_byte":%.6f,"duration":%.6f'
_AT_ONCE = b'"queue":0.000000,"connect":0.000000,"first_byte":0.%06d,"duration":0.%06d'
_TRACE = b'"trace_id":"%b","parent_id":"%b"'
_NO_TRACE = _TRACE % (b"", b"")

_ENDING = Outcome._fields[2:10]
"""From C{status} to C{reused}."""


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
    values = dict(zip(_ENDING, ending, strict=True))
    values["reason"] = values["reason"] or "ok"
    return _pairs(values)


def _of_session(sticky: tuple[bytes, bytes] | None) -> bytes:
    name, route = sticky or (b"", b"")
    return b'"session_name":"%b","session_route":"%b"' % (escape_json(name), escape_json(route))


def _of_moment(moment: int) -> bytes:
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment // 1000))
    return b"%b.%03dZ" % (at.encode(), moment % 1000)


_json_endings = Texts(_of_ending)
_json_sessions = Texts(_of_session)
_json_values: Texts[bytes | None] = Texts(lambda value: escape_json(value or b""))
_json_times = Texts(_of_moment, 64 * 1024)
"""Millisecond since the epoch -> C{2026-11-21T07:57:41.250Z}."""


def as_json(record: Outcome) -> bytes:
    """
    Write C{json}: one object a line with everything known; spans in seconds, text never null.
    """
    (
        request, peer, status, reason, balancer, member, route, attempts, route_changed, reused,
        tried, bytes_in, bytes_out, started, duration, queue, connect, first_byte, sticky, _,
    ) = record  # fmt: skip
    head: Any = request or NO_REQUEST
    noted, target, trace = head.noted.get, head.target, head.trace
    if target.translate(SUSPECT) != target:
        target = escape_json(target)
    if queue or connect or not 0.0 <= first_byte <= duration < 0.999999:
        spans = _SPANS % (queue, connect, first_byte, duration)
    else:
        # Most wait for nothing, and digits of whole numbers are made faster.
        spans = _AT_ONCE % (first_byte * 1e6 + 0.5, duration * 1e6 + 0.5)
    line = JSON % (
        _json_times[int(started * 1000)],
        peer.logged or _of_peer(peer),
        _json_values[head.user],
        _json_values[head.method],
        _json_values[head.host],
        target,
        head.version,
        _json_endings[status, reason, balancer, member, route, attempts, route_changed, reused],
        _json_sessions[sticky],
        bytes_in,
        bytes_out,
        spans,
        _json_values[noted(b"referer")],
        _json_values[noted(b"user-agent")],
        _TRACE % (trace[3:35], trace[36:52]) if trace else _NO_TRACE,
    )
    if not tried:
        return line
    pairs = [{"member": name, "reason": why} for name, why in tried]
    attempts_made = json.dumps(pairs, separators=(",", ":")).encode()
    return b"%b%b}\n" % (line.removesuffix(b"[]}\n"), attempts_made)
