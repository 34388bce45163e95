"""
Where the parts of a service were written, for comments in the file that it is converted to.
"""

from __future__ import annotations

from collections.abc import Callable

from txbalancer.config.httpd.built import Built
from txbalancer.config.httpd.tree import Directive

_MOST = 100
"""Characters of a word that is shown."""

Find = Callable[[tuple[str, int]], Directive | None]


def make_comments(built: Built, find: Find) -> dict[str, tuple[str, ...]]:
    """
    Return lines by the titles of sections: the directive that each comes from, and of the first
    mount or log of each server, which server that is.

    @param find: returns the directive at a path and line.
    """
    spec, found, last = built.spec, {}, ""
    titles = [f"listener:{each.name}" for each in spec.listeners]
    titles += [f"balancer:{each.name}" for each in spec.balancers]
    titles += [f"mount:{each.label}" for each in spec.mounts]
    titles += [f"log:{each.name}" for each in spec.logs]
    for title in titles:
        lines = []
        server = _server(built, title, find)
        if server != last:
            last = server
            lines += [f"---- {server}"] if server else []
        place = built.places.get(title)
        if place is not None:
            lines.append(_told(place, find(place), 1))
        found[title] = tuple(lines)
    return found


def _server(built: Built, title: str, find: Find) -> str:
    if title not in built.servers:
        return ""
    place = built.servers[title]
    return "outside of <VirtualHost>" if place is None else _told(place, find(place), None)


def _told(place: tuple[str, int], directive: Directive | None, most: int | None) -> str:
    """
    Write a place and what stands there.

    @param most: how many words of it: others may hold secrets; C{None} for all.
    """
    path, line = place
    if directive is None:
        return f"{path}:{line}"
    words = " ".join((directive.name, *(each[:_MOST] for each in directive.args[:most])))
    if directive.children is not None:
        words = f"<{words}>"
    names = [
        each.args[0][:_MOST]
        for each in directive.children or ()
        if each.key == "servername" and each.args
    ]
    named = f" {names[-1]}" if directive.key == "virtualhost" and names else ""
    return f"{path}:{line}: {words}{named}"
