"""
Header lines to members and to clients: APACHE items H2 to H8, H31, H60 and H65.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.headers import (
    FORWARDING,
    REVERSED,
    HeaderRules,
    hops_left,
    request_lines,
    response_lines,
)
from txbalancer.core.request import Peer
from txbalancer.core.reverse import ReverseMap, plain_rule
from txbalancer.core.specs import MountSpec, ToBalancer
from txbalancer.errors import ClientError

LINES = [b"User-Agent: u", b"Cookie: a=1", b"Cookie: b=2", b"X-Empty:"]


def rules(**options: Any) -> HeaderRules:
    """
    Compile the header options of a mount.
    """
    return HeaderRules(MountSpec("/", "/", ToBalancer("n"), **options))


def peer(client: str = "192.0.2.7", secure: bool = False) -> Peer:
    """
    Make a client's end of a connection.
    """
    return Peer(client, 4711, "web", secure, b"lb.example")


def sent(
    noted: dict[bytes, bytes] | None = None,
    client: Peer | None = None,
    host: bytes = b"shop.example",
    **options: Any,
) -> list[bytes]:
    """
    Make the lines of a request to the member m:9001.
    """
    made = request_lines(LINES, noted or {}, rules(**options), client or peer(), host, b"m:9001")
    return split(made)


def split(made: list[bytes]) -> list[bytes]:
    """
    Return lines one by one: those that are always the same may come as one.
    """
    return b"\r\n".join(made).split(b"\r\n")


def added(
    noted: dict[bytes, bytes] | None = None,
    client: Peer | None = None,
    host: bytes = b"shop.example",
    **options: Any,
) -> list[bytes]:
    """
    Make the lines of a request and return those after the client's own.
    """
    made = sent(noted, client, host, **options)
    assert made[1 : len(LINES) + 1] == LINES
    return made[len(LINES) + 1 :]


USUAL = [
    b"X-Forwarded-For: 192.0.2.7",
    b"X-Forwarded-Host: shop.example",
    b"X-Forwarded-Server: lb.example",
    b"X-Forwarded-Proto: http",
]


def test_H2_host() -> None:
    """
    Host comes first: the member's, or the client's if it is to be preserved.
    """
    assert sent()[0] == b"Host: m:9001"
    assert sent(preservehost=True)[0] == b"Host: shop.example"
    assert sent(preservehost=True, host=b"")[0] == b"Host: lb.example"


def test_H3_lines_stay_as_they_are() -> None:
    """
    The client's lines keep their order, names and repetitions, and stay usable for a retry.
    """
    assert sent() == [b"Host: m:9001", *LINES, *USUAL]
    assert sent() is not LINES


def test_H5_usual_request() -> None:
    """
    A request straight from a client gets four lines, the same by the short and the long way.
    """
    assert added() == USUAL
    assert added({b"via": b"1.1 x"}, via="block") == USUAL
    assert added({b"connection": b"keep-alive", b"host": b"shop.example"}) == USUAL


def test_H5_values_are_appended() -> None:
    """
    Earlier proxies stand before us; what was said of the scheme is replaced.
    """
    noted = {
        b"x-forwarded-for": b"198.51.100.1",
        b"x-forwarded-host": b"old.example",
        b"x-forwarded-server": b"edge",
        b"x-forwarded-proto": b"gopher",
    }
    assert added(noted, peer(secure=True)) == [
        b"X-Forwarded-For: 198.51.100.1, 192.0.2.7",
        b"X-Forwarded-Host: old.example, shop.example",
        b"X-Forwarded-Server: edge, lb.example",
        b"X-Forwarded-Proto: https",
    ]


def test_H5_without_host() -> None:
    """
    Without Host there is no X-Forwarded-Host.
    """
    assert added(host=b"") == [USUAL[0], *USUAL[2:]]


def test_unix_client_has_no_address() -> None:
    """
    A client on a unix socket adds nothing to X-Forwarded-For.
    """
    assert added(client=peer("")) == USUAL[1:]
    noted = {b"x-forwarded-for": b"198.51.100.1"}
    assert added(noted, peer("")) == [b"X-Forwarded-For: 198.51.100.1", *USUAL[1:]]


def test_H5_addproto_off() -> None:
    """
    Without addproto, as in Apache, what the client says in X-Forwarded-Proto passes.
    """
    assert added(addproto=False) == USUAL[:3]
    noted = {b"x-forwarded-proto": b"https"}
    assert added(noted, addproto=False) == [*USUAL[:3], b"X-Forwarded-Proto: https"]


def test_H5_addheaders_off() -> None:
    """
    With ProxyAddHeaders off the client's values pass unchanged and none are added.
    """
    assert added(addheaders=False) == []
    noted = {b"x-forwarded-for": b"198.51.100.1", b"x-forwarded-proto": b"gopher"}
    assert added(noted, addheaders=False) == [
        b"X-Forwarded-For: 198.51.100.1",
        b"X-Forwarded-Proto: gopher",
    ]


@pytest.mark.parametrize(
    ("via", "old", "expected"),
    [
        ("off", None, []),
        ("off", b"1.0 a", [b"Via: 1.0 a"]),
        ("on", None, [b"Via: 1.1 lb.example"]),
        ("on", b"1.0 a", [b"Via: 1.0 a, 1.1 lb.example"]),
        ("full", None, [b"Via: 1.1 lb.example (txbalancer)"]),
        ("block", b"1.0 a", []),
    ],
)
def test_H6_via_to_the_member(via: str, old: bytes | None, expected: list[bytes]) -> None:
    """
    Via is left, appended to, or removed.
    """
    noted = {b"via": old} if old else {}
    assert added(noted, addheaders=False, via=via) == expected


def test_H6_via_tells_the_clients_version() -> None:
    """
    Via names the protocol version that the client spoke.
    """
    made = request_lines([], {}, rules(via="on"), peer(), b"h", b"m", b"1.0")
    assert b"Via: 1.0 lb.example" in made


@pytest.mark.parametrize(
    ("client", "host", "expected"),
    [
        ("192.0.2.7", b"h", b"for=192.0.2.7;host=h;proto=http"),
        ("192.0.2.7", b"h:80", b'for=192.0.2.7;host="h:80";proto=http'),
        ("2001:db8::7", b"", b'for="[2001:db8::7]";proto=http'),
        ("fe80::1%eth0", b"", b'for="[fe80::1]";proto=http'),
        ("", b"", b"for=unknown;proto=http"),
        ("192.0.2.7", b'a"\\', b'for=192.0.2.7;host="a\\"\\\\";proto=http'),
    ],
)
def test_forwarded(client: str, host: bytes, expected: bytes) -> None:
    """
    Forwarded describes the hop, quoted where RFC 7239 wants quotes.
    """
    made = added({}, peer(client), host, forwarded=True, addheaders=False)
    assert made == [b"Forwarded: " + expected]


def test_forwarded_is_appended() -> None:
    """
    Forwarded grows like X-Forwarded-For; where it is not wanted the client's passes.
    """
    noted = {b"forwarded": b"for=a"}
    made = added(noted, peer(secure=True), forwarded=True, addheaders=False)
    assert made == [b"Forwarded: for=a, for=192.0.2.7;host=shop.example;proto=https"]
    assert added(noted)[-1] == b"Forwarded: for=a"


def test_H8_max_forwards() -> None:
    """
    Max-Forwards counts down and ends a circle.
    """
    assert added({b"max-forwards": b"7"})[0] == b"Max-Forwards: 6"
    assert hops_left(b"0") == 0
    for wrong in (b"0", b"", b"-1", b"x", b"1" * 11):
        with pytest.raises(ClientError) as caught:
            sent({b"max-forwards": wrong})
        assert caught.value.status == 400


def answered(
    lines: list[bytes],
    noted: dict[bytes, bytes],
    reverse: ReverseMap | None = None,
    secure: bool = False,
    **options: Any,
) -> list[bytes]:
    """
    Make the lines of an answer to a client that asked shop.example:8080.
    """
    client = peer(secure=secure)
    return response_lines(lines, noted, rules(**options), reverse, client, b"shop.example:8080")


def test_plain_answers_are_not_copied() -> None:
    """
    An answer with nothing to change costs nothing; Date and Server are the member's.
    """
    lines = [b"Date: d", b"Server: s", b"Set-Cookie: a=1; Path=/app"]
    assert answered(lines, {b"content-length": b"3"}) is lines


def test_H60_locations() -> None:
    """
    The four headers that tell places are rewritten, and pass if no rule is there.
    """
    noted = {name: b"http://m:9001/x" for name, _ in REVERSED}
    reverse = ReverseMap([plain_rule("/app", "http://m:9001")])
    assert answered([b"A: b"], noted, reverse, secure=True) == [
        b"A: b",
        b"Location: https://shop.example:8080/app/x",
        b"Content-Location: https://shop.example:8080/app/x",
        b"URI: https://shop.example:8080/app/x",
        b"Destination: https://shop.example:8080/app/x",
    ]
    assert answered([], {b"location": b"http://m:9001/x"}) == [b"Location: http://m:9001/x"]
    made = answered([], {b"location": b"http://m:9001/x"}, reverse)
    assert made == [b"Location: http://shop.example:8080/app/x"]


@pytest.mark.parametrize(
    ("via", "old", "expected"),
    [
        ("off", b"1.0 a", [b"Via: 1.0 a"]),
        ("on", None, [b"Via: 1.1 lb.example"]),
        ("on", b"1.0 a", [b"Via: 1.0 a", b"Via: 1.1 lb.example"]),
        ("full", None, [b"Via: 1.1 lb.example (txbalancer)"]),
        # Apache leaves Via in answers.
        ("block", b"1.0 a", []),
        ("block", None, []),
    ],
)
def test_H6_via_to_the_client(via: str, old: bytes | None, expected: list[bytes]) -> None:
    """
    Via is left, followed by ours, or removed in this direction as well.
    """
    assert answered([], {b"via": old} if old else {}, via=via) == expected


def test_H65_cookie_lines() -> None:
    """
    Each Set-Cookie line is rewritten by itself, in place; others are not touched.
    """
    lines = [b"Set-Cookie: a=1; Path=/app", b"X: Path=/app", b"set-cookie:b=1;domain=int"]
    made = answered(
        lines, {}, reverse_cookie_path=(("/app", "/pub"),), reverse_cookie_domain=(("int", "ext"),)
    )
    assert made == [b"Set-Cookie: a=1; Path=/pub", b"X: Path=/app", b"set-cookie:b=1;domain=ext"]
    assert answered(lines[:1], {}, reverse_cookie_path=(("/app", "/pub"),)) == made[:1]
    assert answered(lines[2:], {}, reverse_cookie_domain=(("int", "ext"),)) == made[2:]


TEXT = st.binary(max_size=12).map(lambda value: value.translate(None, b"\r\n"))
NAMES = st.sampled_from(sorted(FORWARDING - {b"max-forwards"}))
HOP_BY_HOP = [b"connection", b"te", b"upgrade", b"transfer-encoding", b"content-length", b"host"]
NOTED = st.dictionaries(st.one_of(NAMES, st.sampled_from(HOP_BY_HOP)), TEXT, max_size=6)
OPTIONS = st.fixed_dictionaries(
    {
        "addheaders": st.booleans(),
        "addproto": st.booleans(),
        "forwarded": st.booleans(),
        "preservehost": st.booleans(),
        "via": st.sampled_from(["off", "on", "full", "block"]),
    }
)
KEPT = st.lists(TEXT.map(b"X-Kept: ".__add__), max_size=4)


def note(lines: list[bytes]) -> tuple[list[bytes], dict[bytes, bytes]]:
    """
    Read lines back as a parser does.
    """
    kept, noted = [], {}
    for line in lines:
        name, _, value = line.partition(b": ")
        if name.lower() in FORWARDING or name == b"Host":
            noted[name.lower()] = value
        else:
            kept.append(line)
    return kept, noted


@given(KEPT, NOTED, OPTIONS, TEXT, st.booleans())
def test_requests_in_general(
    lines: list[bytes], noted: dict[bytes, bytes], options: dict[str, Any], host: bytes, tls: bool
) -> None:
    """
    Nothing of one connection passes, order stays, no name comes twice, no line can be made up.
    """
    before = lines.copy()
    made = split(request_lines(lines, noted, rules(**options), peer(secure=tls), host, b"m"))
    assert lines == before
    assert made[1 : len(lines) + 1] == lines
    names = [line.partition(b":")[0].lower() for line in [made[0], *made[len(lines) + 1 :]]]
    assert len(set(names)) == len(names)
    assert set(names) <= FORWARDING | {b"host"}
    assert not any(b"\r" in line or b"\n" in line for line in made)


@given(KEPT, NOTED, TEXT)
def test_an_untouching_mount_is_idempotent(
    lines: list[bytes], noted: dict[bytes, bytes], host: bytes
) -> None:
    """
    With everything off, passing twice is passing once.
    """
    off = rules(addheaders=False)
    once = request_lines(lines, noted, off, peer(), host, b"m")
    kept, again = note(once)
    assert request_lines(kept, again, off, peer(), host, b"m") == once


@given(KEPT, NOTED, OPTIONS, st.booleans())
def test_the_short_way_is_the_long_way(
    lines: list[bytes], noted: dict[bytes, bytes], options: dict[str, Any], tls: bool
) -> None:
    """
    The shortcut for usual requests gives what the general rules give.
    """
    short = rules(**options)
    long = rules(**options)
    long.plain_request = long.plain_answer = False
    client = peer(secure=tls)
    made = request_lines(lines, noted, short, client, b"h", b"m")
    assert split(made) == request_lines(lines, noted, long, client, b"h", b"m")
    assert response_lines(lines, noted, short, None, client, b"h") == response_lines(
        lines, noted, long, None, client, b"h"
    )


def test_a_peer_is_introduced_by_the_mounts_own_name() -> None:
    """
    On one connection, mounts of several names may take turns.
    """
    client = peer()
    for name in ("", "one.test", "one.test", "two.test", ""):
        server = name.encode() or b"lb.example"
        assert added(client=client, server_name=name)[2] == b"X-Forwarded-Server: " + server
    assert added(client=client, addproto=False) == USUAL[:3]
    assert added(client=client) == USUAL
