"""
Kinds of single configuration values: how each is read, shown and described.

A kind is called with text and gives the value, or L{ValueError} saying what is
allowed; the loader adds file, line, section and key. Numbers are read strictly:
C{retry=1min} is a minute and C{lbset=abc} an error, where Apache's C{atoi} reads
1 and 0 (APACHE items X1 and X2).
"""

from __future__ import annotations

import re
from decimal import Decimal

from txbalancer.core import flags
from txbalancer.core.kinds import Kind as Kind
from txbalancer.core.kinds import each_line as each_line
from txbalancer.core.kinds import kind as kind
from txbalancer.core.kinds import none_or as none_or
from txbalancer.core.kinds import or_forever as or_forever
from txbalancer.core.kinds import zero_or as zero_or

_DURATION = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)\s*(ms|s|min|mi|h|d|)", re.ASCII)
_DURATION_UNITS = {"ms": "0.001", "s": "1", "min": "60", "mi": "60", "h": "3600", "d": "86400"}
_SHOWN_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_SIZE = re.compile(r"(\d{1,15})\s*([KMG]?)(?:i?B)?", re.ASCII | re.IGNORECASE)
_SIZE_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def show_duration(seconds: float) -> str:
    """
    Write seconds in the form that L{duration} reads, with the largest exact unit.
    """
    exact = Decimal(repr(seconds))
    for unit, worth in _SHOWN_UNITS:
        if exact >= worth and exact % worth == 0:
            return f"{exact / worth:.0f}{unit}"
    if not exact:
        return "0"
    millis = f"{exact * 1000:f}"
    return f"{millis.rstrip('0').rstrip('.') if '.' in millis else millis}ms"


def for_so_long(text: str, lasting: str) -> str:
    """
    Say of a state in words how long it has lasted: C{"out for 3 min: disabled"}.
    """
    state, colon, why = text.partition(": ")
    return f"{state} for {lasting}{colon}{why}"


def span(seconds: float) -> str:
    """
    Write a length of time in its two largest units: C{45 s}, C{3 min 20 s}, C{2 d 4 h}.
    """
    whole = float(round(max(0.0, seconds)))
    for place, (unit, worth) in enumerate(_SHOWN_UNITS):
        if whole < worth:
            continue
        first = f"{whole // worth:.0f} {unit}"
        if place + 1 == len(_SHOWN_UNITS):
            return first
        its, less = _SHOWN_UNITS[place + 1]
        second = whole % worth // less
        return f"{first} {second:.0f} {its}" if second else first
    return "0 s"


def duration(
    least: float = 0.0, most: float = 10 * 365 * 86400.0, bare: float = 1.0
) -> Kind[float]:
    """
    Make a kind for a length of time, in seconds.

    @param bare: what one unit of a number without a suffix is worth in seconds.
    """
    unit = "; a bare number is in milliseconds" if bare == 0.001 else ""

    @kind(f"duration, {show_duration(least)} or more{unit}", show_duration)
    def parse(text: str) -> float:
        match = _DURATION.fullmatch(text.strip())
        if match is None:
            raise ValueError(
                f"{text!r} is not a duration: use a number with ms, s, min, h or d, as 30s or 5min"
            )
        # Decimal, so that what show_duration writes is read back as the same float.
        worth = Decimal(_DURATION_UNITS[match[2]] if match[2] else repr(bare))
        value = float(Decimal(match[1]) * worth)
        if not least <= value <= most:
            raise ValueError(
                f"{text!r} is out of range: {show_duration(least)} to {show_duration(most)}"
            )
        return value

    return parse


def show_size(value: int) -> str:
    """
    Write bytes in the form that L{size} reads, with the largest exact unit.
    """
    for unit in ("G", "M", "K"):
        if value and value % _SIZE_UNITS[unit] == 0:
            return f"{value // _SIZE_UNITS[unit]}{unit}"
    return str(value)


