"""
Resources of twisted.web behind a mount behave as they do behind twisted.web's own site.
"""

from __future__ import annotations

import pytest
from twisted.logger import globalLogPublisher
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from tests.proxy.rigs import GET, POST, body_of, status_of
from txbalancer.config import loads
from txbalancer.proxy.web import split_path
from txbalancer.services.plugins import load_registry
from txbalancer.testing import FakePage, MemoryRig


class Page(Resource):
    """
    Does what its function does, at any depth.
    """

    isLeaf = True

    def __init__(self, answer) -> None:
        super().__init__()
        self.render = answer


class Mounted:
    """
    Names a resource for the configuration.
    """

    name = "page"

    def __init__(self, resource) -> None:
        self.resource, self.made = resource, 0

    def make_resource(self):
        self.made += 1
        return self.resource


def make_rig(resource, path: str = "/", options: str = "") -> MemoryRig:
    """
    Mount a resource, or a function that answers.
    """
    if not isinstance(resource, Resource):
        resource = Page(resource)
    registry = load_registry()
    registry.resources["page"] = Mounted(resource)
    text = f"[listener:web]\nendpoint = tcp:80\n[mount:{path}]\nto = resource:page\n{options}\n"
    return MemoryRig(loads(text, registry).spec, registry)


def ask(rig: MemoryRig, request: bytes = GET) -> bytes:
    """
    Return the answer to a request.
    """
    client = rig.client()
    client.send(request)
    return client.taken()


def waiting(requests: list):
    """
    Return a page that notes its requests and answers none.
    """

    def answer(request):
        requests.append(request)
        return NOT_DONE_YET

    return answer


@pytest.fixture
def logged():
    """
    Collect log events.
    """
    events: list[dict] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


@pytest.mark.parametrize(
    ("path", "prefix", "expected"),
    [
        (b"/", b"/", ([], [b""])),
        (b"/a/b", b"/", ([], [b"a", b"b"])),
        (b"/app", b"/app", ([b"app"], [])),
        (b"/app/", b"/app", ([b"app"], [b""])),
        (b"/app/x y", b"/app", ([b"app"], [b"x y"])),
        (b"/app/", b"/app/", ([b"app"], [b""])),
        (b"/deep/app/x/", b"/deep/app", ([b"deep", b"app"], [b"x", b""])),
        (b"/any/thing", b"", ([], [b"any", b"thing"])),
    ],
)
def test_the_mount_is_above_the_resource(path, prefix, expected) -> None:
    """
    prepath is the mount, postpath what is left, as for a child of a tree.
    """
    assert split_path(path, prefix) == expected


def test_a_resource_answers() -> None:
    """
    The request has method, URI, headers, arguments and addresses; the answer is recorded.
    """
    seen = []

    def answer(request):
        seen.append((request.method, request.uri, request.path, request.args))
        seen.append((request.getHeader("X-A"), request.getHeader(b"host")))
        seen.append((request.getClientAddress().host, request.isSecure(), request.clientproto))
        request.setResponseCode(201)
        request.setHeader("X-B", "b")
        return b"made"

    rig = make_rig(answer)
    got = ask(rig, GET.replace(b"/ ", b"/x%20y?q=1 ").replace(b"\r\n\r\n", b"\r\nX-A: a\r\n\r\n"))
    assert status_of(got) == 201
    assert b"\r\nX-B: b\r\n" in got
    assert got.count(b"Content-Length") == 1
    assert body_of(got) == b"made"
    assert seen == [
        (b"GET", b"/x%20y?q=1", b"/x%20y", {b"q": [b"1"]}),
        ("a", b"shop.test"),
        ("192.0.2.1", False, b"HTTP/1.1"),
    ]
    (outcome,) = rig.outcomes
    assert (outcome.status, outcome.reason, outcome.bytes_out) == (201, "ok", 4)


