"""
Huffman's code of header compression.
"""

from __future__ import annotations

import hpack.huffman_constants as published
import pytest
from hpack.huffman import HuffmanEncoder
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.http2 import huffman

ENCODER = HuffmanEncoder(published.REQUEST_CODES, published.REQUEST_CODES_LENGTH)


@given(st.binary(max_size=300))
def test_what_is_written_is_read_back(data: bytes) -> None:
    """
    Every string of octets is read as it was written, the rare ones too.
    """
    assert huffman.decode(ENCODER.encode(data)) == data


@pytest.mark.parametrize("octet", range(256))
def test_every_octet(octet: int) -> None:
    """
    The code word of each octet is that of the RFC.
    """
    assert huffman.decode(ENCODER.encode(bytes((octet,)))) == bytes((octet,))


@pytest.mark.parametrize(
    "data",
    [b"\xff\xff\xff\xff", b"\x1f\xff", b"\x18", b"\xff", b"\x1c\x64\xff\xff\xff\xfc"],
)
def test_padding_is_the_least_and_all_ones(data: bytes) -> None:
    """
    Padding of eight bits or more, of zeros, and the end's own code word are refused.
    """
    with pytest.raises(ValueError, match="Huffman"):
        huffman.decode(data)


def test_long_strings_are_not_remembered() -> None:
    """
    Whatever a client sends, what is kept of it is bounded.
    """
    before = huffman._short.cache_info().currsize
    assert huffman.decode(ENCODER.encode(b"a long value, " * 20)) == b"a long value, " * 20
    assert huffman._short.cache_info().currsize == before
