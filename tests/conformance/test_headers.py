"""
Headers: what members hear of clients, and clients of members.
"""

from __future__ import annotations

import pytest

from tests.conformance.conftest import Balance, Starter, both
from tests.conformance.wire import Answer, Member, MemberSide, Request, answers

pytestmark = pytest.mark.conformance


def answer_with(*lines: bytes, status: bytes = b"200 OK") -> bytes:
    return b"\r\n".join((b"HTTP/1.1 " + status, *lines, b"Content-Length: 0", b"", b""))


def asked(live: Balance, *lines: bytes, start: bytes = b"GET / HTTP/1.1") -> Request:
    """
    Ask, and return the request as the member got it.
    """
    assert live.ask(*lines, start=start).status == 200
    assert live.member is not None
    return live.member.request()


def got(live: Balance, *lines: bytes) -> Answer:
    """
    Ask, and return the answer.
    """
    answer = live.ask(*lines)
    assert isinstance(answer, Answer)
    return answer


def test_H3_lines_pass_in_order(balance: Starter) -> None:
    """
    Lines keep their case, order and number, empty ones too; Apache merges repeated ones (H3).
    """
    lines = [b"x-b: 1", b"Accept: */*", b"X-A: 2", b"X-b: 3", b"X-Empty:", b"ACCEPT: text/html"]
    request = asked(balance(), *lines)
    raw = request.raw.split(b"\r\n")
    assert raw[0] == b"GET / HTTP/1.1"
    assert raw[1].startswith(b"Host: ")
    assert raw[2 : 2 + len(lines)] == lines


def test_X27_cookies_stay_apart(balance: Starter) -> None:
    """
    X27: two Cookie lines stay two; Apache makes one with a comma of them.
    """
    request = asked(balance(), b"Cookie: a=1", b"Cookie: b=2")
    assert request.all("Cookie") == [b"a=1", b"b=2"]


def test_H4_hop_by_hop(balance: Starter) -> None:
    """
    H4: what concerns one connection, and what Connection names, goes no further.
    """
    request = asked(
        balance(),
        b"Connection: keep-alive, X-Mine, cookie",
        b"Keep-Alive: timeout=9",
        b"Proxy-Connection: keep-alive",
        b"TE: trailers",
        b"Trailer: X",
        b"X-Mine: 1",
        b"Cookie: a=b",
        b"Proxy-Authorization: Basic eA==",
        b"Range: bytes=0-1",
        b"Accept-Encoding: gzip",
        b"X-Real-IP: 192.0.2.1",
    )
    *names, last = [name for name, _ in request.headers if not name.startswith(b"X-Forwarded")]
    assert names == [b"Host", b"Proxy-Authorization", b"Range", b"Accept-Encoding", b"X-Real-IP"]
    assert (last, request.get("Connection")) == (b"Connection", b"Keep-Alive")


def test_H2_host(balance: Starter) -> None:
    """
    H2: the member's own host and port, or with preservehost the client's.
    """
    live = balance()
    assert live.member is not None
    assert asked(live).get("Host") == b"127.0.0.1:%d" % live.member.port
    kept = balance(mount="preservehost = On")
    assert asked(kept).get("Host") == b"www.example.com"
    absolute = asked(kept, start=b"GET http://other.example:81/x HTTP/1.1")
    assert absolute.get("Host") == b"other.example:81"
    assert absolute.get("X-Forwarded-Host") == b"other.example:81"
    assert absolute.start == b"GET /x HTTP/1.1"
    client = kept.client()
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    assert client.answer().status == 200
    assert kept.member is not None
    request = kept.member.request()
    assert request.get("Host") == b"proxy.example"
    assert request.get("X-Forwarded-Host") is None


@both
def test_H5_forwarded_for(balance: Starter) -> None:
    """
    H5: -For, -Host and -Server are appended to; -Proto is ours alone, and new against Apache.
    """
    live = balance()
    request = asked(live)
    assert request.get("X-Forwarded-For") == b"127.0.0.1"
    assert request.get("X-Forwarded-Host") == b"www.example.com"
    assert request.get("X-Forwarded-Server") == b"proxy.example"
    assert request.get("X-Forwarded-Proto") == b"http"
    request = asked(
        live,
        b"X-Forwarded-For: 192.0.2.1",
        b"x-forwarded-for: 192.0.2.2",
        b"X-Forwarded-Host: a.example",
        b"X-Forwarded-Server: b.example",
        b"X-Forwarded-Proto: https",
    )
    assert request.get("X-Forwarded-For") == b"192.0.2.1, 192.0.2.2, 127.0.0.1"
    assert request.get("X-Forwarded-Host") == b"a.example, www.example.com"
    assert request.get("X-Forwarded-Server") == b"b.example, proxy.example"
    assert request.get("X-Forwarded-Proto") == b"http"


