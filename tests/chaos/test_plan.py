"""
Plans of faults.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chaos.faults import FAULTS
from tests.chaos.plan import Step, make_plan
from tests.chaos.programs import NAMES

PLANS = st.builds(
    make_plan,
    st.integers(0, 10**6),
    st.floats(5.0, 120.0),
    st.lists(st.sampled_from(FAULTS), min_size=1, unique=True),
    st.integers(1, 6),
)


def together(plan: Sequence[Step]) -> list[tuple[Step, list[Step]]]:
    """
    Return each step with those that are there at a moment at which it begins.
    """
    return [(each, [x for x in plan if x.at <= each.at < x.until]) for each in plan]


@settings(max_examples=30)
@given(PLANS)
def test_one_member_is_always_well(plan: tuple[Step, ...]) -> None:
    """
    Whatever is planned leaves one member alone.
    """
    for _, steps in together(plan):
        assert {word for each in steps for word in each.takes} < {
            *NAMES,
            "config",
            "log",
            "process",
        }
        assert not {word for each in steps for word in each.takes} >= set(NAMES)


@settings(max_examples=30)
@given(PLANS)
def test_nothing_is_touched_twice(plan: tuple[Step, ...]) -> None:
    """
    Two faults at the same time have nothing in common, and one that has to be alone is.
    """
    for _, steps in together(plan):
        words = [word for each in steps for word in each.takes]
        assert len(words) == len(set(words))
        assert len(steps) == 1 or not any(each.kind.alone for each in steps)


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_a_seed_gives_the_same_plan(seed: int) -> None:
    """
    What went wrong can be had again; a minute has faults enough to be worth it.
    """
    plan = make_plan(seed, 60.0, FAULTS)
    assert plan == make_plan(seed, 60.0, FAULTS)
    assert len(plan) >= 10
    assert all(0 <= each.at < each.until <= 60.0 for each in plan)
