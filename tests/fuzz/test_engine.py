"""
The fuzzer finds what is there to be found.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import corpus, growth, plain
from tests.fuzz.pieces import cut
from tests.fuzz.registry import Target
from tests.fuzz.tracing import distil
from tests.fuzz.trying import shrink
from txbalancer.errors import ClientError
from txbalancer.http1.fields import content_length


def planted(case: bytes) -> None:
    """
    Fails where a number is read that has six digits.
    """
    try:
        if content_length(case, ClientError) > 99999:
            raise KeyError(case)
    except ClientError:
        pass


TARGET = Target("planted", planted, planted, (b"12", b"x"), (b"345",))


def test_a_planted_fault_is_found() -> None:
    """
    Within a moment, with nothing but Python, and it is made as short as it can be.
    """
    _, faults, tried = plain.fuzz(TARGET, [b"12", b"x"], 60.0, seed=1)
    assert tried
    (case,) = faults
    assert len(shrink(TARGET, case)) == 6


def test_steps_make_a_case_worth_keeping() -> None:
    """
    Of cases that take the same way the shortest is kept.
    """
    cases = [b"1234", b"12", b"xyz", b"x", b"12"]
    assert sorted(distil(planted, cases, 9)) == [b"12", b"x"]
    assert distil(planted, cases, 1) == [b"x"]


def test_time_that_grows_too_fast() -> None:
    """
    Four times the size may take four times the time, not sixteen times; what is short anyway
    is not judged.
    """

    def steep(power: int, unit: float) -> bool:
        def measure(one: object, case: bytes) -> float:
            return unit * len(case) ** power

        return growth.steep(planted, b"<", b"ab", b">", measure) is not None

    assert steep(2, 1e-6)
    assert not steep(1, 1e-3)
    assert not steep(2, 1e-15)


@pytest.mark.parametrize("data", [b"", b"a", b"abcdef", bytes(200)])
def test_pieces(data: bytes) -> None:
    """
    They make the whole, the same each time, and none is empty.
    """
    found = cut(data)
    assert b"".join(found) == data
    assert all(found)
    assert cut(data) == found


def test_cases_are_kept(tmp_path: Path) -> None:
    """
    What is written is read again, each case once, short ones first.
    """
    cases = [b"\r\n'\"\\", b"\x00\xff", b"", b"\x00\xff"]
    corpus.save("any", cases, tmp_path)
    corpus.keep("any", b"b", tmp_path)
    assert corpus.load("any", tmp_path) == [b"", b"b", b"\x00\xff", b"\r\n'\"\\"]
    assert corpus.load("none", tmp_path) == []