def test_H5_named_in_connection(balance: Starter) -> None:
    """
    H4: a client's X-Forwarded-For that Connection names is dropped, and ours is there.
    """
    request = asked(balance(), b"X-Forwarded-For: 192.0.2.1", b"Connection: close, X-Forwarded-For")
    assert request.get("X-Forwarded-For") == b"127.0.0.1"


@both
def test_H5_addheaders_off(balance: Starter) -> None:
    """
    H5: addheaders = Off adds nothing, and leaves what came.
    """
    live = balance(mount="addheaders = Off")
    assert [name for name, _ in asked(live).headers] == [b"Host", b"Connection"]
    assert asked(live, b"X-Forwarded-For: 192.0.2.1").get("X-Forwarded-For") == b"192.0.2.1"


@both
def test_forwarded(balance: Starter) -> None:
    """
    forwarded = On: RFC 7239, behind what came.
    """
    live = balance(mount="forwarded = On")
    request = asked(live, b"Forwarded: for=192.0.2.1")
    assert request.get("Forwarded") == (
        b"for=192.0.2.1, for=127.0.0.1;host=www.example.com;proto=http"
    )
    assert asked(balance(), b"Forwarded: for=a").get("Forwarded") == b"for=a"


@pytest.mark.parametrize(
    ("mode", "to_member", "to_client"),
    [
        ("off", [b"1.0 a"], [b"1.1 b"]),
        ("on", [b"1.0 a, 1.1 proxy.example"], [b"1.1 b", b"1.1 proxy.example"]),
        (
            "full",
            [b"1.0 a, 1.1 proxy.example (txbalancer)"],
            [b"1.1 b", b"1.1 proxy.example (txbalancer)"],
        ),
        ("block", [], []),
    ],
)
def test_H6_via(
    balance: Starter, mode: str, to_member: list[bytes], to_client: list[bytes]
) -> None:
    """
    H6: the modes of Via, both ways; block removes it in answers, too (X30).
    """
    live = balance(answers(answer_with(b"Via: 1.1 b")), mount=f"via = {mode}")
    answer = got(live, b"Via: 1.0 a")
    assert live.member is not None
    assert live.member.request().all("Via") == to_member
    assert answer.all("Via") == to_client


