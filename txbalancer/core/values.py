"""
Parsers for single configuration values: text in, value out, or L{ValueError}.

Each message says what is allowed; the loader adds file, line, section and key.
Numbers are read strictly: C{retry=1min} is a minute and C{lbset=abc} an error,
where Apache's C{atoi} reads 1 and 0 (APACHE items X1 and X2).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from txbalancer.core import flags

T = TypeVar("T")
Parser = Callable[[str], T]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|mi|m|h|d|)", re.ASCII)
_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "mi": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+)\s*([KMG]?)(?:i?B)?", re.ASCII | re.IGNORECASE)
_SIZE_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def duration(
    least: float = 0.0, most: float = 10 * 365 * 86400.0, bare: float = 1.0
) -> Parser[float]:
    """
    Make a parser for a length of time, in seconds.

    @param bare: what one unit of a number without a suffix is worth in seconds.
    """

    def parse(text: str) -> float:
        match = _DURATION.fullmatch(text.strip())
        if match is None or match[2] == "m":
            raise ValueError(
                f"{text!r} is not a duration: use a number with ms, s, min, h or d, such as 30s"
            )
        value = float(match[1]) * (_DURATION_UNITS[match[2]] if match[2] else bare)
        if not least <= value <= most:
            raise ValueError(f"{text!r} is out of range: {show_duration(least)} or more")
        return value

    return parse


def show_duration(seconds: float) -> str:
    """
    Write seconds in the form that L{duration} reads, with the largest exact unit.
    """
    for unit, worth in (("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds >= worth and seconds % worth == 0:
            return f"{seconds / worth:.0f}{unit}"
    if seconds == 0:
        return "0"
    millis = f"{seconds * 1000:.6f}".rstrip("0").rstrip(".")
    return f"{millis}ms"


def size(least: int = 0, most: int = 2**53) -> Parser[int]:
    """
    Make a parser for a number of bytes; C{K}, C{M} and C{G} are powers of 1024.
    """

    def parse(text: str) -> int:
        match = _SIZE.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not a size: use bytes or K, M, G, such as 64K")
        value = int(match[1]) * _SIZE_UNITS[match[2].upper()]
        if not least <= value <= most:
            raise ValueError(f"{text!r} is out of range {show_size(least)} to {show_size(most)}")
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


def integer(least: int, most: int) -> Parser[int]:
    """
    Make a parser for a whole number in a closed range.
    """

    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,15}", text, re.ASCII) or not least <= int(text) <= most:
            raise ValueError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return parse


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


def choice(*allowed: str) -> Parser[str]:
    """
    Make a parser for one of a few words, in any case.
    """

    def parse(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(f"{text!r} is none of {', '.join(allowed)}")
        return text.lower()

    return parse


def text(most: int, least: int = 0) -> Parser[str]:
    """
    Make a parser for free text without control characters, C{most} characters at most.
    """

    def parse(value: str) -> str:
        if not least <= len(value) <= most:
            raise ValueError(f"{value!r} must have {least} to {most} characters")
        if any(ord(char) < 32 or ord(char) == 127 for char in value):
            raise ValueError(f"{value!r} has a control character")
        return value

    return parse


def token(value: str) -> str:
    """
    Read an RFC 9110 token: the form of header, cookie and method names.
    """
    if not _TOKEN.fullmatch(value):
        raise ValueError(f"{value!r} is not a token: letters, digits and !#$%&'*+-.^_`|~ only")
    return value


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
            raise ValueError(f"{value!r} has an unknown letter {char!r}: use I N D S E H R C")
        mask = mask | bit if adding else mask & ~bit
        dangling = False
    if dangling:
        raise ValueError(f"{value!r} has a sign without a letter after it")
    return mask


def statuses(value: str) -> frozenset[int]:
    """
    Read a list of HTTP status codes divided by commas or spaces. Source: APACHE item B8.
    """
    codes = set()
    for word in re.split(r"[,\s]+", value.strip()):
        if not word:
            continue
        if not re.fullmatch(r"[1-5]\d\d", word, re.ASCII):
            raise ValueError(f"{word!r} is not a status code from 100 to 599")
        codes.add(int(word))
    return frozenset(codes)


def separator(value: str) -> str:
    """
    Read C{stickysessionsep}: one character, or Off for none. Source: APACHE item B3.
    """
    if value.lower() == "off":
        return ""
    if len(value) != 1:
        raise ValueError(f"{value!r} must be a single character or Off")
    return value


def words(value: str) -> tuple[str, ...]:
    """
    Read words divided by white space or commas.
    """
    return tuple(word for word in re.split(r"[,\s]+", value.strip()) if word)
