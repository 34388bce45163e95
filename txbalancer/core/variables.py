"""
Variables of a request, by Apache's names, and the texts that have them in.

Source: APACHE item S30 for those of the balancer; httpd 2.4 C{mod_headers} and C{mod_ssl},
in meaning, for the others.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import NamedTuple, Protocol

from txbalancer.core import tlsnames
from txbalancer.core.request import Request

UNDEFINED = b"(null)"
"""What stands for a variable that is not set, as in Apache."""


class Chosen(Protocol):
    """
    How a member was found: an exchange, or the record of one.

    @ivar balancer: name of the balancer; empty when the request did not get there.
    @ivar member: name of the member; empty when none was chosen.
    @ivar route: the member's route, may be empty.
    @ivar sticky: the cookie or parameter that held a session, and the route in it.
    @ivar route_changed: the session is on a member that it did not name.
    """

    @property
    def balancer(self) -> str: ...

    @property
    def member(self) -> str: ...

    @property
    def route(self) -> str: ...

    @property
    def sticky(self) -> tuple[bytes, bytes] | None: ...

    @property
    def route_changed(self) -> bool: ...


class Choice(NamedTuple):
    """
    The least that is L{Chosen}.
    """

    balancer: str = ""
    member: str = ""
    route: str = ""
    sticky: tuple[bytes, bytes] | None = None
    route_changed: bool = False


class Facts(NamedTuple):
    """
    What variables are read from.

    @ivar server_name: own name of the mount or listener.
    @ivar started: wall-clock time of the request's arrival, in seconds.
    @ivar elapsed: seconds since.
    """

    request: Request
    server_name: bytes
    started: float = 0.0
    elapsed: float = 0.0
    chosen: Chosen = Choice()


Getter = Callable[[Facts], bytes | None]


def _balanced(chosen: Chosen) -> bool:
    """
    Tell whether a balancer chose a member; a lone one is under its own URL, and needs no choice.
    """
    return bool(chosen.member) and chosen.balancer != chosen.member


BALANCER: dict[str, Callable[[Chosen], bytes | None]] = {
    "BALANCER_NAME": lambda chosen: (
        f"balancer://{chosen.balancer}".encode() if _balanced(chosen) else None
    ),
    "BALANCER_WORKER_NAME": lambda chosen: chosen.member.encode() if _balanced(chosen) else None,
    "BALANCER_WORKER_ROUTE": lambda chosen: chosen.route.encode() if _balanced(chosen) else None,
    "BALANCER_SESSION_STICKY": lambda chosen: chosen.sticky and chosen.sticky[0],
    "BALANCER_SESSION_ROUTE": lambda chosen: chosen.sticky and chosen.sticky[1],
    "BALANCER_ROUTE_CHANGED": lambda chosen: b"1" if chosen.route_changed else None,
}
"""Variables of the balancer (S30); C{None} when not set."""

_REQUEST: dict[str, Getter] = {
    "REMOTE_ADDR": lambda facts: facts.request.peer.client.encode() or None,
    "SERVER_NAME": lambda facts: facts.server_name,
    "REQUEST_METHOD": lambda facts: facts.request.method,
    "REQUEST_SCHEME": lambda facts: b"https" if facts.request.peer.secure else b"http",
    "REQUEST_URI": lambda facts: facts.request.path,
    "QUERY_STRING": lambda facts: facts.request.query or b"",
    "HTTP_HOST": lambda facts: facts.request.host or None,
    "HTTP_USER_AGENT": lambda facts: facts.request.header(b"user-agent"),
    "REMOTE_USER": lambda facts: getattr(facts.request, "user", None),
    "HTTP_REFERER": lambda facts: facts.request.header(b"referer"),
}


def _of_balancer(name: str) -> Getter:
    read = BALANCER[name]
    return lambda facts: read(facts.chosen)


VARIABLES: dict[str, Getter] = {
    **{name: _of_balancer(name) for name in BALANCER},
    **_REQUEST,
    "HTTPS": lambda facts: b"on" if facts.request.peer.secure else None,
}
"""What C{%{NAME}e} and C{env=NAME} may name."""

SSL_VARIABLES: dict[str, Getter] = {
    **_REQUEST,
    "HTTPS": lambda facts: b"on" if facts.request.peer.secure else b"off",
}
"""What C{%{NAME}s} may name, beside what L{tlsnames} has."""


def of_tls(name: str) -> Getter:
    """
    Return what reads something of the client's TLS connection.
    """

    def read(facts: Facts) -> bytes | None:
        tell = facts.request.peer.tls
        return None if tell is None else tell(name)

    return read


def variable(name: str, known: dict[str, Getter] = VARIABLES) -> Getter:
    """
    Return what reads a variable.

    @raise ValueError: for one that there is not; says which there are.
    """
    found = known.get(name)
    if known is SSL_VARIABLES and tlsnames.is_known(name):
        return of_tls(name)
    if found is None:
        close = get_close_matches(name.upper(), known, 1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        more = ", SSL_CLIENT_S_DN and others of TLS" if known is SSL_VARIABLES else ""
        raise ValueError(f"there is no variable {name!r}{hint}: use {', '.join(known)}{more}")
    return found


Part = bytes | Getter

_ESCAPES = {"\\": "\\", "t": "\t"}


def parse_text(text: str) -> tuple[Part, ...]:
    """
    Take a text with C{%{NAME}e}, C{%{NAME}s}, C{%t}, C{%D} and C{%%} apart.

    @return: constant bytes and getters, in order.
    @raise ValueError: for anything else after a C{%}, and for C{\\n} and C{\\r}.
    """
    parts: list[Part] = []
    constant = ""
    place = 0
    while place < len(text):
        char = text[place]
        after = text[place + 1 : place + 2]
        if char == "\\" and after in ("n", "r"):
            raise ValueError(
                f"{text!r}: a header cannot have line ends, so \\{after} is not possible"
            )
        if char == "\\" and after in _ESCAPES:
            constant += _ESCAPES[after]
            place += 2
        elif text.startswith("%%", place):
            constant += "%"
            place += 2
        elif char == "%":
            getter, place = _directive(text, place)
            if constant:
                parts.append(constant.encode())
            parts.append(getter)
            constant = ""
        else:
            constant += char
            place += 1
    if constant:
        parts.append(constant.encode())
    return tuple(parts)


def _directive(text: str, place: int) -> tuple[Getter, int]:
    """
    Read what starts with the C{%} at C{place}; return it and the place behind it.
    """
    letter = text[place + 1 : place + 2]
    if letter in _TIMES:
        return _TIMES[letter], place + 2
    if letter != "{":
        raise ValueError(
            f"{text!r}: %{letter} is not available: use %{{NAME}}e, %{{NAME}}s, %t, %D,"
            " or %% for a percent sign"
        )
    end = text.find("}", place)
    known = _KINDS.get(text[end + 1 : end + 2]) if end > 0 else None
    if known is None:
        raise ValueError(f"{text!r}: {text[place:]!r} must be %{{NAME}}e or %{{NAME}}s")
    return variable(text[place + 2 : end], known), end + 2


_KINDS = {"e": VARIABLES, "s": SSL_VARIABLES}
_TIMES: dict[str, Getter] = {
    "t": lambda facts: b"t=%d" % (facts.started * 1e6),
    "D": lambda facts: b"D=%d" % (facts.elapsed * 1e6),
}

_LINE_ENDS = bytes.maketrans(b"\r\n\0", b"   ")


def fill(parts: tuple[Part, ...], facts: Facts) -> bytes:
    """
    Make the bytes of a text from L{parse_text}; line ends within variables become blanks.
    """
    made = b"".join(
        [part if isinstance(part, bytes) else _or_undefined(part(facts)) for part in parts]
    )
    return made.translate(_LINE_ENDS)


def _or_undefined(value: bytes | None) -> bytes:
    return UNDEFINED if value is None else value
