"""
Parts of what one process leaves to another, each with a version of its own.

What the one that comes does not know it passes over, and says so; what is missing begins anew; a
part that is damaged is lost alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from twisted.logger import Logger

FAULTS = (LookupError, TypeError, ValueError, AttributeError, OverflowError)
"""What comes of data that is not of the form that it should be."""

_log = Logger()


class Part(Protocol):
    """
    One of them.

    @cvar name: for the other process, and for people.
    @cvar version: rises when an older version of the program could not read it.
    """

    name: str
    version: int

    def tell(self) -> Any:
        """
        Return what is known, of JSON's types and of bounded size.
        """

    def take(self, data: Any) -> Iterable[str]:
        """
        Go on with what another process has told.

        @return: for people, what was left out.
        @raise ValueError: when it is not of that form; or any other of L{FAULTS}.
        """


def tell_all(parts: Iterable[Part]) -> dict[str, Any]:
    """
    Return what another process is to know.
    """
    found = {}
    for each in parts:
        try:
            found[each.name] = {"version": each.version, "data": each.tell()}
        except Exception:
            # It is worth less than the upgrade.
            _log.failure("{part} cannot be handed over", part=each.name)
    return found


def take_all(parts: Iterable[Part], found: Any) -> Iterator[str]:
    """
    Go on with what L{tell_all} of another process returned.

    @param found: C{None} from a version that does not know of parts.
    @return: for people, what was not taken and why.
    """
    if found is None:
        return
    if not isinstance(found, dict):
        yield "its other parts are not of a form that this version knows"
        return
    known = {each.name: each for each in parts}
    for name in found.keys() - known.keys():
        yield f"{name}: this version does not know what that is; it is left out"
    for name, part in known.items():
        if name in found:
            yield from _take(part, found[name])


def _take(part: Part, told: Any) -> Iterator[str]:
    try:
        if told["version"] != part.version:
            yield (
                f"{part.name}: of version {told['version']!r}, and this one knows {part.version};"
                " begun anew"
            )
            return
        for note in part.take(told["data"]):
            yield f"{part.name}: {note}"
    except FAULTS as error:
        yield f"{part.name}: not of a form that this version knows, begun anew: {error!r}"