def test_headers_of_resources_are_recorded() -> None:
    """
    Access logs can have what a resource set; a length only where one was announced.
    """

    def answer(request):
        request.setHeader(b"X-Mine", b"1")
        request.write(b"some")
        request.write(b"more")
        request.finish()
        return NOT_DONE_YET

    rig = make_rig(answer)
    ask(rig)
    (outcome,) = rig.outcomes
    assert outcome.response_header(b"x-mine") == b"1"
    assert outcome.response_header(b"content-length") is None
    rig = make_rig(lambda request: b"done")
    ask(rig)
    (outcome,) = rig.outcomes
    assert outcome.response_header(b"content-length") == b"4"


def test_without_a_host_it_is_our_own() -> None:
    """
    A request of HTTP/1.0 without Host is one to the listener's own name.
    """
    rig = make_rig(lambda request: request.getRequestHostname())
    assert body_of(ask(rig)) == b"shop.test"
    assert body_of(ask(rig, b"GET / HTTP/1.0\r\n\r\n")) == rig.site.server_name


# Twisted's own page for a child that is not there.
@pytest.mark.filterwarnings("ignore:twisted.web.resource._UnsafeNoResource")
def test_children_are_below_the_mount() -> None:
    """
    A resource finds its children wherever it is mounted.
    """
    root = Resource()
    root.putChild(b"child", FakePage())
    rig = make_rig(root, "/app")
    assert body_of(ask(rig, GET.replace(b"/ ", b"/app/child/a%20b "))) == (
        b"GET at /app/child/a b for /"
    )
    assert status_of(ask(rig, GET.replace(b"/ ", b"/app/other "))) == 404
    assert status_of(ask(rig, GET)) == 404


def test_bodies_are_collected() -> None:
    """
    A form arrives whole, however it was sent; 100 goes to who waits for it.
    """
    rig = make_rig(lambda request: b"%r" % request.args[b"a"])
    lines = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 4"
    form = POST.replace(b"Content-Length: 10", lines)
    client = rig.client()
    client.send(form.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
    assert client.taken() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"a=")
    assert client.taken() == b""
    client.send(b"bc")
    assert body_of(client.taken()) == b"[b'bc']"
    chunked = form.replace(b"Content-Length: 4", b"Transfer-Encoding: chunked")
    client.send(chunked + b"4\r\na=bc\r\n0\r\n\r\n")
    assert body_of(client.taken()) == b"[b'bc']"
    assert [outcome.bytes_in for outcome in rig.outcomes] == [4, 4]


def test_bodies_have_a_limit() -> None:
    """
    Over 1 MiB, or max-body, it is 413 and the resource never sees the request.
    """
    seen: list = []
    rig = make_rig(waiting(seen))
    assert status_of(ask(rig, POST.replace(b"10", b"1048577"))) == 413
    rig = make_rig(waiting(seen), options="max-body = 5")
    chunked = POST.replace(b"Content-Length: 10", b"Transfer-Encoding: chunked")
    assert status_of(ask(rig, chunked + b"6\r\n123456\r\n")) == 413
    assert seen == []
    assert rig.outcomes[0].reason == "body-too-large"


def test_a_form_that_cannot_be_read_is_400() -> None:
    """
    A broken multipart body is the client's fault.
    """
    lines = b"Content-Type: multipart/form-data\r\nContent-Length: 2"
    rig = make_rig(lambda request: b"never")
    assert status_of(ask(rig, POST.replace(b"Content-Length: 10", lines) + b"xx")) == 400


def test_answers_of_unknown_length_are_chunked() -> None:
    """
    Pieces go out as they come, in chunks to HTTP/1.1 and until the close to HTTP/1.0.
    """
    seen: list = []
    rig = make_rig(waiting(seen))
    client, old = rig.client(), rig.client()
    client.send(GET)
    old.send(GET.replace(b"/1.1", b"/1.0"))
    for request in seen:
        request.write(b"one")
    assert body_of(client.taken()) == b"3\r\none\r\n"
    for request in seen:
        request.write(b"two")
        request.finish()
    assert client.taken() == b"3\r\ntwo\r\n0\r\n\r\n"
    assert not client.lost
    assert body_of(old.taken()) == b"onetwo"
    old.settle()
    assert old.lost


