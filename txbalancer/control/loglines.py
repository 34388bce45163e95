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


_SENT = b'%d,"first_byte":%.6f,"duration":%.6f'
_SENT_ALONE = b'%d,"duration":%.6f'
_THOUSANDTHS = tuple(b"%03d" % number for number in range(1000))

_ENDING = Outcome._fields[2:10]
"""From C{status} to C{reused}."""

_ALWAYS = {"client", "listener", "method", "host", "target", "status", "reason"}
_ALWAYS |= {"balancer", "member", "attempts"}
"""Keys that are there even with an empty value, beside those of numbers in L{as_json}."""


def _pairs(values: Mapping[str, object]) -> bytes:
    """
    Return keys and values without the braces around them, as far as they say something.
    """
    telling = {key: value for key, value in values.items() if value or key in _ALWAYS}
    return json.dumps(telling, separators=(",", ":"))[1:-1].encode()


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "backslashreplace")


def _of_second(second: int) -> bytes:
    return time.strftime('{"time":"%Y-%m-%dT%H:%M:%S.', time.gmtime(second)).encode()


def _of_peer(peer: Peer) -> bytes:
    values = {
        "client": peer.client,
        "client_port": peer.port,
        "through": peer.through,
        "listener": peer.listener,
        "tls": peer.secure,
    }
    peer.logged = found = b'Z",%b' % _pairs(values)
    return found


def _of_asked(asked: tuple[bytes | None, bytes, bytes, bytes]) -> bytes:
    user, version, method, host = map(_text, asked)
    values = {"user": user, "version": version, "method": method, "host": host}
    return b',%b,"target":"' % _pairs(values)


def _of_ending(ending: tuple[Any, ...]) -> bytes:
    *known, sticky = ending
    values = dict(zip(_ENDING, known, strict=True))
    values["reason"] = values["reason"] or "ok"
    values["session_name"], values["session_route"] = map(_text, sticky or (b"", b""))
    return b'",%b,"bytes_out":' % _pairs(values)


def _values_of(key: bytes) -> Texts[bytes | None]:
    return Texts(lambda value: b',"%b":"%b"' % (key, escape_json(value)) if value else b"")


_json_seconds = Texts(_of_second, 64 * 1024)
_json_asked = Texts(_of_asked)
_json_endings = Texts(_of_ending)
_json_referers = _values_of(b"referer")
_json_agents = _values_of(b"user_agent")


def as_json(record: Outcome) -> bytes:
    """
    Write C{json}: one object a line with everything known; spans in seconds, text never null.

    Some keys are always there, others only with something to say: docs/operations.rst has both.
    """
    (
        request, peer, status, reason, balancer, member, route, attempts, route_changed, reused,
        tried, bytes_in, bytes_out, started, duration, queue, connect, first_byte, sticky, _,
    ) = record  # fmt: skip
    head: Any = request or NO_REQUEST
    noted, target = head.noted.get, head.target
    if target.translate(SUSPECT) != target:
        target = escape_json(target)
    more = b""
    if bytes_in or queue or connect or head.trace or tried:
        more = _more(record, head.trace)
    if first_byte:
        sent = _SENT % (bytes_out, first_byte, duration)
    else:
        sent = _SENT_ALONE % (bytes_out, duration)
    # Pieces have their keys with them, so that those with nothing to say are empty. To join
    # them takes less than to fill them in.
    return b"".join(
        (
            _json_seconds[int(started)],
            _THOUSANDTHS[int(started * 1000) % 1000],
            peer.logged or _of_peer(peer),
            _json_asked[head.user, head.version, head.method, head.host],
            target,
            _json_endings[
                status, reason, balancer, member, route, attempts, route_changed, reused, sticky
            ],
            sent,
            _json_referers[noted(b"referer")],
            _json_agents[noted(b"user-agent")],
            more,
            b"}\n",
        )
    )


def _more(record: Outcome, trace: bytes) -> bytes:
    """
    Write what most lines have not.
    """
    found = b""
    if record.queue:
        found += b',"queue":%.6f' % record.queue
    if record.connect:
        found += b',"connect":%.6f' % record.connect
    if record.bytes_in:
        found += b',"bytes_in":%d' % record.bytes_in
    if trace:
        found += b',"trace_id":"%b","parent_id":"%b"' % (trace[3:35], trace[36:52])
    if record.tried:
        pairs = [{"member": name, "reason": why} for name, why in record.tried]
        found += b',"tried":%b' % json.dumps(pairs, separators=(",", ":")).encode()
    return found


def as_marked_json(record: Outcome) -> bytes:
    """
    Write C{json}, with the rate limit that would have refused the request but for C{dry-run}.
    """
    line = as_json(record)
    limited = getattr(record.request, "limited", "")
    return b'%b,"limit":"%b"}\n' % (line[:-2], escape_json(limited.encode())) if limited else line
