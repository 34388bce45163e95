"""
Addresses and ranges of addresses, as rules about clients have them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import ip_address, ip_network

from txbalancer.core.kinds import kind

UNIX = "unix"
"""Stands for whoever comes through a unix socket."""


def network(word: str) -> str:
    """
    Read an address, a range such as C{10.0.0.0/8}, or C{unix}.

    @raise ValueError: for anything else, and for bits beside the range.
    """
    if word.lower() == UNIX:
        return UNIX
    try:
        return str(ip_network(word))
    except ValueError:
        pass
    try:
        found = ip_network(word, strict=False)
    except ValueError as error:
        raise ValueError(
            f"{word!r} is not an address, a range such as 10.0.0.0/8, or unix"
        ) from error
    raise ValueError(f"{word!r} has bits beside its range (did you mean {found}?)")


@kind("addresses, ranges such as 10.0.0.0/8, unix; empty = none", " ".join)
def networks(text: str) -> tuple[str, ...]:
    """
    Read a list of addresses and ranges, between blanks or commas.
    """
    return tuple(dict.fromkeys(map(network, text.replace(",", " ").split())))


def within(words: Iterable[str]) -> Callable[[str], bool]:
    """
    Make what tells whether an address is one of these.

    @param words: as L{network} gives them.
    @return: takes an address, empty for a unix socket; answers are kept for the next time.
    """
    words = tuple(words)
    unix = UNIX in words
    ranges = [ip_network(word, strict=False) for word in words if word != UNIX]

    @lru_cache(maxsize=4096)
    def holds(client: str) -> bool:
        if not client:
            return unix
        address = ip_address(client)
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in each for each in ranges)

    return holds


def household(client: str) -> str:
    """
    Return what all addresses of one client have in common: for IPv6 the network of 64 bits, which
    is one household's or one machine's, else the address.

    @param client: an address, empty for a unix socket.
    """
    # A socket for both kinds of addresses gives those of IPv4 in the form of IPv6.
    client = client.removeprefix("::ffff:")
    if ":" not in client:
        return client
    groups = client.partition("%")[0].split("::", 1)
    first = [each for each in groups[0].split(":") if each]
    return ":".join([*first, "0", "0", "0", "0"][:4])