def test_H6_via_tells_the_version(balance: Starter) -> None:
    """
    H6: Via names the version in which the message came.
    """
    live = balance(answers(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"), mount="via = on")
    answer = live.ask(start=b"GET / HTTP/1.0")
    assert live.member is not None
    assert live.member.request().get("Via") == b"1.0 proxy.example"
    assert answer.get("Via") == b"1.0 proxy.example"


@both
@pytest.mark.parametrize(
    ("method", "hops", "status", "passed"),
    [
        (b"GET", b"10", 200, b"9"),
        (b"GET", b"1", 200, b"0"),
        (b"GET", b"0", 400, None),
        (b"TRACE", b"0", 400, None),
        (b"OPTIONS", b"0", 200, None),
        (b"OPTIONS", b"2", 200, b"1"),
        (b"GET", b"x", 400, None),
        (b"GET", b"-1", 400, None),
        (b"GET", b"", 400, None),
    ],
)
def test_H8_max_forwards(
    balance: Starter, method: bytes, hops: bytes, status: int, passed: bytes | None
) -> None:
    """
    H8: counted down; at 0 OPTIONS is answered here, others are refused. TRACE is not answered
    here as Apache does, for its answer would show cookies.
    """
    live = balance()
    answer = live.ask(b"Max-Forwards: " + hops, start=method + b" / HTTP/1.1")
    assert answer.status == status
    assert live.member is not None
    if passed is None:
        assert live.member.received == b""
    else:
        assert live.member.request().get("Max-Forwards") == passed


@both
def test_H9_methods(balance: Starter) -> None:
    """
    H9: unknown methods and TRACE are forwarded; OPTIONS * is answered here.
    """
    live = balance()
    for method in (b"TRACE", b"PROPFIND", b"WHATEVER", b"get", b"DELETE"):
        assert asked(live, start=method + b" /a HTTP/1.1").start == method + b" /a HTTP/1.1"
    assert live.ask(start=b"OPTIONS * HTTP/1.1").get("Allow") is not None
    assert live.member is not None
    assert live.member.requests.empty()


@both
@pytest.mark.parametrize(
    ("mode", "passed"), [("drop", None), ("keep", b"1"), ("refuse", b"refused")]
)
def test_underscores(balance: Starter, mode: str, passed: bytes | None) -> None:
    """
    Names with an underscore: dropped, kept or refused.
    """
    live = balance(listener=f"underscores = {mode}")
    answer = live.ask(b"X_A: 1")
    assert answer.status == (400 if mode == "refuse" else 200)
    if mode != "refuse":
        assert live.member is not None
        assert live.member.request().get("X_A") == passed


# -- answers


def test_H31_answers(balance: Starter) -> None:
    """
    H31: hop-by-hop headers end here; Date, Server, repeated lines and their order stay.
    """
    live = balance(
        answers(
            answer_with(
                b"Date: Thu, 01 Jan 1970 00:00:00 GMT",
                b"server: Mine/1",
                b"Connection: keep-alive, X-Mine",
                b"X-Mine: 1",
                b"Keep-Alive: timeout=5",
                b"Proxy-Authenticate: Basic",
                b"Upgrade: h2c",
                b"Trailer: X",
                b"Set-Cookie: a=1; Path=/",
                b"X-A: 1",
                b"Set-Cookie: b=2",
                b"x-a: 2",
                b"WWW-Authenticate: Basic",
                b"X_A: 3",
            )
        )
    )
    answer = got(live)
    assert answer.headers == [
        (b"Date", b"Thu, 01 Jan 1970 00:00:00 GMT"),
        (b"server", b"Mine/1"),
        (b"Set-Cookie", b"a=1; Path=/"),
        (b"X-A", b"1"),
        (b"Set-Cookie", b"b=2"),
        (b"x-a", b"2"),
        (b"WWW-Authenticate", b"Basic"),
        (b"X_A", b"3"),
        (b"Content-Length", b"0"),
    ]


@both
def test_H31_date_is_added(balance: Starter) -> None:
    """
    H31: an answer without Date gets one, but no Server of ours.
    """
    answer = got(balance(answers(answer_with())))
    date = answer.get("Date")
    assert date is not None
    assert date.endswith(b" GMT")
    assert answer.get("Server") is None


LOCATIONS = [
    (b"/in/x", b"/in/x"),
    (b"http://127.0.0.1:PORT/x?y=z", b"http://www.example.com/x?y=z"),
    (b"HTTP://127.0.0.1:PORT/X", b"http://www.example.com/X"),
    (b"http://127.0.0.1:PORT", b"http://www.example.com/"),
    (b"http://127.0.0.1:PORT1/x", b"http://127.0.0.1:PORT1/x"),
    (b"http://elsewhere.example/x", b"http://elsewhere.example/x"),
    (b"https://127.0.0.1:PORT/x", b"https://127.0.0.1:PORT/x"),
    (b"relative", b"relative"),
]


@both
@pytest.mark.parametrize("name", [b"Location", b"Content-Location", b"URI", b"Destination"])
def test_H60_locations(balance: Starter, name: bytes) -> None:
    """
    H60 to H64: what a member calls itself becomes what its client called, in four headers.
    """

    def script(side: MemberSide) -> None:
        for said, _ in LOCATIONS:
            side.read()
            side.send(answer_with(name + b": " + said.replace(b"PORT", b"%d" % member.port)))

    member = Member(script)
    client = balance(member).client()
    for _, told in LOCATIONS:
        answer = client.ask()
        assert answer.get(name.decode()) == told.replace(b"PORT", b"%d" % member.port)


@both
def test_H63_any_member(balance: Starter) -> None:
    """
    H63: a member may name another member of its balancer.
    """
    other = Member()
    location = b"Location: http://127.0.0.1:%d/x" % other.port
    live = balance(answers(answer_with(location, status=b"302 Found")), other)
    answers_ = [live.ask() for _ in range(2)]
    assert [each.get("Location") for each in answers_ if each.status == 302] == [
        b"http://www.example.com/x"
    ]


@both
def test_reverse_off(balance: Starter) -> None:
    """
    reverse = no leaves them alone.
    """
    text = answer_with(b"Location: http://127.0.0.1:1/x")
    assert got(balance(answers(text), mount="reverse = no")).get("Location") == (
        b"http://127.0.0.1:1/x"
    )


@both
def test_H65_cookies(balance: Starter) -> None:
    """
    H65: Domain and Path of each Set-Cookie, in any case, with the other parts untouched.
    """
    live = balance(
        answers(
            answer_with(
                b"Set-Cookie: a=/app; Path=/app; Secure; domain=Internal.Example",
                b"Set-Cookie: b=2; PATH=/other; Domain=evil.example",
                b"set-cookie: c=3; path=/app/x",
                b"Set-Cookie: d=4; Path=/apple",
            )
        ),
        mount="reverse-cookie-path = /app /\nreverse-cookie-domain = internal.example www.example",
    )
    assert got(live).all("Set-Cookie") == [
        b"a=/app; Path=/; Secure; domain=www.example",
        b"b=2; PATH=/other; Domain=evil.example",
        b"c=3; path=/",
        b"d=4; Path=/apple",
    ]
