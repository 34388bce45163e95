"""
Counting and measuring exchanges.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.meters import BOUNDS, COARSE, Histogram, Meters, percentiles, tallied, whole
from txbalancer.core.outcome import Outcome
from txbalancer.core.request import Peer

SPANS = st.floats(0, 2000, allow_nan=False)


def outcome(listener: str, balancer: str, member: str, **values: object) -> Outcome:
    """
    Make an outcome.
    """
    status: object = values.pop("status", 200)
    return Outcome(
        None, Peer("x", listener=listener), status, balancer=balancer, member=member, **values
    )  # type: ignore[arg-type]


def test_bounds() -> None:
    """
    Classes grow by a quarter or so; the coarse ones are 1, 2.5 and 5 of the usual decades.
    """
    assert all(1.2 < wide / narrow < 1.3 for narrow, wide in pairwise(BOUNDS))
    coarse = [BOUNDS[each] for each in COARSE]
    assert coarse[:4] == pytest.approx([0.0005, 0.001, 0.0025, 0.005])
    assert coarse[-2:] == pytest.approx([25, 50])


@given(st.lists(SPANS, min_size=1), st.floats(0.01, 1))
def test_percentile(spans: list[float], part: float) -> None:
    """
    A percentile is the end of the class in which the exact one lies.
    """
    histogram = Histogram()
    for each in spans:
        histogram.add(each)
    (found,) = percentiles(histogram.counts, (part,))
    assert found is not None
    within = sum(each <= found for each in spans)
    assert within >= part * len(spans) - 1e-9 or found == BOUNDS[-1]
    assert histogram.total == len(spans)


def test_no_percentile() -> None:
    """
    Nothing has no percentiles.
    """
    assert percentiles(Histogram().counts, (0.5,)) == [None]


def test_sums() -> None:
    """
    Each exchange is in the sums of its listener, balancer and member, once.
    """
    meters = Meters()
    meters.measure(outcome("web", "b", "m", duration=0.2, first_byte=0.1, bytes_out=5))
    meters.measure(outcome("web", "b", "n", status=502, reason="member-closed", queue=1.0))
    meters.measure(outcome("api", "b", "m", attempts=2, tried=(("n", "connect"),), connect=0.1))
    meters.measure(outcome("api", "", "", status=404, reason="no-mount"))
    assert meters.select().requests == 4
    assert meters.select(listener="web").requests == 2
    assert meters.select(balancer="b", member="m").requests == 2
    assert meters.select(balancer="b").failures == {"member-closed": 1}
    assert meters.select(member="n").failed == {"connect": 1}
    assert meters.select(member="n").queue.total == 1
    found = whole(meters.by_places()["b", "m"])
    assert found.connect.total == found.first_byte.total == found.retries == 1
    (alone,) = meters.by_places()["", ""]
    assert whole([alone]) is alone


def test_a_tally_leaves_out_times_only() -> None:
    """
    Counters are those of the sum over everything, reasons of failures too.
    """
    meters = Meters()
    meters.measure(outcome("web", "shop", "a", bytes_out=3, attempts=2, duration=0.5))
    meters.measure(outcome("web", "shop", "b", status=502, reason="x", tried=(("a", "y"),)))
    everything, tally = meters.select(), tallied(meters.by_key.values())
    for name in ("classes", "retries", "failures", "failed", "bytes_out", "seconds", "sticky"):
        assert getattr(tally, name) == getattr(everything, name)
    assert (everything.total.total, tally.total.total) == (2, 0)


def test_sticky() -> None:
    """
    Only who stays on its session's member counts as sticky.
    """
    meters = Meters()
    session = (b"S", b"a")
    for values in ({"sticky": session}, {"sticky": session, "route_changed": True}, {}):
        meters.measure(outcome("web", "b", "m", **values))
    assert meters.select().sticky == 1


def test_forget() -> None:
    """
    Members that are gone have no meters any more, but the sums do not shrink.
    """
    meters = Meters()
    for balancer, member in (("b", "m"), ("b", "n"), ("c", "m"), ("", "")):
        meters.measure(outcome("web", balancer, member, bytes_in=1))
    meters.forget([("b", "m")])
    assert set(meters.by_places()) == {("b", "m"), ("b", ""), ("", "")}
    assert meters.select().requests == meters.select().bytes_in == 4
    assert meters.select(balancer="b").requests == 2
