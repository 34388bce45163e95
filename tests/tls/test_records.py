"""
Where records end, however their bytes come.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from txbalancer.tls.records import Records


def record(size: int) -> bytes:
    """
    Make a record with so many bytes in it.
    """
    return b"\x17\x03\x03" + size.to_bytes(2, "big") + bytes(size)


@given(st.lists(st.integers(1, 40), max_size=8), st.lists(st.integers(1, 60), max_size=30))
def test_only_whole_records_alone_are_told(sizes, cuts) -> None:
    """
    A piece is told to be a single record just when it is one, whatever came before.
    """
    data = b"".join(map(record, sizes))
    starts, place = set(), 0
    ends = {}
    for size in sizes:
        starts.add(place)
        ends[place] = place + 5 + size
        place += 5 + size
    records, place = Records(), 0
    while place < len(data):
        size = cuts.pop() if cuts else len(data)
        piece = data[place : place + size]
        expected = place in starts and ends[place] == place + len(piece)
        assert records.single(piece) is expected
        place += len(piece)


def test_an_empty_record_ends_with_its_header() -> None:
    """
    It is no single record with something in it, and what follows is found.
    """
    records = Records()
    assert not records.single(record(0))
    assert records.single(record(3))
