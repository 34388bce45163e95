"""
Layouts, rules and requests that hypothesis makes up, served by both.

Each example is a file with many sites. C{make differential} tries many more of them than a
plain run; a failure prints the site and what differs, so it is not shrunk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.differential.cases import Case, case, get
from tests.differential.compare import compare_all
from tests.differential.layouts import balancer, busy_play
from tests.differential.members import Members, Script
from tests.differential.settle import settle
from tests.differential.sides import Play, World
from tests.peers import Peers

FILES = int(os.environ.get("TXB_DIFFERENTIAL", "0"))
"""How many files to make up, with other content each time; 0 = one, the same each time."""

Made = TypeVar("Made")


def drawn(strategy: st.SearchStrategy[Made], count: int) -> list[Made]:
    """
    Draw so many values: one example holds no more than a site.
    """
    found: list[Made] = []

    @settings(
        max_examples=count,
        derandomize=not FILES,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: Made) -> None:
        found.append(value)

    collect()
    return found


ROUTES = ("a", "b", "c", "d")
FACTORS = ("1", "1", "2", "3", "7", "1.5", "100", "2.259")

CODES = st.sampled_from(("", "", "", "", "D", "S", "N", "H", "R", "C", "E", "I", "HR", "NH", "DE"))


@st.composite
def layouts(draw: st.DrawFn) -> list[str]:
    """
    Make the parameters of one to five members.
    """
    found = []
    for _ in range(draw(st.integers(1, 5))):
        words = ["dead"] if draw(st.integers(0, 7)) == 0 else []
        words.append(f"loadfactor={draw(st.sampled_from(FACTORS))}")
        words.append(f"lbset={draw(st.sampled_from((0, 0, 0, 1, 5)))}")
        if codes := draw(CODES):
            words.append(f"status=+{codes}")
        if draw(st.booleans()):
            words.append(f"route={draw(st.sampled_from(ROUTES))}")
        if draw(st.integers(0, 3)) == 0:
            words.append(f"redirect={draw(st.sampled_from(ROUTES))}")
        found.append(" ".join(words))
    return found


OPTIONS = st.lists(
    st.sampled_from(
        ("nofailover=On", "forcerecovery=Off", "maxattempts=1", "maxattempts=0", "failonstatus=503")
    ),
    max_size=2,
    unique_by=lambda option: option.partition("=")[0],
)
METHOD = st.sampled_from(("lbmethod=byrequests", "lbmethod=bytraffic", "lbmethod=bybusyness"))


def sized(size: int, status: str) -> Script:
    """
    Answer with so many bytes.
    """
    head = f"HTTP/1.1 {status}\r\nX-Member: INDEX\r\nContent-Length: {size}\r\n\r\n"
    return (head.encode() + b"b" * size,)


ASKED = st.builds(
    lambda route, size, status: (
        get("/", f"Cookie: SID=x.{route}") if route else get("/"),
        sized(size, status),
    ),
    st.sampled_from(("", "", *ROUTES, "z")),
    st.sampled_from((0, 1, 99, 250, 5000)),
    st.sampled_from(("200 OK", "200 OK", "200 OK", "503 Busy")),
)

ALPHABET = (
    "a",
    "b",
    "c",
    "%41",
    "%7e",
    "%20",
    "+",
    ";",
    "=",
    ",",
    ":",
    "@",
    "~",
    "é",
    "[",
    "'",
    "x.y",
)
SEGMENT = st.lists(st.sampled_from(ALPHABET), max_size=3).map("".join)
PATH = st.lists(st.sampled_from(("a", "b", "c", "d e", "")) | SEGMENT, min_size=1, max_size=4)
QUERY = st.sampled_from(("", "", "?", "?a=b", "?%zz[", "?a?b/../c"))
TARGETS = st.builds(
    lambda path, query: "/" + "/".join(path).replace(" ", "%20") + query, PATH, QUERY
)
PREFIX = st.sampled_from(("/a", "/a/", "/a/b", "/a/b/", "/b", "/", "/c//d", "/a/x.y", "/b/c"))
PLACE = st.sampled_from(("", "/", "/x", "/x/", "/x/y"))


@st.composite
def rule(draw: st.DrawFn) -> str:
    """
    Make a ProxyPass.
    """
    prefix = draw(PREFIX)
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return f"ProxyPass {prefix} !"
    if kind == 1:
        tail = draw(st.sampled_from(("", "/$1", "/x/$1")))
        # Apache keeps no connection for a URL with $, if not told to.
        return f"ProxyPassMatch ^{prefix.rstrip('/')}/(.*)$ http://{{2}}{tail} enablereuse=On"
    place = draw(PLACE)
    # On these seams the two differ.
    if place in ("", "/"):
        place = "/" if prefix.endswith("/") else ""
    place += draw(st.sampled_from(("", "", " nocanon")))
    if kind == 2:
        return f"ProxyPass {prefix} balancer://{{n}}{place}"
    return f"ProxyPass {prefix} http://{{{draw(st.integers(1, 3))}}}{place}"


NAMES = (
    "X-A",
    "x-a",
    "X-B",
    "Accept",
    "Cookie",
    "User-Agent",
    "Via",
    "Keep-Alive",
    "Cache-Control",
    "If-None-Match",
    "Pragma",
    "Authorization",
)
VALUES = st.text("abcXY =;,/\"'()0129-_.", max_size=12).map(lambda text: " ".join(text.split()))
LINE = st.one_of(
    st.tuples(st.sampled_from(NAMES), VALUES),
    st.tuples(st.just("Connection"), st.sampled_from(("close", "keep-alive", "X-A, x-b"))),
    st.tuples(st.just("X-Forwarded-For"), st.sampled_from(("10.1.1.1", "unknown", "a, b"))),
)
LINES = st.lists(LINE, max_size=8)
COOKIES = st.text('SIDsid=.;, "ab', max_size=24)
# Dots before a semicolon are refused here.
URLS = st.text("SIDsid=.;/&?ab", max_size=24).map(lambda text: "/" + re.sub(r"\.+;|//", "D", text))


@st.composite
def elections(draw: st.DrawFn) -> Case:
    """
    Make a layout with requests one after another.
    """
    options = [draw(METHOD), "stickysession=SID", *draw(OPTIONS)]
    asked = draw(st.lists(ASKED, min_size=10, max_size=25))
    return case("", balancer(draw(layouts()), *options), *asked)


@st.composite
def mappings(draw: st.DrawFn) -> Case:
    """
    Make rules and URLs.
    """
    rules = draw(st.lists(rule(), min_size=1, max_size=4))
    base = draw(st.sampled_from(("", "", "/base")))
    top = f"<Proxy balancer://{{n}}>\nBalancerMember http://{{0}}{base}\n</Proxy>\n"
    asked = [get(each) for each in draw(st.lists(TARGETS, min_size=6, max_size=10))]
    return case("", top + "\n".join(rules), *asked)


@st.composite
def headers(draw: st.DrawFn) -> Case:
    """
    Make header lines of requests and answers.
    """
    asked = []
    for _ in range(6):
        sent = [f"{name}: {value}" for name, value in draw(LINES)]
        got = [f"{name}: {value}" for name, value in draw(LINES) if name != "Connection"]
        head = "".join(f"{line}\r\n" for line in ("HTTP/1.1 200 OK", "X-Member: INDEX", *got))
        asked.append((get("/", *sent), (head.encode() + b"Content-Length: 2\r\n\r\nok",)))
    return case("", balancer(["", ""]), *asked)


@st.composite
def sessions(draw: st.DrawFn) -> Case:
    """
    Make cookies and URLs that may hold a session.
    """
    site = balancer(
        ["route=a", "route=b", "route=ab"],
        draw(st.sampled_from(("stickysession=SID", "stickysession=SID|sid"))),
        draw(st.sampled_from(("scolonpathdelim=On", "scolonpathdelim=Off"))),
        draw(st.sampled_from(("stickysessionsep=.", "stickysessionsep=Off"))),
    )
    asked = [
        get("/", f"Cookie: {each}") for each in draw(st.lists(COOKIES, min_size=5, max_size=5))
    ]
    asked += [get(each) for each in draw(st.lists(URLS, min_size=5, max_size=5))]
    return case("", site, *asked)


def numbered(batch: Sequence[Case], kind: str) -> list[Case]:
    """
    Give each case a name of its own.
    """
    return [replace(each, name=f"{kind}/{number}") for number, each in enumerate(batch)]


def held(each: Case, plan: Sequence[bool]) -> Play:
    """
    Play a plan at a site.
    """
    return lambda side: busy_play(side, each.site.name, plan, len(plan))


def report(world: World, batch: Sequence[Case], plays: Sequence[Play]) -> None:
    """
    Play all, and fail with the first that differ.
    """
    faults = []
    for each, play in zip(batch, plays, strict=True):
        try:
            found = compare_all(*world.play(play))
            # Apache has a connection of its own for short URLs of a rule with $.
            settle("generated", [each for each in found if each[1][0] != "sent:connection"])
        except AssertionError as error:
            asked = "\n".join(
                f"  {number}: {raw!r}" for number, (raw, _) in enumerate(each.requests)
            )
            faults.append(f"{each.lines}\n{error}\n{asked}")
    if faults:
        pytest.fail(f"{len(faults)} sites differ; the first:\n" + "\n\n".join(faults[:3]), False)


KINDS = {"elections": elections, "mappings": mappings, "headers": headers, "sessions": sessions}
PLANS = st.lists(st.sampled_from((True, True, False)), min_size=30, max_size=50)


@pytest.mark.parametrize("file", range(FILES or 1))
@pytest.mark.parametrize("kind", KINDS)
def test_one_after_another(members: Members, kind: str, file: int) -> None:
    """
    What hypothesis makes up is served in the same way by both.
    """
    batch = numbered(drawn(KINDS[kind](), 25), kind)
    with Peers() as peers:
        world = World(peers, members, [each.site for each in batch])
        report(world, batch, [each.play for each in batch])


@pytest.mark.parametrize("file", range(FILES or 1))
def test_A14_held_open(members: Members, file: int) -> None:
    """
    Requests that stay open count in the same way for both.
    """
    sites = st.builds(lambda each, method: case("", balancer(each, method)), layouts(), METHOD)
    pairs = drawn(st.tuples(sites, PLANS), 25)
    batch = numbered([each for each, _ in pairs], "busy")
    with Peers() as peers:
        world = World(peers, members, [each.site for each in batch])
        plans = [plan for _, plan in pairs]
        report(world, batch, [held(each, plan) for each, plan in zip(batch, plans, strict=True)])
