"""
Heads of HTTP/2: the same values as from HTTP/1, as strictly.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.errors import BadResponse, BalancerError, ClientError
from txbalancer.http1.heads import CHUNKED, NO_BODY
from txbalancer.http1.limits import Limits
from txbalancer.http1.requests import parse_request, valid_host
from txbalancer.http2.faults import Malformed
from txbalancer.http2.heads import read_request, read_response, read_trailers

Field = tuple[bytes, bytes]
USUAL: list[Field] = [
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":authority", b"a.test"),
    (b":path", b"/x?y=1"),
]


def request(*more: Field, ended: bool = True, limits: Limits | None = None, **pseudo: Any) -> Any:
    """
    Read a request with other pseudo headers than usual, C{None} for one that is left out.
    """
    fields = [
        (name, pseudo.get(name[1:].decode(), value))
        for name, value in USUAL
        if pseudo.get(name[1:].decode(), value) is not None
    ]
    return read_request([*fields, *more], ended, limits or Limits())


def test_a_request() -> None:
    """
    Pseudo headers become what a request line says, fields become lines.
    """
    head = request((b"accept", b"*/*"), (b"user-agent", b"t"), (b"x-own", b"1"))
    assert (head.method, head.path, head.query, head.host) == (b"GET", b"/x", b"y=1", b"a.test")
    assert (head.target, head.version, head.minor) == (b"/x?y=1", b"2.0", 1)
    assert head.lines == [b"accept: */*", b"user-agent: t", b"x-own: 1"]
    assert head.noted == {b"host": b"a.test", b"user-agent": b"t"}
    assert head.body == NO_BODY
    assert head.keep_alive
    assert (head.upgrade, head.expects, head.trace) == (b"", False, b"")


def test_it_is_what_http1_has() -> None:
    """
    Whoever reads the head need not know how it came.
    """
    fields = [
        (b"cookie", b"a=b"),
        (b"x-forwarded-for", b"1.2.3.4"),
        (b"accept", b"*/*"),
        (b"content-length", b"3"),
        (b"x_y", b"1"),
    ]
    ours = request(*fields, method=b"POST", ended=False)
    text = b"POST /x?y=1 HTTP/1.1\r\nhost: a.test\r\n" + b"\r\n".join(
        name + b": " + value for name, value in fields
    )
    theirs = parse_request(text, Limits())
    for name in ("method", "path", "query", "host", "target", "lines", "body", "noted"):
        assert getattr(ours, name) == getattr(theirs, name), name


def test_crumbs_of_a_cookie_are_joined() -> None:
    """
    A cookie that came in pieces is one line (RFC 9113 8.2.3).
    """
    head = request((b"cookie", b"a=b"), (b"accept", b"*/*"), (b"cookie", b"c=d"))
    assert head.lines == [b"accept: */*", b"cookie: a=b; c=d"]
    assert head.header(b"cookie") == b"a=b; c=d"


@pytest.mark.parametrize(
    ("fields", "ended", "body"),
    [
        ((), True, NO_BODY),
        ((), False, CHUNKED),
        (((b"content-length", b"5"),), False, 5),
        (((b"content-length", b"0"),), True, 0),
    ],
)
def test_bodies(fields: tuple[Field, ...], ended: bool, body: int) -> None:
    """
    A body is of the length that is announced, or of any.
    """
    assert request(*fields, ended=ended).body == body


def test_expectations() -> None:
    """
    100 (Continue) is expected only where there is a body; nothing else can be.
    """
    assert request((b"expect", b"100-continue"), ended=False).expects
    assert not request((b"expect", b"100-Continue")).expects
    with pytest.raises(ClientError) as caught:
        request((b"expect", b"more"))
    assert caught.value.status == 417


@pytest.mark.parametrize(
    "fields",
    [
        ((b"Accept", b"*/*"),),
        ((b"", b"x"),),
        ((b"a b", b"x"),),
        ((b"a:b", b"x"),),
        ((b"a\r\nb", b"x"),),
        ((b":path", b"/"),),
        ((b"accept", b"x"), (b":method", b"GET")),
        ((b":unknown", b"x"),),
        ((b"connection", b"close"),),
        ((b"connection", b"keep-alive"),),
        ((b"keep-alive", b"1"),),
        ((b"proxy-connection", b"close"),),
        ((b"transfer-encoding", b"chunked"),),
        ((b"upgrade", b"h2c"),),
        ((b"te", b"gzip"),),
        ((b"te", b"trailers, deflate"),),
        ((b"x", b" y"),),
        ((b"x", b"y\t"),),
        ((b"x", b"a\r\nb: c"),),
        ((b"x", b"a\nb"),),
        ((b"x", b"a\x00b"),),
        ((b"content-length", b"1"),),
        ((b"content-length", b"x"),),
        ((b"content-length", b"-1"),),
        ((b"content-length", b"0"), (b"content-length", b"0")),
        ((b"host", b"b.test"),),
        ((b"host", b"a.test"), (b"host", b"a.test")),
    ],
)
def test_malformed_fields(fields: tuple[Field, ...]) -> None:
    """
    What RFC 9113 8.1.1, 8.2 and 8.3 call malformed is, for what it might become in HTTP/1.
    """
    with pytest.raises(Malformed):
        request(*fields)


@pytest.mark.parametrize(
    "pseudo",
    [
        {"method": None},
        {"method": b""},
        {"method": b"G T"},
        {"method": b"GET / HTTP/1.1\r\nx:"},
        {"scheme": None},
        {"scheme": b"ftp"},
        {"path": None},
        {"path": b""},
        {"path": b"x"},
        {"path": b"/ x"},
        {"path": b"/x#y"},
        {"path": b"/\r\n"},
        {"path": b"*"},
        {"path": b"http://a.test/"},
        {"authority": b"user@a.test"},
        {"method": b"CONNECT"},
        {"method": b"CONNECT", "path": None},
        {"method": b"CONNECT", "path": None, "scheme": None, "authority": None},
    ],
)
def test_malformed_pseudo_headers(pseudo: dict[str, Any]) -> None:
    """
    Each pseudo header is there once, and is what a request line could say.
    """
    with pytest.raises(Malformed):
        request(**pseudo)


@pytest.mark.parametrize(
    ("pseudo", "status"),
    [
        ({"authority": None}, 400),
        ({"authority": b""}, 400),
        ({"authority": b"a.test/"}, 400),
        ({"authority": b"a..test:x"}, 400),
        ({"path": b"/" + b"x" * 9000}, 414),
        ({"method": b"CONNECT", "path": None, "scheme": None}, 405),
    ],
)
def test_refused_pseudo_headers(pseudo: dict[str, Any], status: int) -> None:
    """
    What HTTP/1 would answer with an error is answered with the same.
    """
    valid_host(b"")
    with pytest.raises(ClientError) as caught:
        request(**pseudo)
    assert not isinstance(caught.value, Malformed)
    assert caught.value.status == status


def test_options_for_all() -> None:
    """
    C{OPTIONS *} is about this proxy.
    """
    assert request(method=b"OPTIONS", path=b"*").path == b"*"


def test_other_methods() -> None:
    """
    A method need not be known.
    """
    assert request(method=b"PROPFIND").method == b"PROPFIND"


def test_a_host_instead_of_an_authority() -> None:
    """
    Host will do (RFC 9113 8.3.1), and may be beside it if it is the same.
    """
    assert request((b"host", b"b.test"), authority=None).host == b"b.test"
    assert request((b"host", b"A.test")).host == b"a.test"


def test_a_websocket() -> None:
    """
    An extended CONNECT is an Upgrade, and what follows is for the tunnel (RFC 8441).
    """
    fields = [(b":method", b"CONNECT"), (b":protocol", b"websocket"), *USUAL[1:]]
    head = read_request(fields, False, Limits())
    assert (head.method, head.upgrade, head.body) == (b"GET", b"websocket", NO_BODY)
    fields[1] = (b":protocol", b"connect-udp")
    with pytest.raises(ClientError) as caught:
        read_request(fields, False, Limits())
    assert caught.value.status == 501
    for method in (b"GET", b"PATCHY"):
        with pytest.raises(Malformed):
            read_request([(b":method", method), *fields[1:]], False, Limits())


@pytest.mark.parametrize(
    "fields",
    [
        [(b"x-%d" % number, b"y") for number in range(101)],
        [(b"x", b"y" * 20000)],
        [(b"user-agent", b"y" * 20000)],
        [(b"x-%d" % number, b"y" * 10000) for number in range(7)],
    ],
)
def test_heads_that_are_too_large(fields: list[Field]) -> None:
    """
    The listener's limits hold for heads of HTTP/2 too.
    """
    with pytest.raises(ClientError) as caught:
        request(*fields)
    assert caught.value.status == 431


@pytest.mark.parametrize(("size", "fits"), [(150, True), (200, False), (250, False)])
def test_heads_are_as_long_as_in_http1(size: int, fits: bool) -> None:
    """
    A limit below that of a line holds as well, and what is noted and passed on counts once.
    """
    fields = [*USUAL, (b"user-agent", b"y" * size)]
    limits = Limits(head=256)
    if fits:
        read_request(fields, True, limits)
        return
    with pytest.raises(ClientError) as caught:
        read_request(fields, True, limits)
    assert (caught.value.status, str(caught.value)) == (431, "a head over 256 bytes")


def test_many_large_fields_within_the_limits() -> None:
    """
    A head may be large as long as it keeps to each limit.
    """
    assert len(request(*[(b"x-%d" % number, b"y" * 10000) for number in range(6)]).lines) == 6


@pytest.mark.parametrize(
    ("underscores", "lines"), [("drop", [b"a: 1"]), ("keep", [b"x_y: 2", b"a: 1"])]
)
def test_underscores(underscores: str, lines: list[bytes]) -> None:
    """
    Names with an underscore are dropped or kept in their place.
    """
    fields = ((b"x_y", b"2"), (b"user-agent", b"u"), (b"a", b"1"))
    head = request(*fields, limits=Limits(underscores=underscores))
    assert [line for line in head.lines if line[:4] != b"user"] == lines


def test_underscores_can_be_refused() -> None:
    """
    Or such a request is.
    """
    with pytest.raises(ClientError, match="underscore"):
        request((b"x_y", b"2"), limits=Limits(underscores="refuse"))


ANY = st.binary(max_size=12)


@given(
    st.lists(st.tuples(ANY, ANY), max_size=5),
    st.dictionaries(st.sampled_from(["path", "method", "authority", "scheme"]), ANY),
    st.booleans(),
)
def test_nothing_can_divide_a_line(
    fields: list[Field], pseudo: dict[str, bytes], ended: bool
) -> None:
    """
    Whatever fields say, what comes of them can be written as HTTP/1 and read as the same.
    """
    try:
        head = request(*fields, ended=ended, **pseudo)
    except ClientError:
        return
    text = b"%b %b HTTP/1.1\r\nhost: %b" % (head.method, head.target, head.host)
    again = parse_request(b"\r\n".join([text, *head.lines]), Limits(underscores="keep"))
    assert (again.method, again.path, again.query) == (head.method, head.path, head.query)
    assert again.host == head.host
    assert len(again.lines) >= len([line for line in head.lines if line[:6] != b"cookie"])


def test_many_fields_are_not_remembered_for_ever() -> None:
    """
    Verdicts are remembered within bounds.
    """
    from txbalancer.http2 import heads

    for number in range(60):
        request((b"x-long", b"%d" % number + b"y" * 16000))
    assert len(heads._REQUEST._lines) < 60


# -- answers


def answer(*more: Field, status: bytes = b"200", limits: Limits | None = None) -> Any:
    """
    Read the head of an answer.
    """
    return read_response([(b":status", status), *more], limits or Limits())


def test_an_answer() -> None:
    """
    An answer is as if it had come by HTTP/1.1.
    """
    head = answer(
        (b"server", b"t"), (b"content-length", b"7"), (b"location", b"/x"), (b"a_b", b"1")
    )
    assert (head.start, head.status, head.minor) == (b"HTTP/1.1 200 OK", 200, 1)
    assert head.lines == [b"server: t", b"a_b: 1"]
    assert (head.length, head.chunked, head.keep_alive) == (7, False, True)
    assert head.noted == {b"content-length": b"7", b"location": b"/x"}
    assert answer(status=b"299").start == b"HTTP/1.1 299 Status"
    assert answer((b"via", b"1"), (b"via", b"2")).noted == {b"via": b"1, 2"}


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [(b"server", b"t")],
        [(b":status", b"2000")],
        [(b":status", b"abc")],
        [(b":status", b"099")],
        [(b":status", b"101")],
        [(b":status", b"200"), (b":status", b"200")],
        [(b":status", b"200"), (b"connection", b"close")],
        [(b":status", b"200"), (b"X", b"y")],
        [(b":status", b"200"), (b"x", b"a\nb")],
        [(b":status", b"200"), (b"content-length", b"1"), (b"content-length", b"1")],
        [(b":status", b"200"), (b"content-length", b"one")],
        [(b":status", b"200"), *[(b"x-%d" % number, b"y") for number in range(101)]],
        [(b":status", b"200"), (b"x", b"y" * 20000)],
        [(b":status", b"200"), *[(b"x-%d" % number, b"y" * 10000) for number in range(7)]],
    ],
)
def test_bad_answers(fields: list[Field]) -> None:
    """
    A member is believed no more than a client.
    """
    with pytest.raises(BadResponse):
        read_response(fields, Limits())


# -- trailers


def test_trailers() -> None:
    """
    Trailers are passed on but for those that frame or route.
    """
    fields = [(b"grpc-status", b"0"), (b"content-length", b"1"), (b"x_y", b"1"), (b"host", b"x")]
    assert read_trailers(fields, Malformed, Limits()) == [b"grpc-status: 0"]


@pytest.mark.parametrize("field", [(b":path", b"/"), (b"X", b"y"), (b"x", b"a\r\n"), (b"te", b"x")])
@pytest.mark.parametrize("error", [Malformed, BadResponse])
def test_bad_trailers(field: Field, error: type[BalancerError]) -> None:
    """
    Trailers are fields like others, and there are no pseudo headers among them.
    """
    with pytest.raises(error):
        read_trailers([field], error, Limits())


@pytest.mark.parametrize("error", [Malformed, BadResponse])
@pytest.mark.parametrize("fields", [[(b"x", b"y")] * 101, [(b"x", bytes(99).hex().encode())] * 90])
def test_too_many_trailers(fields: list[Field], error: type[BalancerError]) -> None:
    """
    Trailers have the bounds of a head: fields of the table cost their sender a byte each.
    """
    with pytest.raises(error, match=r"more than 100|over 16384"):
        read_trailers(fields, error, Limits(head=16384))
