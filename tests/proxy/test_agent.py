"""
The balancer as a client: what treq gets, and what members see.
"""

from __future__ import annotations

import pytest
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.protocol import Protocol
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IBodyProducer, IResponse
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.proxy.rigs import OK, body_of, check_rest, make_rig
from txbalancer.errors import BreakerOpen, ClientError, ConnectFailed
from txbalancer.proxy.agent import ProxyAgent

URL = "http://shop.test/path?q=1"


def make_agent(members: int = 1, **options: str):
    """
    Return a rig and an agent over its balancer.
    """
    rig = make_rig(members, **options)
    return rig, ProxyAgent(rig.targets.balancers["shop"])


def results(deferred: Deferred) -> list:
    """
    Return a list that gets the result.
    """
    found: list = []
    deferred.addBoth(found.append)
    return found


class Reader(Protocol):
    """
    Takes a body.
    """

    def __init__(self) -> None:
        self.data, self.ends = b"", []

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason) -> None:
        self.ends.append(reason.type)


@implementer(IBodyProducer)
class Body:
    """
    A body that the test sends by hand.
    """

    def __init__(self, length=UNKNOWN_LENGTH) -> None:
        self.length, self.sent, self.calls = length, Deferred(), []

    def startProducing(self, consumer):
        self.consumer = consumer
        return self.sent

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


def test_treq_balances_by_it() -> None:
    """
    treq gets the answer of the member that was elected, over connections that stay open.
    """
    rig, agent = make_agent(2)
    assert verifyObject(IAgent, agent)
    client = HTTPClient(agent)
    for expected in ("http://10.0.0.1", "http://10.0.0.2"):
        found = results(client.get(URL, headers={"X-A": "a"}))
        member = rig.accept()
        head = member.taken()
        assert head.startswith(b"GET /path?q=1 HTTP/1.1\r\nHost: 10.0.0.")
        assert b"\r\nX-A: a\r\n" in head
        assert b"X-Forwarded" not in head
        member.send(OK)
        (response,) = found
        assert (response.code, response.phrase) == (200, b"OK")
        assert results(response.content()) == [b"ok"]
        assert rig.outcomes[-1].member == expected
    check_rest(rig)


def test_it_tries_again_as_for_any_client() -> None:
    """
    A refused connection costs the caller nothing but time.
    """
    rig, agent = make_agent(2)
    found = results(HTTPClient(agent).get(URL))
    (opening,) = rig.openings()
    opening.fail()
    rig.accept().send(OK)
    assert found[0].code == 200
    assert rig.outcomes[0].attempts == 2


def test_no_answer_is_an_error() -> None:
    """
    Where a client from outside would get a page, the caller gets the error itself.
    """
    rig, agent = make_agent()
    found = results(agent.request(b"GET", URL.encode()))
    (opening,) = rig.openings()
    opening.fail()
    assert found[0].check(ConnectFailed)
    assert rig.outcomes[0].reason == "connect-failed"
    check_rest(rig)


def test_what_is_no_request_is_refused() -> None:
    """
    A header that no client could send is no header here either.
    """
    rig, agent = make_agent()
    headers = Headers()
    headers.addRawHeader("host", "a b")
    assert results(agent.request(b"GET", URL.encode(), headers))[0].check(ClientError)
    assert rig.openings() == []


def test_bodies_of_known_length() -> None:
    """
    treq's data goes with its length; a 1xx answer is no answer yet.
    """
    rig, agent = make_agent()
    found = results(HTTPClient(agent).put(URL, data=b"0123456789"))
    rig.advance(1)
    member = rig.accept()
    assert not found
    member.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    member.send(OK)
    assert found[0].code == 200


def test_bodies_of_unknown_length_are_chunked_and_wait() -> None:
    """
    A producer is paused while the member does not take what it sends.
    """
    rig, agent = make_agent()
    body = Body()
    found = results(agent.request(b"POST", URL.encode(), None, body))
    member = rig.accept()
    assert b"\r\nTransfer-Encoding: chunked\r\n" in member.taken()
    body.consumer.write(b"hello")
    assert member.taken() == b"5\r\nhello\r\n"
    member.room = 0
    body.consumer.write(b"x" * 100_000)
    assert body.calls == ["pause"]
    member.take()
    assert body.calls == ["pause", "resume"]
    member.taken()
    body.sent.callback(None)
    assert member.taken() == b"0\r\n\r\n"
    member.send(OK)
    assert found[0].code == 200
    check_rest(rig)