@pytest.mark.parametrize("code", [200, 204, 304])
def test_head_and_bodiless_answers(code) -> None:
    """
    HEAD, 204 and 304 have no body, and the connection stays in step.
    """

    def answer(request):
        request.setResponseCode(code)
        return b"body"

    rig = make_rig(answer)
    client = rig.client()
    client.send(GET.replace(b"GET", b"HEAD") + GET)
    first, second = client.taken().split(b"HTTP/1.1 ")[1:]
    assert body_of(first) == b""
    assert body_of(second) == (b"body" if code == 200 else b"")
    assert (b"Content-Length: 4" in first) is (code == 200)
    assert not client.lost


def test_a_client_that_leaves_is_told_to_the_resource() -> None:
    """
    notifyFinish fails when the client goes; a finished request's fires with nothing.
    """
    seen, told = [], []

    def answer(request):
        seen.append(request)
        request.notifyFinish().addBoth(told.append)
        return NOT_DONE_YET

    rig = make_rig(answer)
    client = rig.client()
    client.send(GET)
    seen[0].finish()
    assert told == [None]
    client.send(GET)
    client.reset()
    assert told[1].value.args[0] == "the client closed the connection"
    assert [outcome.reason for outcome in rig.outcomes] == ["ok", "client-gone"]


def test_a_client_that_leaves_within_its_body() -> None:
    """
    A request that never was complete does not reach the resource.
    """
    seen: list = []
    rig = make_rig(waiting(seen))
    client = rig.client()
    client.send(POST)
    client.reset()
    assert seen == []
    assert rig.outcomes[0].reason == "client-gone"


def test_an_exception_is_a_500_and_a_log_entry(logged) -> None:
    """
    What went wrong is for the log; the visitor gets a page without a traceback.
    """

    def answer(request):
        raise ValueError("a secret")

    rig = make_rig(answer)
    client = rig.client()
    client.send(GET)
    got = client.taken()
    assert status_of(got) == 500
    assert b"secret" not in got
    assert b"Traceback" not in got
    failures = [event["log_failure"] for event in logged if "log_failure" in event]
    assert [failure.type for failure in failures] == [ValueError]
    assert rig.outcomes[0].reason == "resource-failed"
    client.send(GET)
    assert status_of(client.taken()) == 500


def test_an_exception_after_the_first_byte_breaks_off() -> None:
    """
    An answer that began must look broken to the client.
    """

    def answer(request):
        request.write(b"begun")
        raise ValueError("broken")

    rig = make_rig(answer)
    client = rig.client()
    client.send(GET)
    client.settle()
    assert client.ended == "aborted"
    assert rig.outcomes[0].reason == "truncated"


@pytest.mark.parametrize(("size", "sent", "reason"), [(3, b"12345", "ok"), (9, b"1", "truncated")])
def test_a_wrong_length_does_not_confuse_the_client(size, sent, reason) -> None:
    """
    More than announced is not sent; less than announced breaks the connection off.
    """

    def answer(request):
        request.setHeader("Content-Length", str(size))
        request.write(sent)
        request.finish()
        return NOT_DONE_YET

    rig = make_rig(answer)
    assert body_of(ask(rig)) == sent[:size]
    assert rig.outcomes[0].reason == reason


def test_a_resource_may_close_the_connection() -> None:
    """
    request.loseConnection ends the client's connection.
    """
    seen: list = []
    rig = make_rig(waiting(seen))
    client = rig.client()
    client.send(GET)
    seen[0].loseConnection()
    client.settle()
    assert client.lost
    assert len(rig.outcomes) == 1


