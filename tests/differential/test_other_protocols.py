"""
What AJP and FastCGI members are told, and clients of their answers. APACHE items W18 to W23.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.ajp import container
from tests.ajp.container import head, piece
from tests.differential.cases import get
from tests.differential.compare import Difference, compare
from tests.differential.members import Members
from tests.differential.packets import PacketMembers
from tests.differential.settle import settle
from tests.differential.sides import Seen, Side, Site, World
from tests.fastcgi.application import END, out
from tests.peers import Peers

ANSWERS = {
    "ajp": {
        "ok": head((0xA001, b"text/plain"), (b"X-A", b"b"), phrase=b"200")
        + piece(b"ok")
        + container.end(),
        "cookies": head((0xA007, b"a=1; Path=/app"), (0xA007, b"b=2"), (0xA003, b"0"))
        + container.end(),
        "missing": head((0xA003, b"2"), status=404, phrase=b"Gone")
        + piece(b"no")
        + container.end(),
        "pieces": head() + piece(b"one ") + piece(b"") + piece(b"two") + container.end(),
        "last": head((0xA003, b"2")) + piece(b"ok") + container.end(reuse=False),
    },
    "fcgi": {
        "ok": out(b"Content-Type: text/plain\r\nX-A: b\r\n\r\nok") + END,
        "lf": out(b"X-A: b\nStatus: 201 Made\n\nok") + END,
        "cookies": out(b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-B: 1\r\n\r\nok") + END,
        "missing": out(b"Status: 404\r\n\r\nno") + END,
        "location": out(b"Location: http://a.test/z\r\n\r\nok") + END,
        "headless": out(b"no head") + END,
        "bad": out(b"no header here\r\n\r\nok") + END,
        "status": out(b"Status: abc\r\n\r\nok") + END,
        "long": out(b"Content-Length: 1\r\n\r\nok") + END,
        "chunked": out(b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n") + END,
    },
}
AJP = "ProxyPass / ajp://127.0.0.1:AJP/app/"
FCGI = "ProxyPass / fcgi://127.0.0.1:FCGI/srv/"
# What Apache's other parts would tell scripts of files and of itself.
FILES = frozenset(
    ["CONTEXT_DOCUMENT_ROOT", "CONTEXT_PREFIX", "DOCUMENT_ROOT", "PATH", "PATH_TRANSLATED"]
)
OWN = FILES | frozenset(["SERVER_ADMIN", "SERVER_SIGNATURE"])


@dataclass(frozen=True)
class PacketCase:
    """
    A site and requests to it.
    """

    name: str
    lines: str
    requests: tuple[bytes, ...]

    @property
    def site(self) -> str:
        """
        The site's name.
        """
        return self.name.replace("/", "-").replace("_", "-").lower()


def balanced(scheme: str, more: str = "", behind: str = "") -> str:
    """
    Write a balancer of one member.
    """
    port = scheme.upper()
    return (
        f"<Proxy balancer://{{n}}>\nBalancerMember {scheme}://127.0.0.1:{port} {more}\n</Proxy>\n"
        f"ProxyPass / balancer://{{n}}/x/ {behind}"
    )


def answer(name: str, *lines: str) -> bytes:
    """
    Ask for one of L{ANSWERS}.
    """
    return get("/x", f"X-Answer: {name}", *lines)


FULL = (
    "Cookie: a=b",
    "Cookie: c=d",
    "Accept: */*",
    "X-Mine: 1",
    "X-Forwarded-For: 9.9.9.9",
    "Via: 1.1 a",
    "Authorization: Basic eDp5",
    "Proxy: evil",
    "X.Dot: 1",
)
CASES = {
    each.name: each
    for each in (
        PacketCase(
            "packets/ajp",
            AJP + " secret=sesam",
            (
                get("/a%20b/c;x=1?y=1&z", *FULL),
                get("/x", method="PATCH"),
                get("/x", method="POST", body=b"hello"),
                get("/x", method="HEAD"),
                get("/x", host="HOST:8080"),
            ),
        ),
        PacketCase(
            "packets/ajp_balancer",
            "ProxyVia On\n" + balanced("ajp", "route=r1 ping=2", "stickysession=SID"),
            (get("/p", "Cookie: SID=1.r1"), get("/p"), get("/x", method="PUT", body=b"put")),
        ),
        PacketCase(
            "packets/ajp_answers",
            "ProxyPassReverseCookiePath /app /\n" + AJP,
            tuple(map(answer, ("cookies", "missing", "pieces", "last"))),
        ),
        PacketCase("packets/ajp_override", "ProxyErrorOverride On\n" + AJP, (answer("missing"),)),
        PacketCase(
            "packets/fcgi",
            FCGI,
            (
                get("/a%20b/x.php/info?y=1&z", *FULL),
                get("/x", method="POST", body=b"hello"),
                get("/x", method="HEAD"),
                get("/x", host="HOST:8080"),
            ),
        ),
        PacketCase(
            "packets/fcgi_generic",
            "ProxyFCGIBackendType GENERIC\n" + FCGI,
            (get("/a/x.php/info?y=1"),),
        ),
        PacketCase(
            "packets/fcgi_generic_encoded",
            "ProxyFCGIBackendType GENERIC\n" + FCGI,
            (get("/a%20b"),),
        ),
        PacketCase(
            "packets/fcgi_match",
            "ProxyPassMatch ^/(.*\\.php(/.*)?)$ fcgi://127.0.0.1:FCGI/var/www/$1",
            (get("/a/x.php/info?y=1"),),
        ),
        PacketCase("packets/fcgi_balancer", balanced("fcgi"), (get("/x.php"),)),
        PacketCase("packets/fcgi_reuse", FCGI + " enablereuse=on", (get("/x.php"), get("/y.php"))),
        PacketCase(
            "packets/fcgi_edits",
            "ProxyFCGISetEnvIf true FOO %{REQUEST_METHOD}\nProxyFCGISetEnvIf true !HTTP_ACCEPT\n"
            "<Location />\nCGIPassAuth On\n</Location>\n" + FCGI,
            (get("/x.php", "Accept: a", "Authorization: Basic eDp5"),),
        ),
        PacketCase("packets/fcgi_answers", FCGI, tuple(map(answer, ("lf", "cookies", "missing")))),
        PacketCase("packets/fcgi_location", FCGI, (answer("location"),)),
        PacketCase("packets/fcgi_headless", FCGI, (answer("headless"),)),
        PacketCase("packets/fcgi_bad_heads", FCGI, (answer("bad"), answer("status"))),
        PacketCase("packets/fcgi_length", FCGI, (answer("long"),)),
        PacketCase("packets/fcgi_chunked", FCGI, (answer("chunked"),)),
    )
}


@pytest.fixture(scope="module")
def packet_members() -> Iterator[PacketMembers]:
    """
    Start the members of both protocols.
    """
    with PacketMembers(ANSWERS) as started:
        yield started


@pytest.fixture(scope="module")
def world(module_peers: Peers, members: Members, packet_members: PacketMembers) -> World:
    """
    Start both sides.
    """
    sites = []
    for case in CASES.values():
        lines = case.lines.replace("127.0.0.1:AJP", f"127.0.0.1:{packet_members.ports['ajp']}")
        lines = lines.replace("127.0.0.1:FCGI", f"127.0.0.1:{packet_members.ports['fcgi']}")
        sites.append(Site(case.site, lines))
    return World(module_peers, members, sites)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_both_do_the_same(world: World, packet_members: PacketMembers, case: PacketCase) -> None:
    """
    What members are told and clients get is the same, but for what is in the table.
    """
    tags: list[str] = []

    def play(side: Side) -> list[Seen]:
        found = []
        for raw in case.requests:
            waiting = side.send(case.site, raw)
            tags.append(waiting.tag.decode())
            found.append(side.read(waiting))
        return found

    apache, ours = world.play(play)
    found: list[tuple[int, Difference]] = []
    count = len(case.requests)
    for number, (left, right) in enumerate(zip(apache, ours, strict=True)):
        found += [(number, each) for each in compare(left, right)]
        told = [packet_members.told.get(tags[at], {}) for at in (number, count + number)]
        for name in sorted((set(told[0]) | set(told[1])) - OWN):
            values = [str(each.get(name)) for each in told]
            if values[0] != values[1]:
                found.append((number, (f"sent:{name}", *values)))
    settle(case.name, found)
