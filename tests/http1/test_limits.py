"""
Limits on heads: at the limit a head passes, one byte or line over it does not.
"""

from __future__ import annotations

import pytest

from tests.http1.build import DEFAULT, bare_request, request, response
from txbalancer.errors import BadResponse, ClientError
from txbalancer.http1.limits import Limits


def test_defaults() -> None:
    """
    PEERS 2.13: 64 KiB of head, 16 KiB a line, 100 lines; the target as Apache has it.
    """
    assert (DEFAULT.head, DEFAULT.line, DEFAULT.headers, DEFAULT.url) == (65536, 16384, 100, 8190)
    assert DEFAULT.underscores == "drop"


def test_target_length() -> None:
    """
    A target over the limit is 414.
    """
    limits = Limits(url=100)
    assert request(start=b"GET /%b HTTP/1.1" % (b"a" * 99), limits=limits).path == b"/" + b"a" * 99
    with pytest.raises(ClientError) as caught:
        request(start=b"GET /%b HTTP/1.1" % (b"a" * 100), limits=limits)
    assert caught.value.status == 414


def test_number_of_lines() -> None:
    """
    More header lines than the limit are 431; Host is one of them.
    """
    limits = Limits(headers=3)
    assert len(request(b"A: 1", b"B: 2", limits=limits).lines) == 2
    with pytest.raises(ClientError) as caught:
        request(b"A: 1", b"B: 2", b"C: 3", limits=limits)
    assert caught.value.status == 431
    assert len(response(b"A: 1", b"B: 2", b"C: 3", limits=limits).lines) == 3
    with pytest.raises(BadResponse):
        response(b"A: 1", b"B: 2", b"C: 3", b"D: 4", limits=limits)


def test_length_of_a_line() -> None:
    """
    A header line over the limit is 431, however short the others are.
    """
    limits = Limits(line=100)
    longest = b"A: " + b"a" * 97
    assert request(longest, b"B: 2", limits=limits).lines == [longest, b"B: 2"]
    with pytest.raises(ClientError) as caught:
        request(b"B: 2", longest + b"a", limits=limits)
    assert caught.value.status == 431
    assert response(longest, limits=limits).lines == [longest]
    with pytest.raises(BadResponse):
        response(longest + b"a", limits=limits)


def test_a_long_target_is_no_long_header_line() -> None:
    """
    The limit of header lines does not bound the target, which has its own.
    """
    start = b"GET /%b HTTP/1.1" % (b"a" * 500)
    assert len(request(start=start, limits=Limits(line=100)).target) == 501


def test_a_request_line_alone() -> None:
    """
    A head without any header line is measured, too.
    """
    start = b"GET /%b HTTP/1.0" % (b"a" * 500)
    assert len(bare_request(start, limits=Limits(line=100)).target) == 501
