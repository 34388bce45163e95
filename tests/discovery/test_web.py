"""
Members in a document that is fetched.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource

from txbalancer.core.specs import MemberSpec, SourceSpec
from txbalancer.discovery.web import MOST_BYTES, WebFactory, WebFault, make_agent, read_members

URL = "http://registry.test/members.json?dc=1"


class Registry(Resource):
    """
    Has a document, with a tag.

    @ivar seen: the headers of requests.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.body: Any = b'{"members": ["http://10.0.0.1"]}'
        self.tag, self.status = b'"1"', 200
        self.seen: list[Any] = []

    def render_GET(self, request: Any) -> bytes:
        self.seen.append(request.requestHeaders)
        if self.tag:
            request.responseHeaders.setRawHeaders(b"ETag", [self.tag])
        if self.tag and request.getHeader(b"if-none-match") == self.tag.decode().encode():
            request.setResponseCode(304)
            return b""
        request.setResponseCode(self.status)
        body: bytes = self.body
        return body


class World:
    """
    A registry and a source that asks it.
    """

    def __init__(self, **options: Any) -> None:
        self.registry = Registry()
        self.agent = RequestTraversalAgent(self.registry)
        factory = WebFactory("http", lambda spec, reactor: self.agent)
        self.source = factory(SourceSpec(URL, "http", MemberSpec(""), **options), None)

    def look(self) -> Any:
        """
        Look once; raises what it fails with.
        """
        found: list[Any] = []
        self.source.find().addBoth(found.append)
        self.agent.flush()
        (result,) = found
        if hasattr(result, "raiseException"):
            result.raiseException()
        return result


def test_a_document_is_asked_for_with_its_tag() -> None:
    """
    What is not modified is nothing new; another tag brings another answer.
    """
    world = World()
    assert world.look().lines == ("http://10.0.0.1",)
    assert world.look() is None
    assert world.registry.seen[1].getRawHeaders("If-None-Match") == ['"1"']
    world.registry.tag, world.registry.body = b'"2"', b'{"members": []}'
    assert world.look().lines == ()
    world.registry.tag = b""
    assert world.look().lines == ()
    assert world.look().lines == ()
    assert world.registry.seen[-1].getRawHeaders("If-None-Match") is None


def test_a_token_is_read_for_each_look(tmp_path: Path) -> None:
    """
    The token of a file is sent, without its line end; a new one is used at once.
    """
    path = tmp_path / "token"
    world = World(token_file=str(path))
    for token in ("one", "two"):
        path.write_text(f"{token}\n")
        world.look()
        sent = world.registry.seen[-1].getRawHeaders("Authorization")
        assert sent == [f"Bearer {token}"]


@pytest.mark.parametrize("text", ["", "a b", "a\nb", "\u00fc"])
def test_what_is_no_token_is_not_sent(tmp_path: Path, text: str) -> None:
    """
    Nothing is asked without a token, or with what would end the header line.
    """
    path = tmp_path / "token"
    path.write_text(text)
    world = World(token_file=str(path))
    with pytest.raises(WebFault, match="one token without blanks is expected"):
        world.source.find()
    path.unlink()
    with pytest.raises(WebFault, match="No such file"):
        world.source.find()
    assert world.registry.seen == []


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (302, "status 302: redirects are not followed"),
        (401, "status 401: see token-file"),
        (404, "status 404"),
        (503, "status 503"),
        (304, "status 304"),
    ],
)
def test_other_answers_are_failures(status: int, text: str) -> None:
    """
    Only 200 brings members, and 304 only to who has a tag.
    """
    world = World()
    world.registry.status, world.registry.tag = status, b""
    with pytest.raises(WebFault, match=text):
        world.look()


def test_members_in_both_forms() -> None:
    """
    A member is a text, or an object with its options, quoted where needed.
    """
    document = {
        "members": [
            "http://10.0.0.1 route=a",
            {"url": "http://10.0.0.2", "route": "b", "loadfactor": 2.5, "keepalive": True},
            {"url": "http://10.0.0.3", "hcsend": "a b", "keepalive": False},
        ],
        "version": 7,
    }
    assert list(read_members(json.dumps(document).encode())) == [
        "http://10.0.0.1 route=a",
        "http://10.0.0.2 route=b loadfactor=2.5 keepalive=on",
        "http://10.0.0.3 'hcsend=a b' keepalive=off",
    ]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", "no JSON"),
        ("[" * 100000, "no JSON"),
        ('["http://10.0.0.1"]', 'an object {"members"'),
        ('{"members": {}}', 'an object {"members"'),
        ('{"members": [1]}', "member 1: a text"),
        ('{"members": ["http://a", ""]}', "member 2: a text"),
        ('{"members": ["http://a\\nhttp://b"]}', "member 1: a text"),
        ('{"members": [{"route": "a"}]}', "member 1: a text"),
        ('{"members": [{"url": "http://a", "route": null}]}', "member 1: route: a text, a number"),
    ],
)
def test_documents_of_another_form(body: str, text: str) -> None:
    """
    What is wrong with a document is told, with the place of the member.
    """
    with pytest.raises(WebFault, match=text):
        list(read_members(body.encode()))


def test_an_answer_without_an_end_is_given_up() -> None:
    """
    No more than some MiB are kept.
    """
    world = World()
    world.registry.body = b" " * (MOST_BYTES + 1)
    with pytest.raises(WebFault, match="larger than 4 MiB"):
        world.look()


class Silent:
    """
    An agent that does not answer.
    """

    def __init__(self) -> None:
        self.asked: Deferred[Any] = Deferred()

    def request(self, *arguments: Any) -> Deferred[Any]:
        return self.asked


def test_a_look_can_be_given_up() -> None:
    """
    Cancelling a look gives up the request.
    """
    silent = Silent()
    spec = SourceSpec(URL, "http", MemberSpec(""))
    looking = WebFactory("http", lambda spec, reactor: silent)(spec, None).find()
    looking.addErrback(lambda reason: None)
    looking.cancel()
    assert silent.asked.called


def test_connections_are_one_each_and_verified() -> None:
    """
    The agent keeps no connections, and wants a certificate for the host of the URL.
    """
    agent: Any = make_agent(SourceSpec("https://a.test/", "https", MemberSpec("")), None)
    assert not agent._pool.persistent
    policy = agent._endpointFactory._policyForHTTPS
    tls = policy.creatorForNetloc(b"a.test", 443)
    assert tls._verify
    assert tls._wanted == "a.test"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("http://", "the host is missing"),
        ("http://a.test/#x", "without #"),
        ("http://user:word@a.test/", "a user name or password"),
        ("http://a.test/\u00fc", "in ASCII without blanks"),
    ],
)
def test_places_that_cannot_be(place: str, text: str) -> None:
    """
    What is wrong with a URL is told without asking anybody.
    """
    with pytest.raises(ValueError, match=text):
        WebFactory("http").check(place)


def test_only_https_has_authorities() -> None:
    """
    ca-file is for https only.
    """
    assert "ca-file" in WebFactory("https").takes
    assert "ca-file" not in WebFactory("http").takes
