"""
What sections add to a rule, worked out before any request: one variant of the rule for each
set of sections that a request may be in.

Variants are in an order in which the first that a request fits is its own: sets of more
sections come first. A variant that says the same as the one that would follow is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from txbalancer.config.httpd.locations import Location
from txbalancer.config.httpd.patterns import Pattern, Share, share

T = TypeVar("T")
MOST_LOOSE = 6
"""Sections with globs or regular expressions that one rule may have: each doubles its variants."""
MOST = 4096
"""Variants of one rule."""

Chosen = frozenset[Pattern]


@dataclass(frozen=True, slots=True)
class Variant(Generic[T]):
    """
    What holds for some of a rule's requests.

    @ivar within: patterns of which all must match; none for all that is left.
    """

    within: tuple[Pattern, ...]
    outcome: T


def expand(
    pattern: Pattern,
    locations: Sequence[Location],
    outcome: Callable[[tuple[Location, ...]], T | None],
) -> list[Variant[T]]:
    """
    Work out the variants of a rule.

    @param pattern: the rule's paths.
    @param outcome: what holds where all of some sections, in their order, match; C{None} when
        such requests never come to the rule.
    @raise ValueError: when there would be too many.
    """
    shares = {each.pattern: share(each.pattern, pattern) for each in locations}
    partly = [each for each, found in shares.items() if found is Share.SOME]

    def of(chosen: Chosen) -> T | None:
        return outcome(
            tuple(
                each
                for each in locations
                if each.pattern in chosen or shares[each.pattern] is Share.ALL
            )
        )

    kept: list[tuple[Chosen, T]] = []
    for chosen in sorted(_sets(partly), key=len):
        found = of(chosen)
        if found is None:
            continue
        fallback = next((value for other, value in reversed(kept) if other < chosen), None)
        if found != fallback:
            kept.append((chosen, found))
    return [Variant(tuple(_deepest(chosen)), value) for chosen, value in reversed(kept)]


def _sets(patterns: Sequence[Pattern]) -> list[Chosen]:
    """
    Return every set of patterns that one path can be in, as far as that is plain to see.
    """
    prefixes = {each for each in patterns if each.kind == "prefix"}
    sets: list[Chosen] = [frozenset()]
    sets += [frozenset(ancestors(each.text)) & prefixes for each in prefixes]
    loose = [each for each in patterns if each.kind != "prefix"]
    if len(loose) > MOST_LOOSE or len(sets) << len(loose) > MOST:
        raise ValueError(
            "too many sections with globs or regular expressions concern it: use prefixes, or"
            f" at most {MOST_LOOSE} of them"
        )
    for pattern in loose:
        sets += [chosen | {pattern} for chosen in sets if all(_meet(pattern, o) for o in chosen)]
    return [chosen for chosen in sets if _is_closed(chosen, loose, prefixes)]


def ancestors(text: str) -> Iterator[Pattern]:
    """
    Yield every prefix that has the whole of one, that one last.
    """
    end = text.find("/")
    while end >= 0:
        if end:
            yield Pattern("prefix", text[:end])
        yield Pattern("prefix", text[: end + 1])
        end = text.find("/", end + 1)
    if not text.endswith("/"):
        yield Pattern("prefix", text)


def _meet(one: Pattern, other: Pattern) -> bool:
    return share(one, other) is not Share.NONE


def _is_closed(chosen: Chosen, loose: Iterable[Pattern], prefixes: Iterable[Pattern]) -> bool:
    """
    Tell whether every prefix around a glob or regular expression of the set is in it too.
    """
    within = [each for each in loose if each in chosen]
    return not within or not any(
        outer not in chosen and share(outer, each) is Share.ALL
        for outer in prefixes
        for each in within
    )


def _deepest(chosen: Chosen) -> Iterator[Pattern]:
    for pattern in sorted(chosen, key=lambda each: (each.kind, each.text)):
        others = (other for other in chosen if other != pattern)
        if not any(share(pattern, other) is Share.ALL for other in others):
            yield pattern
