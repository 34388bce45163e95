"""
The options of a rate limit.
"""

from __future__ import annotations

from dataclasses import dataclass

from txbalancer.core import values
from txbalancer.core.specs.fields import option
from txbalancer.core.specs.kinds import Rate, limit_key, rate


@dataclass(frozen=True, slots=True)
class LimitSpec:
    """
    How often requests or connections may come: C{[limit:NAME]}. Mounts and listeners name it.
    """

    name: str

    rate: Rate = option(  # noqa: RUF009 (a field, as the others)
        rate, Rate(10, "s"), "How often on average, for each key."
    )
    burst: int = option(
        values.integer(1, 10_000_000),
        20,
        "How many at once, before the rate counts: never more than burst + rate x time.",
    )
    key: str = option(
        limit_key,
        "client",
        "By what requests are told apart: client (an address; of IPv6 the network of 64 bits),"
        " host, path, header:NAME, cookie:NAME, query:NAME, mount, or all for one rate of all"
        " together. A request without the header, cookie or parameter counts for its client.",
    )
    keys: int = option(
        values.integer(1, 10_000_000),
        100_000,
        "Most keys that are remembered, at 250 bytes each; beyond, the one that came longest ago"
        " goes.",
    )
    status: int = option(
        values.integer(400, 599), 429, "Status of the answer to a request that is refused."
    )
    dry_run: bool = option(
        values.flag,
        False,
        "Only count, and note in access logs, what would be refused.",
    )
