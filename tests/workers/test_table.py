"""
Numbers in shared memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.workers import table as tables
from txbalancer.workers.table import Rows, Table, create_memory


@pytest.fixture
def descriptor() -> Iterator[int]:
    """
    Make memory for a table.
    """
    made = create_memory()
    yield made
    os.close(made)


def test_two_processes_see_the_same(descriptor: int) -> None:
    """
    What one writes in its column, another reads, alone and in the sum.
    """
    one, other = Table(descriptor), Table(os.dup(descriptor))
    one.use(2)
    one.use(1)
    one.column(1)[5] += 2
    other.column(2)[5] += 3
    assert one.each(5) == other.each(5) == [0, 2, 3]
    assert one.total(5) == other.total(5) == 5
    assert one.total(4) == one.total(6) == 0
    os.close(other.descriptor)


def test_a_lost_worker_leaves_nothing(descriptor: int) -> None:
    """
    Settling a column sets its rows to 0, and those of no other worker.
    """
    table = Table(descriptor)
    table.use(2)
    for number in (1, 2):
        table.column(number)[7] = number
    table.settle(1, [7, 8])
    assert table.each(7) == [0, 0, 2]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.booleans()), max_size=50))
def test_rows_are_never_shared(steps: list[tuple[bool, int, bool]]) -> None:
    """
    However names come and go, no two that are there have one row, and a name keeps its row. A name
    that nobody wants has it for as long as somebody counts there.
    """
    rows, there = Rows(), {}
    for comes, number, idle in steps:
        name = ("member", str(number))
        if comes:
            assert rows[name] == there.setdefault(name, rows[name])
        else:
            rows.reclaim(there.keys() - {name}, lambda row, idle=idle: idle)  # type: ignore[misc]
            if idle:
                there.pop(name, None)
        assert len(set(there.values())) == len(there)
        assert rows.all() == there
        assert all(0 <= row - tables.NAMED < 10 for row in there.values())


def test_when_rows_are_reclaimed() -> None:
    """
    Once there are a thousand, and then twice as many as were left: it costs each name little.
    """
    rows = Rows()
    for number in range(999):
        assert rows[str(number),]
    assert not rows.many
    assert rows["more",]
    assert rows.many
    rows.reclaim(rows.all(), lambda row: True)
    assert not rows.many
    rows.reclaim((), lambda row: True)
    assert rows.all() == {}


def test_rows_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A name for which there is no row is told.
    """
    monkeypatch.setattr(tables, "ROWS", tables.NAMED + 1)
    rows = Rows()
    assert rows["a",] == tables.NAMED
    with pytest.raises(LookupError, match="no row is left for b"):
        rows["b",]