@pytest.mark.parametrize(
    "act",
    [
        lambda body: body.consumer.write(b"12345678901"),
        lambda body: (body.consumer.write(b"1"), body.sent.callback(None)),
        lambda body: body.sent.errback(ClientError("it broke")),
    ],
)
def test_a_body_that_is_not_as_announced(act) -> None:
    """
    A wrong length never reaches the member as a request: the connection is given up.
    """
    rig, agent = make_agent()
    body = Body(10)
    found = results(agent.request(b"POST", URL.encode(), None, body))
    member = rig.accept()
    act(body)
    rig.advance(0)
    assert found[0].check(ClientError)
    assert member.ended == "aborted"
    assert len(body_of(member.taken())) < 10
    body.consumer.write(b"too late")
    check_rest(rig)


def test_the_answers_body_waits_for_its_reader() -> None:
    """
    Before deliverBody the member is paused; then its body flows, and can be paused again.
    """
    rig, agent = make_agent()
    found = results(agent.request(b"GET", URL.encode()))
    member = rig.accept()
    member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01")
    member.send(b"23")
    (response,) = found
    assert verifyObject(IResponse, response)
    assert response.length == 10
    assert response.headers.getRawHeaders("content-length") == ["10"]
    assert not member.reading
    reader = Reader()
    response.deliverBody(reader)
    rig.advance(0)
    assert reader.data == b"0123"
    reader.transport.pauseProducing()
    assert not member.reading
    reader.transport.resumeProducing()
    member.send(b"456789")
    assert (reader.data, reader.ends) == (b"0123456789", [ResponseDone])
    with pytest.raises(RuntimeError):
        response.deliverBody(Reader())
    check_rest(rig)


def test_lengths() -> None:
    """
    The length is the member's word, 0 where there can be no body, else unknown.
    """
    rig, agent = make_agent()
    results(agent.request(b"GET", URL.encode()))
    member = rig.accept()
    member.send(OK)
    for method, answer, length in (
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 0),
        (b"GET", b"HTTP/1.1 204 No\r\n\r\n", 0),
        (b"GET", b"HTTP/1.1 200 OK\r\n\r\nendless", UNKNOWN_LENGTH),
    ):
        found = results(agent.request(method, URL.encode()))
        member.send(answer)
        assert found[0].length == length
    found[0].setPreviousResponse(None)


def test_a_broken_answer_fails_its_body() -> None:
    """
    A body that ends early ends with ResponseFailed.
    """
    rig, agent = make_agent()
    found = results(agent.request(b"GET", URL.encode()))
    member = rig.accept()
    member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01")
    reader = Reader()
    found[0].deliverBody(reader)
    member.reset()
    assert (reader.data, reader.ends) == (b"01", [ResponseFailed])
    check_rest(rig)


@pytest.mark.parametrize("how", ["stopProducing", "loseConnection", "abortConnection"])
def test_a_reader_may_leave(how) -> None:
    """
    Who wants no more of a body lets the member go, unblamed.
    """
    rig, agent = make_agent(member="maxfails=1")
    found = results(agent.request(b"GET", URL.encode()))
    member = rig.accept()
    member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01")
    reader = Reader()
    found[0].deliverBody(reader)
    getattr(reader.transport, how)()
    getattr(reader.transport, how)()
    rig.advance(0)
    assert reader.ends == [ResponseFailed]
    assert member.ended == "aborted"
    assert rig.balancer().members[0].failures == []
    check_rest(rig)


def test_a_caller_may_cancel() -> None:
    """
    Cancelling the Deferred ends the exchange and its body.
    """
    rig, agent = make_agent()
    body = Body()
    deferred = agent.request(b"POST", URL.encode(), None, body)
    found = results(deferred)
    member = rig.accept()
    deferred.cancel()
    rig.advance(0)
    assert found[0].check(CancelledError)
    assert body.calls == ["stop"]
    assert member.ended == "aborted"
    assert rig.outcomes[0].reason == "client-gone"
    check_rest(rig)


def test_a_body_is_not_begun_for_nobody() -> None:
    """
    Where there is no member, the body is not asked for; one that is done at once is sent.
    """
    rig, agent = make_agent(member="status=+D")
    body = Body()
    found = results(agent.request(b"POST", URL.encode(), None, body))
    assert found[0].value.reason == "no-member"
    assert not hasattr(body, "consumer")
    rig, agent = make_agent()
    body = Body(0)
    body.startProducing = lambda consumer: succeed(None)
    agent.request(b"POST", URL.encode(), None, body)
    assert b"\r\nContent-Length: 0\r\n" in rig.accept().taken()
    body.startProducing = lambda consumer: fail(ClientError("broken"))
    assert results(agent.request(b"POST", URL.encode(), None, body))[0].check(ClientError)


def test_an_open_breaker_is_an_error_for_the_caller() -> None:
    """
    No member is asked.
    """
    rig, agent = make_agent(balancer="breaker-percent = 50\nbreaker-requests = 1")
    rig.balancer().lost(ConnectFailed("refused"), 0.0)
    (failure,) = results(agent.request(b"GET", URL.encode()))
    assert failure.check(BreakerOpen)
    assert rig.openings() == []
