"""
Differential tests: what is accepted here means the same to h11 and to llhttp.

Whatever passes this parser is read again by a member. If another reader refused it, or
saw other headers or another end of the body, a request could be smuggled. The other
direction does not matter: to refuse more is what this parser is for.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.http1 import payloads
from tests.http1.oracles import (
    Headers,
    Message,
    Refused,
    h11_request,
    h11_response,
    llhttp_request,
    llhttp_response,
)
from txbalancer.errors import BadResponse, ClientError
from txbalancer.http1.answers import parse_response
from txbalancer.http1.framing import ChunkedReader
from txbalancer.http1.heads import CHUNKED, UNTIL_CLOSE, RequestHead, ResponseHead
from txbalancer.http1.limits import Limits
from txbalancer.http1.lines import HOP_BY_HOP, REQUEST_TAKEN, RESPONSE_TAKEN
from txbalancer.http1.requests import parse_request

LIMITS = Limits(underscores="keep")
NEXT = b"GET /next HTTP/1.1\r\nHost: b\r\n\r\n"
DATA = b"5\r\nhello\r\n1\r\n!\r\n0\r\nX-T: 1\r\n\r\n"

METHODS_OF_LLHTTP = frozenset(
    b"DELETE GET HEAD POST PUT OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH"
    b" UNLOCK BIND REBIND UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY"
    b" SUBSCRIBE UNSUBSCRIBE PATCH PURGE MKCALENDAR LINK UNLINK SOURCE QUERY".split()
)

BYTES = st.sampled_from(
    [bytes((code,)) for code in b"\x00\t\n\x0b\r !\"#%&'()*+,-./09:;<=>?@A[\\]_`az{|}~\x7f\x80\xe9"]
    + [b"\r\n", b"\r\n ", b": ", b"chunked", b"Content-Length: 5\r\n", b", ", b"0x", b"HTTP/1.1"]
)


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """
    Take one of the seeds and change it in a few places.
    """
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.sampled_from([0, 0, 0, 1, 1, 2, 5]))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            lines = data.split(b"\r\n")
            lines.insert(start % (len(lines) + 1), draw(st.sampled_from(lines)))
            data = b"\r\n".join(lines)
        elif kind == 1:
            data = data[:start] + data[start : end + 1].swapcase() + data[end + 1 :]
        else:
            data = data[:start] + draw(BYTES) + data[end:]
    return data


def passed_on(head: RequestHead | ResponseHead) -> Headers:
    """
    Return the headers that go on, in a form to compare.
    """
    found = []
    for line in head.lines:
        name, _, value = line.partition(b":")
        found.append((name.lower(), value.strip(b" \t")))
    return found


def same_headers(
    head: RequestHead | ResponseHead, message: Message, taken: frozenset[bytes]
) -> None:
    """
    Another reader saw the same headers, in the same order, and the same values of the rest.
    """
    named = {
        token.strip(b" \t").lower()
        for name, value in message.headers
        if name == b"connection"
        for token in value.split(b",")
    } - {b"close", b"keep-alive", b"upgrade"}
    expected = [pair for pair in message.headers if pair[0] not in taken | named]
    assert passed_on(head) == expected
    for name, value in head.noted.items():
        # Cookies are joined otherwise, and h11 writes codings in lower case.
        if name not in (b"cookie", b"transfer-encoding"):
            assert value == b", ".join(each for found, each in message.headers if found == name)


def body_of(framing: int) -> tuple[bytes, bytes]:
    """
    Return bytes of a body that is framed so, and the data in it.
    """
    if framing == CHUNKED:
        return DATA, b"hello!"
    if framing == UNTIL_CLOSE:
        return b"hello", b"hello"
    return b"x" * max(framing, 0), b"x" * max(framing, 0)


def h11_takes_less(head: RequestHead) -> bool:
    """
    Targets with bytes over 127 pass here, as they do in Apache (H56); h11 wants ASCII.
    """
    return not head.target.isascii()


def llhttp_takes_less(head: RequestHead) -> bool:
    """
    Methods that llhttp has no name for pass here, as they do in Apache (H9), and so does a
    method's name in lower case, which is another method. So do authorities of absolute
    targets that llhttp's URL reader cannot take, which are replaced by Host on the way, and
    bytes over 127 (H56), of which it takes some only.
    """
    return (
        head.method not in METHODS_OF_LLHTTP
        or head.target[:1] not in b"/*"
        or not head.target.isascii()
    )


def check_request(data: bytes) -> bool:
    """
    Compare what is made of one request head; tell whether it was accepted.
    """
    try:
        head = parse_request(data, LIMITS)
    except ClientError:
        return False
    if head.body > 1000:
        return True
    body, text = body_of(head.body)
    whole = data + b"\r\n\r\n" + body
    for read, takes_less in ((h11_request, h11_takes_less), (llhttp_request, llhttp_takes_less)):
        follows = read is h11_request
        try:
            message = read(whole + NEXT if follows else whole)
        except Refused:
            assert takes_less(head), f"{read.__name__} refuses what passes here"
            continue
        assert message.start == (head.method, head.target)
        assert message.body == text
        assert message.rest == (NEXT if follows else b"")
        same_headers(head, message, REQUEST_TAKEN)
        if head.keep_alive:
            assert message.keep_alive
    return True


@settings(max_examples=400)
@given(mutated(payloads.REQUESTS))
def test_requests_mean_the_same_to_others(data: bytes) -> None:
    """
    Method, target, headers, framing and the place of the next request are the same.
    """
    check_request(data)


@pytest.mark.parametrize("data", payloads.REQUESTS)
def test_smuggling_payloads(data: bytes) -> None:
    """
    Of the payloads themselves only those pass that every reader takes alike.
    """
    accepted = check_request(data)
    doubtful = b"Transfer-Encoding" in data and b"Content-Length" in data
    assert not (accepted and doubtful)


def test_enough_is_accepted() -> None:
    """
    The comparison is not empty: ordinary heads are accepted and compared.
    """
    assert sum(map(check_request, payloads.REQUESTS)) >= 10


def check_response(data: bytes, method: bytes = b"GET") -> bool:
    """
    Compare what is made of one answer's head; tell whether it was accepted.
    """
    try:
        head = parse_response(data, LIMITS)
    except BadResponse:
        return False
    framing = head.body(method)
    if head.status == 101 or framing > 1000:
        return True
    body, text = body_of(framing)
    whole = data + b"\r\n\r\n" + body
    closed = framing == UNTIL_CLOSE
    follows = b"" if closed else b"HTTP/1.1 200 OK\r\n\r\n"
    message = h11_response(whole + follows, method, closed)
    assert message.start == (b"%d" % head.status,)
    assert message.body == text
    assert message.rest == follows
    same_headers(head, message, RESPONSE_TAKEN)
    if method == b"HEAD":
        return True
    message = llhttp_response(whole)
    assert message.start == (b"%d" % head.status,)
    assert message.body == text
    same_headers(head, message, RESPONSE_TAKEN)
    if head.keep_alive and not closed:
        assert message.keep_alive
    return True


@settings(max_examples=400)
@given(mutated(payloads.RESPONSES), st.sampled_from([b"GET", b"GET", b"HEAD"]))
def test_answers_mean_the_same_to_others(data: bytes, method: bytes) -> None:
    """
    Status, headers, framing and the place of the next answer are the same.
    """
    check_response(data, method)


def test_enough_answers_are_accepted() -> None:
    """
    The comparison is not empty either.
    """
    assert sum(map(check_response, payloads.RESPONSES)) >= 9


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@settings(max_examples=400)
@given(mutated(payloads.BODIES))
def test_chunked_bodies_mean_the_same_to_others(data: bytes) -> None:
    """
    The data of a chunked body, its trailers and its end are the same.
    """
    reader = ChunkedReader(ClientError)
    try:
        found, rest = reader.feed(data)
    except ClientError:
        return
    if not reader.done:
        return
    body = data[: len(data) - len(rest)]
    others: list[tuple[Callable[[bytes], Message], bytes]] = [
        (h11_request, NEXT),
        (llhttp_request, b""),
    ]
    for read, follows in others:
        try:
            message = read(HEAD + body + follows)
        except Refused:
            # llhttp looks for framing in trailers, which is dropped here.
            assert len(reader._lines) > len(reader.trailers)
            continue
        assert message.body == found
        assert message.rest == follows
        ours = [line.partition(b":") for line in reader.trailers]
        for name, _, value in ours:
            assert (name.lower(), value.strip(b" \t")) in message.trailers


@given(st.binary(max_size=200))
@example(b"")
@example(b"\r\n" * 50)
@example(b"GET / HTTP/1.1\r\nHost: \xff\x00")
def test_any_bytes_are_judged(data: bytes) -> None:
    """
    Whatever comes is a head or a refusal, never another error, in both directions.
    """
    for parse, error in ((parse_request, ClientError), (parse_response, BadResponse)):
        try:
            head = parse(data, LIMITS)
        except error:
            continue
        else:
            assert not any(b"\r" in line or b"\n" in line for line in head.lines)


# -- heads that were made to be right

TOKENS = st.from_regex(rb"[A-Za-z0-9!#$%&'*+.^`|~-]{1,16}", fullmatch=True)
VALUES = st.binary(max_size=24).map(
    lambda data: bytes(byte for byte in data if byte == 9 or 31 < byte != 127)
)
TARGETS = st.from_regex(rb"/[\x21\x22\x24-\x3e\x40-\x7e\x80-\xff]{0,30}", fullmatch=True)
QUERIES = st.none() | st.from_regex(rb"[\x21\x22\x24-\x7e]{0,30}", fullmatch=True)
PLAIN = st.lists(
    st.tuples(
        TOKENS.filter(lambda name: name.lower() not in REQUEST_TAKEN | RESPONSE_TAKEN), VALUES
    ),
    max_size=8,
)


@given(TOKENS, TARGETS, QUERIES, PLAIN, st.sampled_from([b"1.1", b"1.0"]))
def test_generated_requests(
    method: bytes, path: bytes, query: bytes | None, headers: Headers, version: bytes
) -> None:
    """
    A well-formed request parses to what it was made of, and its lines stay byte for byte.
    """
    # No method has a # in it, and a # anywhere in the request line is refused.
    method = method.replace(b"#", b"X").replace(b"CONNECT", b"CONNECTED")
    target = path if query is None else path + b"?" + query
    lines = [name + b":" + value for name, value in headers]
    start = b"%b %b HTTP/%b" % (method, target, version)
    head = parse_request(b"\r\n".join((start, b"hOsT: a", *lines)), LIMITS)
    assert (head.method, head.target, head.path, head.query) == (method, target, path, query)
    assert (head.version, head.host) == (version, b"a")
    assert head.lines == lines
    for name, value in headers:
        found = head.header(name.lower())
        assert found is not None
        assert value.strip(b" \t") in found


@given(st.integers(100, 999), VALUES, PLAIN)
def test_generated_answers(status: int, reason: bytes, headers: Headers) -> None:
    """
    A well-formed answer parses to what it was made of.
    """
    start = b"HTTP/1.1 %d %b" % (status, reason)
    lines = [name + b": " + value for name, value in headers]
    head = parse_response(b"\r\n".join((start, *lines)), LIMITS)
    assert (head.start, head.status, head.lines) == (start, status, lines)


@given(PLAIN, st.sets(st.sampled_from(sorted(HOP_BY_HOP - {b"transfer-encoding"}))))
def test_filtering_is_idempotent(headers: Headers, hop: set[bytes]) -> None:
    """
    What has passed once passes again unchanged, without anything of one hop.
    """
    lines = [name + b": " + value for name, value in headers]
    for name in hop:
        lines.insert(len(lines) // 2, name + b": x")
    start = b"GET / HTTP/1.1\r\nHost: a"
    once = parse_request(b"\r\n".join((start, *lines)), LIMITS).lines
    assert parse_request(b"\r\n".join((start, *once)), LIMITS).lines == once
    assert not {line.partition(b":")[0].lower() for line in once} & HOP_BY_HOP