def size(least: int = 0, most: int = 2**53) -> Kind[int]:
    """
    Make a kind for a number of bytes; C{K}, C{M} and C{G} are powers of 1024.
    """
    limits = f", {show_size(least)} to {show_size(most)}" if most < 2**53 else ""

    @kind(f"size{limits}", show_size)
    def parse(text: str) -> int:
        match = _SIZE.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not a size: use bytes or K, M, G, such as 64K")
        value = int(match[1]) * _SIZE_UNITS[match[2].upper()]
        if not least <= value <= most:
            raise ValueError(f"{text!r} is out of range: {show_size(least)} to {show_size(most)}")
        return value

    return parse


def integer(least: int, most: int) -> Kind[int]:
    """
    Make a kind for a whole number in a closed range.
    """

    @kind(f"whole number, {least} to {most}")
    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,15}", text, re.ASCII) or not least <= int(text) <= most:
            raise ValueError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return parse


@kind("On or Off", lambda value: "On" if value else "Off")
def flag(text: str) -> bool:
    """
    Read a switch: C{on yes true 1} or C{off no false 0}, in any case.
    """
    word = text.lower()
    if word in ("on", "yes", "true", "1"):
        return True
    if word in ("off", "no", "false", "0"):
        return False
    raise ValueError(f"{text!r} is not a switch: use On or Off")


def choice(*allowed: str) -> Kind[str]:
    """
    Make a kind for one of a few words, in any case.
    """
    listed = ", ".join(allowed)

    @kind(listed)
    def parse(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(f"{text!r} is not allowed: use {listed.replace(', ', ' or ')}")
        return text.lower()

    return parse


def text(most: int, least: int = 0) -> Kind[str]:
    """
    Make a kind for free text of C{least} to C{most} characters.

    Control characters are refused, and blanks at either end, which a file cannot hold.
    """

    @kind(f"text, {least} to {most} characters")
    def parse(value: str) -> str:
        if not least <= len(value) <= most:
            what = "is empty" if not value else f"has {len(value)} characters"
            raise ValueError(f"{what}: {least} to {most} characters are allowed")
        if any(ord(char) < 32 or ord(char) == 127 for char in value):
            raise ValueError(f"{value!r} has a control character")
        if value != value.strip(" "):
            raise ValueError(f"{value!r} begins or ends with a blank")
        return value

    return parse


@kind("path of a readable file")
def file(value: str) -> str:
    """
    Read the path of a file that must be there; the loader tries to open it. Empty = none.
    """
    return text(4096)(value)


files = each_line(file)
"""Paths of files that must be there, one per line."""


@kind("letters, digits and !#$%&'*+-.^_`|~")
def token(value: str) -> str:
    """
    Read an RFC 9110 token: the form of header, cookie and method names.
    """
    if not _TOKEN.fullmatch(value):
        raise ValueError(f"{value!r} is not a token: letters, digits and !#$%&'*+-.^_`|~ only")
    return value


@kind("letters, digits and !#$%&'*+-.^_`|~, or empty")
def token_or_none(value: str) -> str:
    """
    Read a L{token}, or nothing.
    """
    return token(value) if value else ""


@kind("name")
def name(value: str) -> str:
    """
    Read the name of a part of the program or of a plugin, in any case; empty = none.
    """
    return token_or_none(value).lower()


@kind("path that starts with /, or empty")
def url_path(value: str) -> str:
    """
    Read the path of a URL as it goes on the wire: printable ASCII, no blanks.
    """
    if value and (not value.startswith("/") or not re.fullmatch(r"[!-~]{1,1023}", value)):
        raise ValueError(
            f"{value!r} is not a path: start with / and use up to 1023 ASCII characters, no blanks"
        )
    return value


@kind("text that a cookie can hold: ASCII without blanks, ; , and quotes")
def label(value: str) -> str:
    """
    Read a route: up to 63 characters that may stand in a cookie (RFC 6265 section 4.1.1).
    """
    if not re.fullmatch(r"[!#-+\--:<-~]{0,63}", value):
        raise ValueError(
            f"{value!r} must be up to 63 ASCII characters without blanks ; , and quotes"
        )
    return value


@kind("path that starts with /")
def cookie_path(value: str) -> str:
    """
    Read the Path attribute of a cookie.
    """
    if not re.fullmatch(r"/[!-:<-~]{0,1023}", value):
        raise ValueError(f"{value!r} is not a path that starts with / and has no blanks and no ;")
    return value


@kind("host name")
def host(value: str) -> str:
    """
    Read the name of a machine; empty = none.
    """
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,253}", value):
        raise ValueError(f"{value!r} is not a host name: use letters, digits, - and .")
    return value


