"""
What an access-log line can hold: Apache's C{LogFormat} directives, one getter each.

Getters return raw values; the line as a whole is checked and escaped afterwards.
Source: httpd 2.4 C{mod_log_config}, in meaning.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from txbalancer.control.logtexts import Texts
from txbalancer.core import tlsnames
from txbalancer.core.outcome import Outcome
from txbalancer.core.request import Request
from txbalancer.core.trace import ids
from txbalancer.core.variables import BALANCER, Chosen
from txbalancer.net.peers import PROXY_FACTS


class LoggedRequest(Request, Protocol):
    """
    A request as the log shows it.

    @ivar trace: C{traceparent} that members were sent, or C{b""}.
    @ivar target: the request target as sent.
    @ivar version: the protocol's version, such as C{b"1.1"}.
    @ivar user: who logged in or tried to; C{None} where nobody had to.
    @ivar noted: values of some headers by their lower-case names, Referer and User-Agent among
        them.
    """

    user: bytes | None
    noted: Mapping[bytes, bytes]
    target: bytes
    version: bytes
    trace: bytes


class NoRequest:
    """
    Stands for the head that never came.
    """

    __slots__ = ()
    method = target = version = path = host = trace = b""
    noted: Mapping[bytes, bytes] = MappingProxyType({})
    query: bytes | None = None
    user: bytes | None = None

    def header(self, name: bytes) -> bytes | None:
        """
        Return C{None}: there are no headers.
        """
        return None


NO_REQUEST: Any = NoRequest()

Value = bytes | int | float | None
Getter = Callable[[Outcome, LoggedRequest], Value]


@dataclass(frozen=True, slots=True)
class Field:
    """
    One value of a line.

    @ivar get: reads it; C{None} is shown as C{-}.
    @ivar form: its C{%} conversion; those but C{%b} are numbers, and never C{None}.
    """

    get: Getter
    form: bytes = b"%b"


def request_line(record: Outcome, request: LoggedRequest) -> bytes:
    """
    Return the request line, or C{-} for none.
    """
    method, version = request.method, request.version
    if not method:
        return b"-"
    if not version:
        # A connection, with the name that was asked for.
        return b"%b %b" % (method, request.target)
    return b"%b %b HTTP/%b" % (method, request.target, version)


def _clf_time(second: int) -> bytes:
    at = time.localtime(second)
    # Not %b: months in a log are English whatever the locale.
    month = "JanFebMarAprMayJunJulAugSepOctNovDec"[at.tm_mon * 3 - 3 : at.tm_mon * 3]
    return time.strftime(f"%d/{month}/%Y:%H:%M:%S %z", at).encode()


clf_time = Texts(_clf_time, 64 * 1024)
"""Second since the epoch -> C{21/Nov/2026:07:57:41 +0000}, local time."""

_FRACTIONS = {
    "sec": (1, 0, b"%d"),
    "msec": (1000, 0, b"%d"),
    "usec": (1000000, 0, b"%d"),
    "msec_frac": (1000, 1000, b"%03d"),
    "usec_frac": (1000000, 1000000, b"%06d"),
}


def _time(argument: str) -> Field:
    """
    C{%{FORMAT}t}: strftime, or one of sec msec usec msec_frac usec_frac, at begin: or end:.
    """
    text, at_end = argument, argument.startswith("end:")
    if at_end or argument.startswith("begin:"):
        text = argument.partition(":")[2]
    if text in _FRACTIONS:
        unit, modulus, form = _FRACTIONS[text]

        def fraction(record: Outcome, request: LoggedRequest) -> int:
            ticks = int((record.started + record.duration * at_end) * unit)
            return ticks % modulus if modulus else ticks

        return Field(fraction, form)
    render = clf_time
    if text:
        render = Texts(lambda at: time.strftime(text, time.localtime(at)).encode(), 64 * 1024)

    def moment(record: Outcome, request: LoggedRequest) -> bytes:
        rendered = render[int(record.started + record.duration * at_end)]
        return rendered if text else b"[%b]" % rendered

    return Field(moment)


def _span(argument: str) -> Field:
    units = {"s": 1, "ms": 1000, "us": 1000000}
    unit = units[_one_of("unit", argument, units)]
    return Field(lambda record, request: int(record.duration * unit), b"%d")


def _one_of(what: str, word: str, allowed: object) -> str:
    names = list(allowed)  # type: ignore[call-overload]
    if word in names:
        return word
    close = get_close_matches(word, names, 1) or get_close_matches(word.upper(), names, 1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise ValueError(f"unknown {what} {word!r}{hint}: use {', '.join(names)}")


def _header(argument: str) -> Field:
    name = argument.lower().encode()
    return Field(lambda record, request: request.header(name))


def _response_header(argument: str) -> Field:
    name = argument.lower().encode()
    return Field(lambda record, request: record.response_header(name))


def _cookie(argument: str) -> Field:
    wanted = argument.lower().encode()

    def cookie(record: Outcome, request: LoggedRequest) -> bytes | None:
        for pair in (request.header(b"cookie") or b"").split(b";"):
            name, equals, value = pair.partition(b"=")
            if equals and name.strip().lower() == wanted:
                return value.strip()
        return None

    return Field(cookie)


def _of_balancer(read: Callable[[Chosen], bytes | None]) -> Getter:
    return lambda record, request: read(record)


# Source: APACHE item S30.
_VARIABLES: dict[str, Getter] = {name: _of_balancer(read) for name, read in BALANCER.items()}


def _tried(record: Outcome, request: LoggedRequest) -> bytes | None:
    return ",".join(f"{member}={reason}" for member, reason in record.tried).encode() or None


def _milliseconds(read: Callable[[Outcome], float]) -> Field:
    return Field(lambda record, request: read(record) * 1000.0, b"%.3f")


def _of_proxy(name: str) -> Getter:
    return lambda record, request: record.peer.facts.get(name)


_NOTES = {
    "reason": Field(lambda record, request: record.reason.encode() or b"ok"),
    "attempts": Field(lambda record, request: record.attempts, b"%d"),
    "tried": Field(_tried),
    "balancer": Field(lambda record, request: record.balancer.encode() or None),
    "member": Field(lambda record, request: record.member.encode() or None),
    "reused": Field(lambda record, request: b"1" if record.reused else None),
    "route": Field(lambda record, request: record.route.encode() or None),
    "listener": Field(lambda record, request: record.peer.listener.encode() or None),
    "queue": _milliseconds(lambda record: record.queue),
    "connect": _milliseconds(lambda record: record.connect),
    "firstbyte": _milliseconds(lambda record: record.first_byte),
    "total": _milliseconds(lambda record: record.duration),
    "traceparent": Field(lambda record, request: request.trace or None),
    "trace-id": Field(lambda record, request: ids(request.trace)[0] or None),
    **{name: Field(_of_proxy(name)) for name in PROXY_FACTS},
    "session-sticky": Field(_VARIABLES["BALANCER_SESSION_STICKY"]),
    "session-route": Field(_VARIABLES["BALANCER_SESSION_ROUTE"]),
}


def _variable(argument: str) -> Field:
    return Field(_VARIABLES[_one_of("variable", argument, _VARIABLES)])


def _of_tls(argument: str) -> Field:
    if not tlsnames.is_known(argument):
        raise ValueError(
            f"there is no TLS variable {argument!r}: use SSL_PROTOCOL, SSL_CIPHER, SSL_CLIENT_S_DN"
            " and others of Apache's mod_ssl"
        )

    def told(record: Outcome, request: LoggedRequest) -> bytes | None:
        tell = record.peer.tls
        return None if tell is None else tell(argument)

    return Field(told)


def _note(argument: str) -> Field:
    return _NOTES[_one_of("note", argument, _NOTES)]


def _host(record: Outcome, request: LoggedRequest) -> bytes:
    host, colon, port = request.host.rpartition(b":")
    return (host if colon and port.isdigit() else request.host) or record.peer.server_name


def _canonical_port(record: Outcome, request: LoggedRequest) -> int:
    port = request.host.rpartition(b":")[2]
    if b":" in request.host and port.isdigit():
        return int(port)
    return 443 if record.peer.secure else 80


def _port(argument: str) -> Field:
    if argument == "local":
        raise ValueError("the local port is not recorded: use %{listener}n")
    if _one_of("port", argument, ("canonical", "remote")) == "remote":
        return Field(lambda record, request: record.peer.port, b"%d")
    return Field(_canonical_port, b"%d")


def _process(argument: str) -> Field:
    _one_of("kind of process", argument, ("pid",))
    return Field(lambda record, request: os.getpid(), b"%d")


def _connection(record: Outcome, request: LoggedRequest) -> bytes:
    """
    C{%X}: X = left before the answer was over, + = may go on, - = closed after it.
    """
    if record.reason.startswith("client-") or not record.status:
        return b"X"
    wish = b",%b," % (request.header(b"connection") or b"").lower().replace(b" ", b"")
    if request.version == b"1.0":
        return b"+" if b",keep-alive," in wish else b"-"
    return b"-" if b",close," in wish or not request.method else b"+"


def _query(record: Outcome, request: LoggedRequest) -> bytes:
    return b"" if request.query is None else b"?" + request.query


def _path(record: Outcome, request: LoggedRequest) -> bytes | None:
    path = request.path
    return (unquote_to_bytes(path) if b"%" in path else path) or None


def _client(record: Outcome, request: LoggedRequest) -> bytes | None:
    return record.peer.client.encode() or None


def _end_of_client(argument: str) -> Field:
    _one_of("end", argument, ("c",))
    return Field(_connected)


def _connected(record: Outcome, request: LoggedRequest) -> bytes | None:
    peer = record.peer
    return (peer.client if peer.through is None else peer.through).encode() or None


def _user(record: Outcome, request: LoggedRequest) -> bytes | None:
    return request.user


PLAIN: dict[str, Field] = {
    "a": Field(_client),
    "h": Field(_client),
    "b": Field(lambda record, request: b"%d" % record.bytes_out if record.bytes_out else None),
    "B": Field(lambda record, request: record.bytes_out, b"%d"),
    "D": Field(lambda record, request: int(record.duration * 1e6), b"%d"),
    "H": Field(lambda record, request: (request.version and b"HTTP/" + request.version) or None),
    "I": Field(lambda record, request: record.bytes_in, b"%d"),
    "O": Field(lambda record, request: record.bytes_out, b"%d"),
    "S": Field(lambda record, request: record.bytes_in + record.bytes_out, b"%d"),
    "l": Field(lambda record, request: None),
    "m": Field(lambda record, request: request.method or None),
    "p": Field(_canonical_port, b"%d"),
    "P": Field(lambda record, request: os.getpid(), b"%d"),
    "q": Field(_query),
    "r": Field(request_line),
    "s": Field(lambda record, request: record.status, b"%03d"),
    "t": _time(""),
    "T": _span("s"),
    "u": Field(_user),
    "U": Field(_path),
    "v": Field(lambda record, request: record.peer.server_name),
    "V": Field(_host),
    "X": Field(_connection),
    "^FB": Field(lambda record, request: int(record.first_byte * 1e6), b"%d"),
}
"""Directives without an argument."""

WITH_ARGUMENT: dict[str, Callable[[str], Field]] = {
    "C": _cookie,
    "a": _end_of_client,
    "T": _span,
    "P": _process,
    "e": _variable,
    "i": _header,
    "n": _note,
    "o": _response_header,
    "p": _port,
    "t": _time,
    "x": _of_tls,
}
"""Directives with an argument, as C{%{NAME}i}; they raise L{ValueError} for a wrong one."""

UNAVAILABLE = {
    "A": "the local address is not recorded: use %{listener}n",
    "f": "a proxy has no file name",
    "k": "requests are not counted per connection",
    "L": "there is no error-log id",
    "R": "there are no Apache handlers here",
    "^ti": "request trailers are not kept",
    "^to": "answer trailers are not kept",
}
"""Directives that Apache has and this log has not, each with the cause."""
