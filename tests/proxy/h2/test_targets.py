"""
What else may stand behind a mount serves streams as it serves connections.
"""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.web.server import NOT_DONE_YET

from tests.proxy.h2.ends import Browser, Container
from tests.proxy.h2.rigs import open_h2_rig
from tests.proxy.rigs import OK
from tests.proxy.test_agent import Body, Reader
from tests.proxy.test_guard import Case
from tests.proxy.test_web import make_rig
from txbalancer.http2 import faults
from txbalancer.proxy.agent import ProxyAgent
from txbalancer.testing import MemoryRig, MemoryTransport

FORM = b"content-type: application/x-www-form-urlencoded"


def web_rig(answer: Any) -> MemoryRig:
    """
    Make a rig with a resource behind a listener that takes HTTP/2.
    """
    rig = make_rig(answer)
    rig.site._chooses = True
    return rig


def test_a_resource() -> None:
    """
    A page of twisted.web sees the request, its body and its client.
    """
    seen: list[Any] = []

    def page(request: Any) -> bytes:
        seen.append((request.method, request.uri, request.args, request.getClientAddress().host))
        seen.append((request.getHost().port, request.isSecure()))
        request.setHeader(b"x-own", b"1")
        return b"a page"

    browser = Browser(web_rig(page))
    browser.ask("/x?a=b", FORM, method="POST", body=b"c=d")
    assert seen == [(b"POST", b"/x?a=b", {b"a": [b"b"], b"c": [b"d"]}, "192.0.2.1"), (80, False)]
    fields = browser.fields(1)
    assert (fields[b":status"], fields[b"x-own"]) == (b"200", b"1")
    assert browser.body(1) == b"a page"
    browser.ask("/", method="HEAD")
    assert browser.body(3) == b""


def test_a_resource_that_takes_its_time() -> None:
    """
    It may write when it likes, is told when its client is gone, and fails on its own stream.
    """
    requests: list[Any] = []
    gone: list[Any] = []

    def page(request: Any) -> Any:
        if request.uri == b"/bad":
            raise RuntimeError("of no use")
        request.notifyFinish().addErrback(gone.append)
        requests.append(request)
        return NOT_DONE_YET

    rig = web_rig(page)
    browser = Browser(rig)
    browser.ask("/1")
    stream = browser.ask("/2")
    requests[0].write(b"some")
    assert browser.body(1) == b"some"
    stream.reset(faults.CANCEL)
    browser.pump()
    assert len(gone) == 1
    requests[0].write(b" more")
    requests[0].finish()
    assert browser.body(1) == b"some more"
    assert browser.of(1)[-1][-1] is True
    browser.ask("/bad")
    assert browser.status(5) == 500


def test_a_producer_waits_for_the_window() -> None:
    """
    Who produces an answer is paused while the stream is full.
    """
    said: list[str] = []

    class Producer:
        def pauseProducing(self) -> None:
            said.append("pause")

        def resumeProducing(self) -> None:
            said.append("resume")

        def stopProducing(self) -> None:
            said.append("stop")

    requests: list[Any] = []

    def page(request: Any) -> Any:
        requests.append(request)
        request.registerProducer(Producer(), True)
        return NOT_DONE_YET

    rig = web_rig(page)
    browser = Browser(rig)
    stream = browser.ask("/")
    stream.holds = True
    requests[0].write(b"x" * 300_000)
    browser.pump()
    assert said == ["pause"]
    stream.holds = False
    stream.consumed(len(browser.body(1)))
    browser.pump()
    assert said == ["pause", "resume"]
    requests[0].unregisterProducer()
    requests[0].finish()
    assert len(browser.body(1)) == 300_000


