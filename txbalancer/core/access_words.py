"""
The words of C{Require} rules: addresses, names of machines and of users.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, ip_network

_PARTIAL = re.compile(r"(\d{1,3})(?:\.(\d{1,3}))?(?:\.(\d{1,3}))?\.?", re.ASCII)
_HOST = re.compile(r"\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?", re.ASCII)
_ZEROS = re.compile(r"0\.0\.0\.0|[0:]+")


def network(text: str) -> str:
    """
    Normalise an address or a range: full or partial (C{10.1}), with a mask or a length.

    @raise ValueError: when it is neither. Bits beside the range are dropped, as in Apache.
    """
    found = _PARTIAL.fullmatch(text)
    if found:
        parts = [part for part in found.groups() if part is not None]
        text = f"{'.'.join(parts)}{'.0' * (4 - len(parts))}/{8 * len(parts)}"
    address, slash, mask = text.partition("/")
    try:
        if "." in mask:
            mask = str(_prefix(mask))
        elif slash and not re.fullmatch(r"\d{1,3}", mask, re.ASCII):
            raise ValueError
        range_ = ip_network(f"{address}/{mask}" if slash else address, strict=False)
    except ValueError:
        raise ValueError(
            f"{found[0] if found else text!r} is no address or range: use 10.1.2.3, 10.1,"
            " 10.1.0.0/16, 10.1.0.0/255.255.0.0 or 2001:db8::/32, divided by blanks"
        ) from None
    if range_.version == 6 and address.lower().startswith("::ffff:"):
        raise ValueError(f"{text!r}: write the IPv4 address without ::ffff:, it is the same")
    if not range_.prefixlen and not _ZEROS.fullmatch(address):
        raise ValueError(f"{text!r} would be every address: use all granted")
    return str(range_) if range_.prefixlen < range_.max_prefixlen else str(range_.network_address)


def _prefix(mask: str) -> int:
    """
    Turn a net mask into its length; a mask with holes, which Apache takes, is a slip.
    """
    bits = f"{int(IPv4Address(mask)):032b}"
    if "01" in bits:
        raise ValueError(mask)
    return bits.count("1")


def host(text: str) -> str:
    """
    Normalise the name of a machine or, with a dot before it, of a domain.
    """
    if not _HOST.fullmatch(text) or len(text) > 253:
        raise ValueError(
            f"{text!r} is not a host name: use letters, digits, - and . (example.com has"
            " those below it too; .example.com has only those)"
        )
    return text.lower().removesuffix(".")


def whole_name(text: str) -> str:
    """
    Normalise the name of a machine that can be looked up.
    """
    if text.startswith("."):
        raise ValueError(f"{text!r} is not a whole host name, which forward-dns looks up")
    return host(text)


def user(text: str) -> str:
    """
    Check the name of a user: what can be sent by RFC 7617 and stand in an htpasswd file.
    """
    if not text or ":" in text or not text.isprintable():
        raise ValueError(f"{text!r} cannot be a user: it is empty or has : or control characters")
    return text


READERS: dict[str, tuple[Callable[[str], str], str]] = {
    "ip": (network, "addresses or ranges"),
    "host": (host, "host names"),
    "forward-dns": (whole_name, "host names"),
    "user": (user, "user names"),
}
"""Kind of rule -> how each of its words is read, and what they are called."""
