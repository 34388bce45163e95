"""
The options of a source of members.
"""

from __future__ import annotations

from dataclasses import dataclass

from txbalancer.core import values
from txbalancer.core.specs.fields import option
from txbalancer.core.specs.kinds import nameservers
from txbalancer.core.specs.member import MemberSpec


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """
    Who knows members of a balancer, and how it is asked.

    @ivar place: where it is, such as C{dns+http://shop.internal:8080}; unique in its balancer.
    @ivar kind: the word before C{+} or C{:} in it, which names an
        L{IMemberSourceFactory<txbalancer.interfaces.IMemberSourceFactory>}.
    @ivar member: options of its members that it says nothing of itself; has no place.
    """

    place: str
    kind: str
    member: MemberSpec

    interval: float | None = option(
        values.none_or("auto", values.duration(0.1)),
        None,
        "Time between two looks, of dns and srv the longest; auto = 1s for file, 10s for http and"
        " https, 30s for dns and srv.",
    )
    timeout: float = option(values.duration(0.01), 5.0, "Longest time for one look.")
    keep: float | None = option(
        values.none_or("forever", values.duration()),
        None,
        "How long members stay while their source fails, since it last answered.",
    )
    empty: str = option(
        values.choice("keep", "remove"),
        "keep",
        "What an answer without any member does: keep = nothing, as a failure; remove = they go.",
    )
    most: int = option(
        values.integer(1, 10000), 1000, "Most members that are taken, the first ones."
    )
    missing: int = option(
        values.integer(1, 100),
        2,
        "Answers in a row that have to lack a member before it goes; doubled each time that it"
        " came back, up to 16 times as many.",
    )
    grace: float = option(
        values.duration(),
        30.0,
        "How long a member that goes is drained, only for its sessions, before it is removed.",
    )
    ttl_floor: float = option(
        values.duration(0.1), 5.0, "Shortest time between two looks, however short the TTL is."
    )
    family: str = option(
        values.choice("any", "ipv4", "ipv6"),
        "any",
        "Addresses that are asked for: A, AAAA or both.",
    )
    resolver: tuple[str, ...] = option(
        nameservers,
        (),
        "Name servers, ADDRESS[:PORT] divided by commas; empty = those of /etc/resolv.conf.",
    )
    token_file: str = option(
        values.file, "", "File with a bearer token, read for each look; empty = none."
    )
    ca_file: str = option(
        values.file,
        "",
        "PEM file of CAs that may sign the source's certificate; empty = the system's.",
    )


OF_SOME = frozenset({"ttl-floor", "family", "resolver", "token-file", "ca-file"})
"""Options that only sources have whose factory C{takes} them."""
