"""
A balancer in an ordinary tree of resources, behind a real Site, asked by treq.
"""

from __future__ import annotations

import pytest
import pytest_twisted
import treq
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.web.client import ResponseFailed
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from txbalancer.config import loads
from txbalancer.core import flags
from txbalancer.proxy.runtime import Runtime
from txbalancer.services.plugins import load_registry
from txbalancer.services.targets import Targets

pytestmark = pytest.mark.integration

CONFIGURATION = """
[listener:unused]
endpoint = tcp:0
[balancer:shop]
stickycookie = ROUTE
maxattempts = 0
members = http://127.0.0.1:{port}/base route=a timeout=5
[mount:/]
to = balancer://shop/
"""


class Member(Resource):
    """
    Answers by what its path says.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.gone: Deferred = Deferred()

    def render(self, request):
        word = request.path.rpartition(b"/")[2]
        if word == b"moved":
            request.redirect(b"http://%b/base/new" % request.getHeader(b"host"))
            return b""
        if word == b"large":
            return b"x" * 3_000_000
        if word == b"short":
            request.setHeader(b"content-length", b"100")
            request.write(b"begun")
            request.transport.loseConnection()
            return NOT_DONE_YET
        if word == b"never":
            request.notifyFinish().addErrback(lambda _: self.gone.callback(None))
            return NOT_DONE_YET
        request.setHeader(b"x-uri", request.uri)
        request.setHeader(b"x-for", request.getHeader(b"x-forwarded-for") or b"")
        return b"%b %b" % (request.method, request.content.read())


class Tree:
    """
    A member's site, and the site of a tree with the balancer in it.
    """

    def __init__(self) -> None:
        self.member = Member()
        self.outcomes: list = []
        self.ports = [self._listen(self.member)]
        registry = load_registry()
        text = CONFIGURATION.format(port=self.ports[0].getHost().port)
        self.runtime = Runtime(reactor, self.outcomes.append)
        self.runtime.deadlines.start(self.runtime.now)
        self.targets = Targets(self.runtime, registry)
        self.targets.install(loads(text, registry).spec)
        root, app = Resource(), Resource()
        root.putChild(b"app", app)
        app.putChild(b"shop", self.targets.balancers["shop"])
        self.ports.append(self._listen(root))
        self.url = f"http://127.0.0.1:{self.ports[1].getHost().port}/app/shop"

    @staticmethod
    def _listen(resource):
        site = Site(resource)
        site.noisy = False
        return reactor.listenTCP(0, site, interface="127.0.0.1")

    async def close(self) -> None:
        """
        End everything.
        """
        self.runtime.deadlines.stop()
        self.targets.balancers["shop"].leave()
        for port in self.ports:
            await port.stopListening()
        await deferLater(reactor, 0.01)


@pytest_twisted.async_yield_fixture
async def tree():
    """
    Start a tree for one test.
    """
    found = Tree()
    yield found
    await found.close()


def get(tree: Tree, path: str, method: str = "GET", **options):
    """
    Ask the tree.
    """
    return treq.request(method, tree.url + path, persistent=False, allow_redirects=False, **options)


@pytest_twisted.ensureDeferred
async def test_requests_go_to_a_member(tree) -> None:
    """
    The member is asked for what is below the resource, the query included, and sees the client.
    """
    response = await get(tree, "/a%20b/c?q=1")
    assert response.code == 200
    assert await response.content() == b"GET "
    assert response.headers.getRawHeaders("x-uri") == ["/base/a%20b/c?q=1"]
    assert response.headers.getRawHeaders("x-for") == ["127.0.0.1"]
    assert response.headers.getRawHeaders("set-cookie")[0].startswith("ROUTE=")
    assert len(response.headers.getRawHeaders("date")) == 1
    assert len(response.headers.getRawHeaders("server")) == 1
    (outcome,) = tree.outcomes
    assert (outcome.status, outcome.bytes_out, outcome.peer.client) == (200, 4, "127.0.0.1")


@pytest_twisted.ensureDeferred
async def test_bodies_go_to_a_member(tree) -> None:
    """
    What twisted.web has collected is sent on.
    """
    response = await get(tree, "/x", "POST", data=b"hello")
    assert await response.content() == b"POST hello"
    response = await get(tree, "/x", "PUT", data=b"x" * 300_000)
    assert len(await response.content()) == 300_004
    assert [outcome.bytes_in for outcome in tree.outcomes] == [5, 300_000]


@pytest_twisted.ensureDeferred
async def test_head_and_large_answers(tree) -> None:
    """
    HEAD has the length only; a large answer comes whole.
    """
    response = await get(tree, "/large", "HEAD")
    assert response.headers.getRawHeaders("content-length") == ["3000000"]
    assert await response.content() == b""
    response = await get(tree, "/large")
    assert len(await response.content()) == 3_000_000


@pytest_twisted.ensureDeferred
async def test_locations_are_mapped_back(tree) -> None:
    """
    A redirect of the member's leads to where the resource is in the tree.
    """
    response = await get(tree, "/moved")
    assert response.code == 302
    assert response.headers.getRawHeaders("location") == [tree.url + "/new"]
    await response.content()


@pytest_twisted.ensureDeferred
async def test_broken_answers_look_broken(tree) -> None:
    """
    An answer that ends early ends the client's connection early as well.
    """
    response = await get(tree, "/short")
    with pytest.raises(ResponseFailed):
        await response.content()
    assert tree.outcomes[0].reason == "truncated"


@pytest_twisted.ensureDeferred
async def test_no_member_is_a_page(tree) -> None:
    """
    Failures are answered as everywhere.
    """
    balancer = tree.targets.balancers["shop"].balancer
    balancer.set_flags(balancer.members[0], flags.DISABLED, "test", 0.0)
    response = await get(tree, "/x", headers={"Accept": "application/json"})
    assert response.code == 503
    assert response.headers.getRawHeaders("retry-after") is not None
    assert (await response.json())["status"] == 503


@pytest_twisted.ensureDeferred
async def test_what_no_member_should_see_is_refused(tree) -> None:
    """
    twisted.web is laxer than we are: what our own listener refuses is refused here too.
    """
    response = await get(tree, "/x", headers={"Host": "a b"})
    assert response.code == 400
    await response.content()
    assert tree.outcomes == []


@pytest_twisted.ensureDeferred
async def test_a_client_that_leaves_frees_the_member(tree) -> None:
    """
    Nobody works on for a client that is gone.
    """
    asked = get(tree, "/never")
    while not tree.targets.balancers["shop"].balancer.members[0].pool.open:
        await deferLater(reactor, 0.005)
    await deferLater(reactor, 0.05)
    asked.addErrback(lambda _: None)
    asked.cancel()
    await tree.member.gone
    assert tree.outcomes[0].reason == "client-gone"
