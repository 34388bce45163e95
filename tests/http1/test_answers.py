"""
Heads of answers: their start lines, and how their bodies are framed.
"""

from __future__ import annotations

import pytest

from tests.http1.build import response
from txbalancer.errors import BadResponse
from txbalancer.http1 import answers
from txbalancer.http1.heads import CHUNKED, NO_BODY, UNTIL_CLOSE


@pytest.mark.parametrize(
    ("start", "status", "minor"),
    [
        (b"HTTP/1.1 200 OK", 200, 1),
        (b"HTTP/1.0 404 Not Found", 404, 0),
        (b"HTTP/1.1 200 ", 200, 1),
        (b"HTTP/1.1 200", 200, 1),
        (b"HTTP/1.1 600 Odd", 600, 1),
        (b"HTTP/1.1 999 \xe9t\xe9", 999, 1),
        (b"HTTP/1.1 101 Switching Protocols", 101, 1),
    ],
)
def test_status_lines(start: bytes, status: int, minor: int) -> None:
    """
    Status and reason are passed on as sent; the reason may be missing (APACHE 5, table).
    """
    head = response(start=start)
    assert (head.start, head.status, head.minor) == (start, status, minor)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"garbage",
        b"<html>",
        b"HTTP/1.1",
        b"HTTP/1.1 ",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 099 X",
        b"HTTP/1.1 2x0 OK",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1\t200 OK",
        b"HTTP/1.1 200\tOK",
        b"HTTP/1.1 200OK",
        b"HTTP/2.0 200 OK",
        b"HTTP/2 200",
        b"HTTP/0.9 200 OK",
        b"http/1.1 200 OK",
        b" HTTP/1.1 200 OK",
        b"HTTP/1.1 +20 OK",
        b"HTTP/1.1 200 O\x00K",
        "HTTP/1.1 ٢٠٠ OK".encode(),
        b"ICY 200 OK",
    ],
)
def test_status_lines_that_are_refused(start: bytes) -> None:
    """
    What is no HTTP/1 status line is no answer, never an HTTP/0.9 one (APACHE X5).
    """
    with pytest.raises(BadResponse):
        response(start=start)


def test_many_status_lines_are_not_remembered_for_ever() -> None:
    """
    However many reasons members come up with, the memory of status lines is bounded.
    """
    for number in range(2000):
        head = response(start=b"HTTP/1.0 %d R%d" % (200 + number % 700, number))
        assert (head.status, head.minor) == (200 + number % 700, 0)
    assert len(answers._statuses_seen) <= 1024


@pytest.mark.parametrize("coding", [b"gzip", b"gzip, chunked", b", chunked", b"identity"])
def test_answers_in_another_transfer_coding(coding: bytes) -> None:
    """
    A coding that was not asked for with TE is no answer; Apache reads on until the close.
    """
    with pytest.raises(BadResponse, match="just chunked"):
        response(b"Transfer-Encoding: " + coding)


@pytest.mark.parametrize(
    ("status", "method", "lines", "body"),
    [
        (200, b"GET", (), UNTIL_CLOSE),
        (200, b"GET", (b"Content-Length: 3",), 3),
        (200, b"GET", (b"Content-Length: 0",), 0),
        (200, b"GET", (b"Transfer-Encoding: chunked",), CHUNKED),
        (200, b"HEAD", (b"Content-Length: 3",), NO_BODY),
        (200, b"HEAD", (b"Transfer-Encoding: chunked",), NO_BODY),
        (200, b"HEAD", (), NO_BODY),
        (204, b"GET", (b"Content-Length: 3",), NO_BODY),
        (304, b"GET", (b"Content-Length: 3",), NO_BODY),
        (103, b"GET", (), NO_BODY),
        (404, b"GET", (), UNTIL_CLOSE),
        (999, b"GET", (b"Content-Length: 1",), 1),
    ],
)
def test_answer_body(status: int, method: bytes, lines: tuple[bytes, ...], body: int) -> None:
    """
    RFC 9112 6.3: the body of an answer hangs on its status and on the request's method.
    """
    assert response(*lines, start=b"HTTP/1.1 %d X" % status).body(method) == body