def test_a_guard(tmp_path: Path) -> None:
    """
    Who has to log in is asked to, and let in with what came of the body meanwhile.
    """
    case = Case(tmp_path, "user bob", "h2c = on")
    browser = Browser(case.rig)
    browser.ask("/")
    assert browser.status(1) == 401
    assert b"www-authenticate" in browser.fields(1)
    login = b"authorization: Basic " + b64encode(b"bob:secret")
    stream = browser.ask("/", login, method="POST", body=b"abc", ended=False)
    stream.send_data(b"def", True)
    browser.pump()
    assert case.rig.openings() == []
    case.hashing.finish()
    member = case.rig.accept()
    sent = member.taken()
    assert sent.endswith(b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n")
    member.send(OK)
    assert browser.status(3) == 200


@pytest.mark.parametrize("secure", [True, False])
def test_hsts(secure: bool) -> None:
    """
    It is said with each answer under TLS, and never without: a connection may be older than the
    TLS of its listener.
    """
    rig = MemoryRig("[listener:web]\nendpoint = tcp:80\nh2c = on\n[mount:/]\nto = status:410\n")
    rig.site.secure, rig.site.hsts = secure, b"Strict-Transport-Security: max-age=86400"
    browser = Browser(rig)
    browser.ask("/")
    said = browser.fields(1).get(b"strict-transport-security")
    assert said == (b"max-age=86400" if secure else None)


class Agreed(MemoryTransport):
    """
    A transport after a handshake of TLS.
    """

    negotiatedProtocol = b"h2"


def doorway(rig: MemoryRig, agreed: bytes) -> Any:
    """
    Make a connection whose handshake is over.
    """
    rig.site.secure = True
    rig.site.configure(rig.site.spec)
    address = IPv4Address("TCP", "192.0.2.1", 1)
    protocol = rig.site.buildProtocol(address)
    kind = type("Transport", (Agreed,), {"negotiatedProtocol": agreed})
    transport = kind(rig.reactor, protocol, address)
    return protocol, transport


def test_what_is_agreed_on_within_tls() -> None:
    """
    ALPN decides; before that nothing is read or said.
    """
    rig = MemoryRig("[listener:web]\nendpoint = tcp:80\n[mount:/]\nto = status:410\n")
    protocol, transport = doorway(rig, b"h2")
    assert transport.taken() == b""
    protocol.handshakeCompleted()
    assert transport.taken()[3:4] == b"\x04"
    protocol, transport = doorway(rig, b"http/1.1")
    protocol.handshakeCompleted()
    transport.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert transport.taken().startswith(b"HTTP/1.1 410 ")
    protocol, transport = doorway(rig, None)  # type: ignore[arg-type]
    protocol.handshakeCompleted()
    transport.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert transport.taken().startswith(b"HTTP/1.1 410 ")


def test_the_end_of_a_connection_that_has_said_nothing() -> None:
    """
    Whether it leaves, is stopped or drained: it is forgotten.
    """
    rig = MemoryRig("[listener:web]\nendpoint = tcp:80\n[mount:/]\nto = status:410\n")
    _, first = doorway(rig, b"h2")
    first.reset()
    _, second = doorway(rig, b"h2")
    second.end()
    rig.advance(0)
    assert not rig.site.channels
    protocol, third = doorway(rig, b"h2")
    assert protocol.secure
    assert protocol.exchange is None
    protocol.cut()
    assert third.ended == "aborted"
    _, fourth = doorway(rig, b"h2")
    rig.site.drain()
    assert fourth.ended == "closed"
    rig.advance(0)
    assert not rig.site.channels


def test_the_agent_has_such_members() -> None:
    """
    treq's way to members of HTTP/2, with a body each way.
    """
    rig = open_h2_rig()
    agent = ProxyAgent(rig.targets.balancers["shop"])
    found: list[Any] = []
    body = Body(6)
    agent.request(b"POST", b"http://shop.test/path?q=1", None, body).addBoth(found.append)
    member = Container(rig.accept())
    body.consumer.write(b"abcdef")
    body.sent.callback(None)
    assert member.body(1) == b"abcdef"
    member.answer(1, b"x-own: 1", body=b"answer", last=False)
    (response,) = found
    assert response.code == 200
    assert response.headers.getRawHeaders(b"x-own") == [b"1"]
    reader = Reader()
    response.deliverBody(reader)
    member.end.streams[1].send_data(b" and more", True)
    member.pump()
    assert reader.data == b"answer and more"
    assert reader.ends
    assert rig.outcomes[0].reason == "ok"
