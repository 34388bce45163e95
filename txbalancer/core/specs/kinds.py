"""
How compound values of options are read and shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

from txbalancer.core import dialog, edits, values


@dataclass(frozen=True, slots=True)
class StickyNames:
    """
    Where a session's route is looked for: a cookie name and a URL parameter name.
    """

    cookie: str
    url: str


@values.kind(
    "NAME or COOKIE|PATHNAME",
    lambda value: value.cookie if value.cookie == value.url else f"{value.cookie}|{value.url}",
)
def sticky_names(text: str) -> StickyNames:
    """
    Read C{stickysession}: C{NAME} or C{COOKIE|PATHNAME}. Source: APACHE item B2.
    """
    cookie, bar, url = text.partition("|")
    for part in (cookie, url) if bar else (cookie,):
        if not part or len(part) > 63 or not part.isprintable() or set(part) & set(" ;,=|"):
            raise ValueError(
                f"{text!r} must be NAME or COOKIE|PATHNAME, each of 1 to 63 characters"
                " without blank, = ; | or ,"
            )
    return StickyNames(cookie, url if bar else cookie)


def decimal(least: float, most: float) -> values.Kind[float]:
    """
    Make a kind for a number in a closed range, of at most three decimals.
    """

    @values.kind(f"number, {least:g} to {most:g}", lambda value: f"{value:g}")
    def parse(text: str) -> float:
        if not re.fullmatch(r"\d{1,6}(\.\d{1,3})?", text, re.ASCII) or not (
            least <= float(text) <= most
        ):
            raise ValueError(f"{text!r} is not a number from {least:g} to {most:g}")
        return float(text)

    return parse


@values.kind("one or two secrets of 16 or more characters each", " ".join)
def secrets(text: str) -> tuple[str, ...]:
    """
    Read one or two secrets: the first signs, both are accepted.
    """
    found = values.words(text)
    if len(found) > 2 or any(len(secret) < 16 for secret in found):
        raise ValueError(
            "one or two secrets of 16 or more characters each: the first signs, both are accepted"
        )
    return found


@values.kind("source, uri, path, header:NAME, cookie:NAME or query:NAME")
def hash_key(text: str) -> str:
    """
    Read C{hashkey}: C{source}, C{uri}, C{path}, C{header:NAME}, C{cookie:NAME} or C{query:NAME}.
    """
    kind, colon, name = text.partition(":")
    if (kind in ("source", "uri", "path") and not colon) or (
        kind in ("header", "cookie", "query") and name
    ):
        return f"{kind}:{values.token(name)}" if colon else kind
    raise ValueError(f"{text!r} must be source, uri, path, header:NAME, cookie:NAME or query:NAME")


@values.kind(r"text with escapes such as \r\n")
def said(text: str) -> str:
    """
    Read what is said to a member; see L{unescape<txbalancer.core.dialog.unescape>}.
    """
    dialog.unescape(values.text(4096)(text))
    return text


@values.kind(r"text with escapes such as \r\n, or ~REGEX")
def expected(text: str) -> str:
    """
    Read what a member has to say; see L{matcher<txbalancer.core.dialog.matcher>}.
    """
    text = values.text(4096)(text)
    dialog.matcher(text)
    return text


@values.kind("two words: INTERNAL PUBLIC", lambda value: " ".join(map(edits.quoted, value)))
def pair(text: str) -> tuple[str, str]:
    """
    Read two words, which may be in quotes: what members say and what clients are told instead.
    """
    found = edits.split_words(text)
    if len(found) != 2 or not text.isprintable():
        raise ValueError(f"{text!r} must be two words: INTERNAL PUBLIC")
    return found[0], found[1]


@values.kind("two words: INTERNAL PUBLIC", pair.show)
def cookie_pair(text: str) -> tuple[str, str]:
    """
    Read two words as L{pair} does, which can stand in a cookie.
    """
    if ";" in text:
        raise ValueError(f"{text!r} must be two words without ; as a cookie has it between them")
    return pair(text)


@values.kind("Off, On (400 to 599) or status codes 400 to 599", lambda value: show_codes(value))
def error_codes(text: str) -> frozenset[int]:
    """
    Read C{erroroverride}. Source: APACHE item F22.
    """
    if text.lower() in ("on", "off"):
        return ALL_ERRORS if text.lower() == "on" else frozenset()
    found = values.statuses(text.lower().removeprefix("on "))
    if not found or not found <= ALL_ERRORS:
        raise ValueError(f"{text!r} must be Off, On or status codes 400 to 599")
    return found


ALL_ERRORS = frozenset(range(400, 600))


def show_codes(value: frozenset[int]) -> str:
    """
    Write error codes in the form that L{error_codes} reads.
    """
    if not value or value == ALL_ERRORS:
        return "On" if value else "Off"
    return values.statuses.show(value)


@values.kind("names of protocols, such as h2 or http/1.1", " ".join)
def protocols(text: str) -> tuple[str, ...]:
    """
    Read names of protocols as ALPN has them (RFC 7301).
    """
    found = values.words(text)
    for each in found:
        if not re.fullmatch(r"[0-9A-Za-z][!-~]{0,254}", each):
            raise ValueError(f"{each!r} is not a protocol's name, such as h2 or http/1.1")
    return found


@values.kind("balancer://NAME, or empty", lambda value: f"balancer://{value}" if value else "")
def balancer_url(text: str) -> str:
    """
    Read the URL of a balancer, of which only the name is kept; empty = none.
    """
    match = re.fullmatch(r"balancer://([a-z0-9._-]{1,63})/?", text.lower(), re.ASCII)
    if match is None and text:
        raise ValueError(f"{text!r} must be balancer://NAME")
    return match[1] if match else ""


@values.kind("On, Off or a port", lambda value: {0: "Off", 443: "On"}.get(value, str(value)))
def https_port(text: str) -> int:
    """
    Read the port to which clients are sent for https:; 0 = none.
    """
    if re.fullmatch(r"\d{2,5}", text, re.ASCII) and 1 <= int(text) <= 65535:
        return int(text)
    return 443 if values.flag.parse(text) else 0


@dataclass(frozen=True, slots=True)
class Rate:
    """
    So many in each C{s}, C{min} or C{h}.
    """

    number: int
    unit: str

    @property
    def per_second(self) -> float:
        """
        The same for a second.
        """
        return self.number / _RATE_UNITS[self.unit]


_RATE_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}


@values.kind("NUMBER/s, NUMBER/min or NUMBER/h", lambda value: f"{value.number}/{value.unit}")
def rate(text: str) -> Rate:
    """
    Read a rate such as C{10/s}.
    """
    number, slash, unit = (part.strip() for part in text.partition("/"))
    if not slash or unit not in _RATE_UNITS or not re.fullmatch(r"[1-9]\d{0,8}", number, re.ASCII):
        raise ValueError(f"{text!r} is not a rate: use a number with /s, /min or /h, as 10/s")
    return Rate(int(number), unit)


@values.kind("client, host, path, header:NAME, cookie:NAME, query:NAME, mount or all")
def limit_key(text: str) -> str:
    """
    Read C{key} of a rate limit.
    """
    kind, colon, name = text.partition(":")
    kind = kind.lower()
    if (kind in ("client", "host", "path", "mount", "all") and not colon) or (
        kind in ("header", "cookie", "query") and name
    ):
        return f"{kind}:{values.token(name)}" if colon else kind
    raise ValueError(f"{text!r} must be {limit_key.allowed}")


@values.kind("names of [limit:NAME] sections", " ".join)
def limit_names(text: str) -> tuple[str, ...]:
    """
    Read names of rate limits, between blanks or commas.
    """
    found = text.replace(",", " ").lower().split()
    for each in found:
        if not re.fullmatch(r"[a-z0-9._-]{1,63}", each, re.ASCII):
            raise ValueError(f"{each!r} is no name of a [limit:NAME] section")
    return tuple(dict.fromkeys(found))


@values.kind("size, or NUMBER% of what there is; 0 = off", lambda value: show_memory(value))
def memory(text: str) -> int:
    """
    Read an amount of memory; percents are negative numbers.
    """
    if text.endswith("%"):
        return -values.integer(1, 100)(text[:-1].strip())
    return 0 if text == "0" else values.size(16 * 1024**2)(text)


def show_memory(value: int) -> str:
    """
    Write an amount of memory in the form that L{memory} reads.
    """
    return f"{-value}%" if value < 0 else values.size().show(value)


@dataclass(frozen=True, slots=True)
class NamedText:
    """
    A text with the name by which others refer to it.
    """

    name: str
    text: str


@values.kind("NAME TEXT", lambda value: f"{value.name} {value.text}")
def named_text(text: str) -> NamedText:
    """
    Read a name of up to 63 characters and the text after it.
    """
    name, _, rest = text.partition(" ")
    if not rest.strip() or len(name) > 63:
        raise ValueError(f"{text!r} must be a NAME of up to 63 characters and a text after it")
    return NamedText(values.name(name), rest.strip())


@values.kind("ADDRESS:PORT, or empty")
def address_port(text: str) -> str:
    """
    Read an IP address, an IPv6 one in brackets, and a port; empty = none.
    """
    host, colon, port = text.rpartition(":")
    if not text:
        return ""
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        address = None
    if not colon or address is None or not re.fullmatch(r"\d{1,5}", port, re.ASCII):
        raise ValueError(f"{text!r} must be ADDRESS:PORT, such as 239.0.0.1:27999")
    if not 1 <= int(port) <= 65535:
        raise ValueError(f"{text!r}: the port must be from 1 to 65535")
    return f"[{address}]:{int(port)}" if address.version == 6 else f"{address}:{int(port)}"


@values.kind("ADDRESS[:PORT], divided by commas", ",".join)
def nameservers(text: str) -> tuple[str, ...]:
    """
    Read addresses of name servers; the port is 53 where none is given.
    """
    return tuple(_nameserver(each.strip()) for each in text.split(",")) if text else ()


def _nameserver(text: str) -> str:
    try:
        address = ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        if not text:
            raise ValueError("an address is missing between two commas") from None
        return address_port(text)
    return f"[{address}]:53" if address.version == 6 else f"{address}:53"


@values.kind("a number up to 512, or auto", lambda value: "auto" if value < 0 else str(value))
def workers(text: str) -> int:
    """
    Read C{workers}; C{auto} is -1.
    """
    if text.lower() == "auto":
        return -1
    try:
        return values.integer(0, 512).parse(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither auto nor a whole number from 0 to 512") from None