def test_sessions_work_and_outlive_a_reload() -> None:
    """
    The session cookie is the mount's, and a reload keeps resource and sessions.
    """

    def answer(request):
        session = request.getSession()
        session.count = getattr(session, "count", 0) + 1
        return b"%d" % session.count

    rig = make_rig(answer, "/app")
    request = GET.replace(b"/ ", b"/app/x ")
    got = ask(rig, request)
    cookie = got.split(b"Set-Cookie: ")[1].split(b";")[0]
    assert cookie.startswith(b"TWISTED_SESSION_app=")
    request = request.replace(b"\r\n\r\n", b"\r\nCookie: " + cookie + b"\r\n\r\n")
    assert body_of(ask(rig, request)) == b"2"
    rig.targets.install(rig.spec)
    rig.site.table = rig.targets.table(rig.spec.listeners[0])
    assert body_of(ask(rig, request)) == b"3"
    assert rig.registry.resources["page"].made == 1


class Producer:
    """
    Notes what it is asked for; pulled, it writes three pieces.
    """

    def __init__(self, request) -> None:
        self.request, self.asked, self.left = request, [], 3

    def pauseProducing(self) -> None:
        self.asked.append("pause")

    def resumeProducing(self) -> None:
        self.asked.append("resume")
        if self.left:
            self.left -= 1
            self.request.write(b"x")
        else:
            self.request.unregisterProducer()
            self.request.finish()

    def stopProducing(self) -> None:
        self.asked.append("stop")


def test_push_producers_feel_the_client() -> None:
    """
    A client that does not read pauses the producer; one that leaves stops it.
    """
    seen: list = []
    rig = make_rig(waiting(seen))
    client = rig.client()
    client.send(GET)
    client.room = 0
    producer = Producer(seen[0])
    seen[0].registerProducer(producer, True)
    seen[0].write(b"x" * 100_000)
    assert producer.asked == ["pause"]
    late = Producer(seen[0])
    seen[0].unregisterProducer()
    seen[0].registerProducer(late, True)
    assert late.asked == ["pause"]
    client.take()
    assert late.asked == ["pause", "resume"]
    client.reset()
    assert late.asked[-1] == "stop"


def test_pull_producers_are_asked(monkeypatch) -> None:
    """
    A producer that waits to be asked is asked until it has written everything.
    """
    from txbalancer.proxy import web

    seen: list = []
    rig = make_rig(waiting(seen))
    cooperator = web_cooperator(rig)
    monkeypatch.setattr(web, "cooperate", cooperator.cooperate)
    client = rig.client()
    client.send(GET)
    producer = Producer(seen[0])
    seen[0].registerProducer(producer, False)
    rig.advance(1)
    assert body_of(client.taken()) == b"1\r\nx\r\n" * 3 + b"0\r\n\r\n"
    assert producer.asked == ["resume"] * 4
    assert rig.outcomes[0].reason == "ok"


def web_cooperator(rig):
    """
    Return a cooperator on the rig's clock.
    """
    from twisted.internet.task import Cooperator

    return Cooperator(scheduler=lambda step: rig.reactor.callLater(0.001, step))


def test_pulling_stops_with_the_client(monkeypatch, logged) -> None:
    """
    Nobody is asked for a client that left, or while it does not read; failures are logged.
    """
    from txbalancer.proxy import web

    seen: list = []
    rig = make_rig(waiting(seen))
    monkeypatch.setattr(web, "cooperate", web_cooperator(rig).cooperate)
    client = rig.client()
    client.send(GET)
    client.room = 0
    producer = Producer(seen[0])
    producer.left = 10**9
    seen[0].write(b"x" * 100_000)
    seen[0].registerProducer(producer, False)
    rig.advance(1)
    assert producer.asked == []
    client.take()
    rig.advance(1)
    assert "resume" in producer.asked
    client.reset()
    asked = len(producer.asked)
    rig.advance(1)
    assert producer.asked[-1] == "stop"
    assert len(producer.asked) == asked
    assert not [event for event in logged if "log_failure" in event]
    client = rig.client()
    client.send(GET)
    broken = Producer(None)
    seen[1].registerProducer(broken, False)
    rig.advance(1)
    assert [event["log_failure"].type for event in logged if "log_failure" in event]
