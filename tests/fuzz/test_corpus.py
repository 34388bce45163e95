"""
Every case that is kept, and some that are made up, tried on every target.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import corpus, registry
from tests.fuzz.mutations import Mutator
from tests.fuzz.registry import LONGEST
from tests.fuzz.trying import try_case

NAMES = registry.names()


def known(name: str) -> list[bytes]:
    """
    Return all cases that there are of a target.
    """
    return [*registry.target(name).seeds, *corpus.load(name), *corpus.load(name, corpus.FAULTS)]


@pytest.mark.parametrize("name", NAMES)
def test_cases_that_are_kept(name: str) -> None:
    """
    None of them is a fault, in whatever state those before have left the process.
    """
    target = registry.target(name)
    for case in known(name):
        try_case(target, case)


@pytest.mark.parametrize("name", NAMES)
def test_cases_that_are_made_up(name: str) -> None:
    """
    Neither is a case that is made of those by some changes.
    """
    target, cases = registry.target(name), known(name)

    @settings(max_examples=15, suppress_health_check=list(HealthCheck), database=None)
    @given(st.sampled_from(cases), st.integers(0, 2**32))
    def check(case: bytes, seed: int) -> None:
        try_case(target, Mutator(Random(seed), target.words, LONGEST).change(case, cases))

    check()


def test_every_kept_case_has_a_target() -> None:
    """
    No file is left of a target that was renamed.
    """
    files = [*corpus.FOLDER.glob("*"), *corpus.FAULTS.glob("*")]
    assert {path.suffix for path in files} <= {".txt"}
    assert {path.stem for path in files} <= set(NAMES)
