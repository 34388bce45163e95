"""
Sessions of Tomcat's example application, on two Tomcats with a C{jvmRoute} each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.integration.client import Answer, ask
from tests.integration.conftest import Starts
from tests.integration.process import BalancerProcess
from tests.peers import Peer, Peers

pytestmark = [pytest.mark.integration, pytest.mark.peers]

PAGE = "/examples/servlets/servlet/SessionExample"
ROUTES = ("web1", "web2")


@pytest.fixture(scope="module")
def tomcats(module_peers: Peers) -> dict[str, Peer]:
    """
    Start two Tomcats at the same time, since each takes seconds.
    """
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(ROUTES, pool.map(module_peers.tomcat10, ROUTES), strict=True))


@pytest.fixture
def configuration(tomcats: dict[str, Peer]) -> Callable[..., str]:
    """
    Write a balancer of the Tomcats with these routes.
    """

    def write(*routes: str) -> str:
        lines = [f"    {tomcats[each].url} route={each} retry=60 maxfails=1" for each in routes]
        return (
            "[balancer:cats]\nstickysession = JSESSIONID|jsessionid\nscolonpathdelim = on\n"
            "members =\n"
            + "\n".join(lines)
            + "\n[mount:/examples]\nto = balancer://cats/examples\n"
        )

    return write


@pytest.fixture
def process(balancer: Starts, configuration: Callable[..., str]) -> BalancerProcess:
    """
    Start a balancer of both Tomcats.
    """
    return balancer(configuration(*ROUTES))


@dataclass
class Visitor:
    """
    Somebody with a session, as a cookie or in the URL.
    """

    process: BalancerProcess
    session: str = ""
    in_url: bool = False

    def visit(self, query: str = "") -> Answer:
        """
        Ask for the page and take the session that it gives.
        """
        path = f"{PAGE};jsessionid={self.session}" if self.in_url and self.session else PAGE
        headers = {}
        if self.session and not self.in_url:
            headers["Cookie"] = f"theme=dark; JSESSIONID={self.session}"
        answer = ask(f"http://127.0.0.1:{self.process.port}{path}{query}", **headers)
        assert answer.status == 200
        given = re.match(r"JSESSIONID=([^;]+)", answer.header("set-cookie"))
        if given:
            self.session = given[1]
        return answer

    @property
    def route(self) -> str:
        """
        The route in the session.
        """
        return self.session.rpartition(".")[2]

    def put(self, value: str) -> None:
        """
        Remember something in the session.
        """
        self.visit(f"?dataname=thing&datavalue={value}")

    def has(self, value: str) -> bool:
        """
        Tell whether the session still remembers it.
        """
        return f"thing = {value}".encode() in self.visit().body


def on_both(process: BalancerProcess, in_url: bool = False) -> dict[str, Visitor]:
    """
    Make a visitor for each Tomcat, who has put something into a session there.
    """
    found: dict[str, Visitor] = {}
    for number in range(10):
        visitor = Visitor(process, in_url=in_url)
        visitor.visit()
        visitor.put(f"value{number}")
        found.setdefault(visitor.route, visitor)
    assert set(found) == set(ROUTES)
    return found


@pytest.mark.parametrize("in_url", [False, True], ids=["cookie", "url"])
def test_sessions_stick(process: BalancerProcess, in_url: bool) -> None:
    """
    A session comes back to the Tomcat that has it, by cookie and by C{;jsessionid=} alike.
    """
    for visitor in on_both(process, in_url).values():
        visitor.put("treasure")
        session = visitor.session
        assert all(visitor.has("treasure") for _ in range(6))
        assert visitor.session == session


def test_links_of_the_page_stick(process: BalancerProcess) -> None:
    """
    The URL that Tomcat itself writes for visitors without cookies leads to the same session.
    """
    visitor = Visitor(process)
    page = visitor.visit("?dataname=thing&datavalue=linked").body.decode()
    links = set(re.findall(r'href="(SessionExample;jsessionid=[^"?]+)', page))
    assert links == {f"SessionExample;jsessionid={visitor.session}"}
    link = links.pop()
    url = f"http://127.0.0.1:{process.port}{PAGE.rpartition('/')[0]}/{link}"
    for _ in range(4):
        assert b"thing = linked" in ask(url).body


def test_sessions_survive_the_removal_of_the_other_member(
    process: BalancerProcess, configuration: Callable[..., str]
) -> None:
    """
    A reload that removes one Tomcat leaves the sessions of the other where they are; the
    orphans get new ones there.
    """
    visitors = on_both(process)
    kept, orphan = visitors["web1"], visitors["web2"]
    kept.put("kept")
    orphan.put("orphan")
    assert "reload done" in process.reload(configuration("web1"))
    assert all(kept.has("kept") for _ in range(4))
    assert kept.route == "web1"
    assert not orphan.has("orphan")
    assert orphan.route == "web1"
    orphan.put("new")
    assert orphan.has("new")


def test_sessions_fail_over_when_their_member_dies(
    process: BalancerProcess, tomcats: dict[str, Peer]
) -> None:
    """
    When a Tomcat crashes, its visitors get a new session on the other without an error,
    and those of the other notice nothing.
    """
    visitors = on_both(process)
    kept, orphan = visitors["web1"], visitors["web2"]
    kept.put("kept")
    tomcats["web2"].kill()
    try:
        orphan.visit()
        assert orphan.route == "web1"
        orphan.put("new")
        assert all(orphan.has("new") for _ in range(4))
        assert all(kept.has("kept") for _ in range(4))
        assert kept.route == "web1"
    finally:
        tomcats["web2"].start()
