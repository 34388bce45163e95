"""
What the long measurements make of their samples.
"""

from __future__ import annotations

import pytest

from tests.chaos.slow import summed
from tests.chaos.soak import slope


def test_slope_is_of_an_hour() -> None:
    """
    Memory that grows by 1 MiB in 10 minutes grows by 6 an hour, whatever the warm-up did.
    """
    warm_up = [(float(at), 10.0 + at) for at in range(60)]
    steady = [(60.0 + at, 70.0 + at / 600.0) for at in range(0, 600, 5)]
    assert slope(warm_up + steady, 60.0) == pytest.approx(6.0)


def test_what_h2load_wrote() -> None:
    """
    Its lines have the status and the microseconds of each request; failed ones count as such.
    """
    lines = [f"1700000000000000\t200\t{each * 1000}" for each in range(1, 101)]
    served = summed("\n".join([*lines, "1700000000000000\t-1\t5"]))
    assert (served.count, served.faulty) == (101, 1)
    assert served.median == pytest.approx(0.0505)
    assert served.p99 == pytest.approx(0.1, abs=0.001)
