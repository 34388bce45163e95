"""
A case: directives of a site of its own, and the requests that it gets one after another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.differential.compare import compare_all
from tests.differential.members import OK, Script
from tests.differential.settle import settle
from tests.differential.sides import Seen, Side, Site, World

Ask = tuple[bytes, Script]


@dataclass(frozen=True, slots=True)
class Case:
    """
    Something that both sides do with one site.

    @ivar name: C{GROUP/NAME}, by which C{differences.py} knows it.
    @ivar lines: directives; see L{Site}.
    @ivar requests: raw requests, with C{HOST} for the site's host, each with its script.
    @ivar alone: whether the site has a port of its own.
    """

    name: str
    lines: str
    requests: tuple[Ask, ...]
    alone: bool = False

    @property
    def site(self) -> Site:
        """
        The case's site.
        """
        return Site(self.name.replace("/", "-").replace("_", "-").lower(), self.lines, self.alone)

    def play(self, side: Side) -> list[Seen]:
        """
        Send the requests to one side.
        """
        return side.sequence(self.site.name, self.requests)


def check(world: World, case: Case) -> None:
    """
    Play a case at both sides and compare.
    """
    settle(case.name, compare_all(*world.play(case.play)))


def case(
    name: str, lines: str, *requests: bytes | Ask, script: Script = OK, alone: bool = False
) -> Case:
    """
    Make a case.

    @param script: how members answer requests that bring no script of their own.
    """
    asked = tuple((each, script) if isinstance(each, bytes) else each for each in requests)
    return Case(name, lines, asked, alone)


def named(cases: Iterable[Case]) -> dict[str, Case]:
    """
    Index cases by name, which must differ.
    """
    found: dict[str, Case] = {}
    for each in cases:
        assert each.name not in found, each.name
        found[each.name] = each
    return found


def get(
    target: str | bytes = "/",
    *lines: str,
    method: str = "GET",
    version: str = "1.1",
    host: str | None = "HOST",
    body: bytes = b"",
) -> bytes:
    """
    Write a request.

    @param lines: header lines after Host.
    @param host: C{None} for a request without one.
    """
    raw = target if isinstance(target, bytes) else target.encode("latin-1")
    head = [f"Host: {host}"] if host is not None else []
    head += lines
    if body:
        head.append(f"Content-Length: {len(body)}")
    text = "".join(f"{line}\r\n" for line in head).encode("latin-1")
    return b"%s %s HTTP/%s\r\n%s\r\n%s" % (method.encode(), raw, version.encode(), text, body)


def answer(*lines: str, status: str = "200 OK", body: bytes = b"ok") -> Script:
    """
    Write an answer of a member; it marks itself.
    """
    head = [f"HTTP/1.1 {status}", "X-Member: INDEX", *lines, f"Content-Length: {len(body)}"]
    return ("".join(f"{line}\r\n" for line in head).encode("latin-1") + b"\r\n" + body,)