def show_loadfactor(hundredths: int) -> str:
    """
    Write a load factor in the form that L{loadfactor} reads.
    """
    return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".")


@kind("number, 1 to 100", show_loadfactor)
def loadfactor(value: str) -> int:
    """
    Read a load factor as hundredths: C{2.259} is 225. Source: APACHE item W1.
    """
    if not re.fullmatch(r"\d{1,3}(\.\d+)?", value, re.ASCII):
        raise ValueError(f"{value!r} is not a number from 1 to 100")
    whole, _, fraction = value.partition(".")
    hundredths = int(whole) * 100 + int((fraction + "00")[:2])
    if not 100 <= hundredths <= 10000:
        raise ValueError(f"{value!r} is not a number from 1 to 100")
    return hundredths


def show_status(mask: int) -> str:
    """
    Write start flags in the form that L{status} reads.
    """
    added = "".join(letter for letter, bit in flags.LETTERS.items() if mask & bit & ~flags.INIT)
    return (f"+{added}" if added else "") + ("" if mask & flags.INIT else "-O")


_LETTERS = (
    "D (disabled), S (stopped), H (hot standby), R (spare), N (drain), I (ignore errors), "
    "E (in error) or C (check failed)"
)


@kind("letters I N D S E H R C after + or -", show_status)
def status(value: str) -> int:
    """
    Read start flags such as C{+D-E} as a bit mask. Source: APACHE items W40 and W41.
    """
    mask, adding, dangling = flags.INIT, True, False
    for char in value:
        if char in "+-":
            if dangling:
                raise ValueError(f"{value!r} has a sign without a letter after it")
            adding, dangling = char == "+", True
            continue
        bit = flags.LETTERS.get(char.upper())
        if bit is None:
            raise ValueError(f"{value!r} has an unknown letter {char!r}: use {_LETTERS}")
        mask = mask | bit if adding else mask & ~bit
        dangling = False
    if dangling:
        raise ValueError(f"{value!r} has a sign without a letter after it")
    return mask


@kind(
    "status codes 100 to 599, divided by commas or blanks",
    lambda value: " ".join(map(str, sorted(value))),
)
def statuses(value: str) -> frozenset[int]:
    """
    Read a list of HTTP status codes divided by commas or spaces. Source: APACHE item B8.
    """
    found = words(value)
    wrong = [repr(word) for word in found if not re.fullmatch(r"[1-5]\d\d", word, re.ASCII)]
    if wrong:
        what = "is not a status code" if len(wrong) == 1 else "are not status codes"
        raise ValueError(f"{', '.join(wrong)} {what} from 100 to 599")
    return frozenset(map(int, found))


@kind("one character (a semicolon as \\;), or Off", lambda value: value or "Off")
def separator(value: str) -> str:
    """
    Read C{stickysessionsep}: one character, or Off for none. Source: APACHE item B3.
    """
    if value.lower() == "off":
        return ""
    if len(value) != 1 or not value.isprintable() or value == " ":
        raise ValueError(f"{value!r} must be a single character or Off; a semicolon is written \\;")
    return value


@kind("words", " ".join)
def words(value: str) -> tuple[str, ...]:
    """
    Read words divided by white space or commas.
    """
    return tuple(word for word in re.split(r"[,\s]+", value.strip()) if word)


def counted(number: int, word: str) -> str:
    """
    Write a number with its noun: C{1 member}, C{2 members}.
    """
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
