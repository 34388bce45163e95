"""
Counters on their way to another process.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.carried import difference, pack, unpack
from txbalancer.core.meters import Meter

NUMBERS = st.integers(0, 10**9)
TREES = st.recursive(NUMBERS, lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3))


def meter(seed: int) -> Meter:
    """
    Make a meter with something everywhere.
    """
    made = Meter()
    made.classes[2] = seed
    made.retries, made.bytes_in, made.bytes_out, made.sticky = seed + 1, seed + 2, seed + 3, 1
    made.seconds = seed / 4
    made.failures = {"connect": seed}
    made.failed = {"timeout": 2}
    for name in ("total", "first_byte", "connect", "queue"):
        getattr(made, name).add(seed + 0.25)
    return made


def test_a_meter_comes_out_as_it_went_in() -> None:
    """
    Through JSON nothing of it is lost.
    """
    packed = json.loads(json.dumps(pack(meter(3))))
    assert pack(unpack(packed)) == pack(meter(3))


def test_a_difference_is_what_came_since() -> None:
    """
    The former value and the difference make the new one.
    """
    before, after = meter(3), meter(3)
    after.merge(meter(5))
    before.merge(unpack(difference(pack(after), pack(before))))
    assert pack(before) == pack(after)


@given(TREES, TREES)
def test_no_difference_is_below_nothing(new: object, old: object) -> None:
    """
    Whatever two trees of counters are, none of the differences is negative.
    """

    def least(tree: object) -> float:
        if isinstance(tree, dict):
            return min(map(least, tree.values()), default=0)
        return tree

    assert least(difference(new, old)) >= 0
    assert difference(new, {}) == new


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.pop("classes"),
        lambda data: data.update(retries="1"),
        lambda data: data.update(retries=-1),
        lambda data: data["classes"].append(1),
        lambda data: data["total"]["counts"].update({"-1": 1}),
        lambda data: data["total"]["counts"].update({"99": 1}),
        lambda data: data.update(failures=[]),
    ],
)
def test_what_is_no_meter_is_refused(spoil) -> None:
    """
    Anything out of form or out of bounds is an error of one kind.
    """
    data = pack(meter(3))
    spoil(data)
    with pytest.raises(ValueError, match="no counters"):
        unpack(data)
