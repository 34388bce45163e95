"""
What C{ProxyPassReverse} names, among the balancers of a server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

Pair = tuple[str, str]


def is_place(url: str) -> bool:
    """
    Tell whether anything can be at a URL: a scheme and a host, or a path of this server.
    """
    return "://" in url or url.startswith("/")


def settle_pairs(pairs: Iterable[Pair], names: Mapping[str, str]) -> Iterator[Pair]:
    """
    Yield the pairs of a mount with the names that its server's balancers have here, where
    several servers may have one of the same name. Those of balancers that are not there have no
    effect in Apache, and are left out.

    @param names: of specs by Apache's names.
    """
    for path, url in pairs:
        scheme, _, rest = url.partition("://")
        if scheme.lower() != "balancer":
            yield path, url
            continue
        name, slash, tail = rest.partition("/")
        found = names.get(name.lower())
        if found is not None:
            yield path, f"balancer://{found}{slash}{tail}"
