"""
Verdicts of probes.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.balancers import balancer, member, words
from txbalancer import errors
from txbalancer.core import flags
from txbalancer.core.health import Health, ProbeCounts, ProbeResult, observe, tally


def verdicts(results, rise=2, fall=3):
    health, seen = Health(), []
    for result in results:
        health = observe(health, result == "+", rise, fall)
        seen.append("+" if health.up else "-")
    return "".join(seen)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ("+", "+"),
        ("-", "-"),
        ("+--+--+---", "+++++++++-"),
        ("-+-+-++", "------+"),
        ("--++", "---+"),
        ("++---", "++++-"),
        ("-+++---", "--++++-"),
    ],
)
def test_C9_only_runs_flip_the_verdict(results, expected):
    """
    The first result is a verdict at once; then 2 passes or 3 failures in a row.
    """
    assert verdicts(results) == expected


@given(st.text("+-", min_size=1, max_size=60), st.integers(1, 4), st.integers(1, 4))
def test_a_flip_needs_a_full_run(results, rise, fall):
    """
    Where the verdict flips, the last results are a full run of the other kind.
    """
    seen = verdicts(results, rise, fall)
    assert seen[0] == results[0]
    for place in range(1, len(seen)):
        if seen[place] != seen[place - 1]:
            need = rise if seen[place] == "+" else fall
            assert results[: place + 1].endswith(seen[place] * need)


@given(st.lists(st.builds(ProbeResult, st.booleans(), duration=st.floats(0, 100))))
def test_probes_are_counted(results):
    """
    Each is counted by what it found, with its time.
    """
    counts = ProbeCounts()
    for each in results:
        counts.add(each)
    assert counts.passed == sum(each.passed for each in results)
    assert counts.failed == len(results) - counts.passed
    assert counts.seconds == pytest.approx(sum(each.duration for each in results))


def test_changes_of_flags_are_counted():
    """
    Every change of a member's flags counts, and nothing that leaves them as they are.
    """
    found = balancer(member("m"))
    (only,) = found.members
    for after in (flags.INIT | flags.DRAIN, flags.INIT | flags.DRAIN, flags.INIT):
        found.set_flags(only, after, "a test", 0.0)
    assert only.flips == 2


def test_probe_result_has_defaults():
    """
    A probe may say no more than whether it passed.
    """
    assert ProbeResult(True) == ProbeResult(True, "", 0.0)


def checked(**options):
    flips = []
    lb = balancer(member("a", hcpasses=2, hcfails=2, **options), "b", on_flip=flips.append)
    return lb, lb.members[0], flips


def test_C8_failed_checks_take_a_member_out_and_passed_ones_bring_it_back():
    """
    Each flip is told once, with what the probe saw.
    """
    lb, a, flips = checked()
    assert lb.health(a, True, 1.0) is None
    assert lb.health(a, False, 2.0) is None
    flip = lb.health(a, False, 3.0, "status 500")
    assert words(a) == "Init HcFl "
    assert flip.cause == a.cause == "status 500"
    assert a.since == 3.0
    assert lb.health(a, False, 4.0) is None
    assert lb.elect(5.0).name == lb.elect(5.0).name == "b"
    lb.health(a, True, 6.0)
    assert lb.health(a, True, 7.0).after == flags.INIT
    assert [each.member for each in flips] == [a, a]
    assert flips[1].cause == "health check passed"


def test_first_verdict_at_once():
    """
    A member that is dead at start is out with the first check.
    """
    lb, a, _ = checked()
    assert lb.health(a, False, 0.0).after == flags.INIT | flags.HC_FAILED


def test_C10_passes_end_an_error_but_only_those_after_it():
    """
    An error by traffic ends long before C{retry}, after a full run from there on.
    """
    lb, a, _ = checked()
    lb.health(a, True, 0.0)
    lb.health(a, True, 0.0)
    lb.force_error(a, "refused", 1.0)
    assert lb.health(a, True, 2.0) is None
    assert lb.health(a, True, 3.0).after == flags.INIT
    assert a.retries == 0  # C12


def test_failed_checks_hold_a_member_in_error():
    """
    Otherwise every C{retry} would send users to a member that is known to be dead.
    """
    lb, a, _ = checked(retry=5.0)
    lb.force_error(a, "refused", 0.0)
    lb.health(a, False, 1.0)
    assert words(a) == "Init Err HcFl "
    assert [lb.elect(10.0).name for _ in range(3)] == ["b"] * 3


def test_C10_retry_and_forced_recovery_never_clear_a_verdict():
    """
    Only passed checks do.
    """
    lb, a, _ = checked()
    lb.health(a, False, 0.0)
    lb.set_flags(lb.members[1], flags.INIT | flags.DISABLED, "", 0.0)
    assert lb.elect(1e9) is None


def test_C11_stopped_members_are_not_judged_ignoring_ones_are():
    """
    S is left alone; +I does not protect.
    """
    lb, a, _ = checked(status="+S")
    assert lb.health(a, False, 0.0) is None
    assert words(a) == "Init Stop "
    lb, a, _ = checked(status="+I")
    assert lb.health(a, False, 0.0) is not None
    assert lb.force_error(a, "x", 1.0) is None


def test_plain_members_can_be_checked():
    """
    A lone member without a balancer never goes into error, but obeys its checks.
    """
    lb = balancer("a", plain=True)
    a = lb.members[0]
    assert lb.failed(a, errors.ConnectFailed("x"), 0.0) is None
    assert lb.health(a, False, 0.0) is not None


class ApachesChecks:
    """
    The rules of APACHE C8, written down as they stand there.
    """

    def __init__(self, passes: int, fails: int) -> None:
        self.hcpasses, self.hcfails = passes, fails
        self.flags = flags.INIT
        self.passes = self.fails = 0
        self.error_time = 0.0
        self.log: list[str] = []

    def check(self, success: bool, now: float) -> None:
        if self.flags & (flags.HC_FAILED | flags.IN_ERROR):
            if success:
                self.passes += 1
                if self.passes >= self.hcpasses:
                    self.flags &= ~flags.HC_FAILED
                    self.flags &= ~flags.IN_ERROR
                    self.passes = 0
                    self.log.append("ENABLING")
        elif not success:
            self.error_time = now
            self.fails += 1
            if self.fails >= self.hcfails:
                self.flags |= flags.HC_FAILED
                self.fails = 0
                self.log.append("DISABLING")


@given(st.text("+-er", max_size=80), st.integers(1, 4), st.integers(1, 4))
def test_C8_C9_sums_are_counted_as_apache_counts(happens, passes, fails):
    """
    Whatever checks find, and traffic does meanwhile (e: an error, r: its retry is over),
    flags, counts, error time and log lines are those of the rules.
    """
    lines = []
    lb = balancer(
        member("a", hcmethod="get", hccounting="sums", hcpasses=passes, hcfails=fails, retry=0.0),
        on_flip=lambda flip: lines.append(flip.cause),
    )
    (mine,) = lb.members
    apache = ApachesChecks(passes, fails)
    for now, event in enumerate(happens, 1):
        if event == "e" and not mine.flags & flags.HC_FAILED:
            lb.force_error(mine, "refused", float(now))
            apache.flags |= flags.IN_ERROR
            apache.error_time = float(now)
        elif event == "r" and mine.flags & flags.IN_ERROR:
            lb.set_flags(mine, mine.flags & ~flags.IN_ERROR, "tried again", float(now))
            apache.flags &= ~flags.IN_ERROR
        elif event in "+-":
            lb.health(mine, event == "+", float(now))
            apache.check(event == "+", float(now))
            assert mine.health.up is not bool(mine.flags & (flags.HC_FAILED | flags.IN_ERROR))
        assert mine.flags == apache.flags
        assert (mine.health.passes, mine.health.fails) == (apache.passes, apache.fails)
        assert max(mine.error_time, 0.0) == apache.error_time
    words = {"health check failed": "DISABLING", "health check passed": "ENABLING"}
    assert [words[each] for each in lines if each in words] == apache.log


def test_C9_alternating_results_flip_a_member_that_sums():
    """
    A pass does not undo a failure: 500, 200, 500, 200, 500 puts out with hcfails=3.
    """
    health = Health()
    for passed in (False, True, False, True):
        health = tally(health, passed, False, 3, 3)
        assert health.up
    assert tally(health, False, False, 3, 3) == Health(up=False)


def test_C8_without_a_first_verdict_at_once():
    """
    The first failed check counts as any other; with hcfails=1 it is enough.
    """
    assert tally(Health(), False, False, 1, 2) == Health(up=True, fails=1)
    assert tally(Health(), False, False, 1, 1) == Health(up=False)
    assert tally(Health(), True, False, 1, 1) == Health(up=True)


def test_C11_sums_leave_stopped_members_alone():
    """
    S is not judged, +I is.
    """
    for status, judged in (("+S", False), ("+I", True)):
        lb, a, _ = checked(status=status, hccounting="sums")
        lb.health(a, False, 0.0)
        assert (lb.health(a, False, 1.0) is not None) is judged


def test_C12_checks_touch_no_counter_of_traffic():
    """
    Elected, busy, bytes, lbstatus and retries are as before, however checks end.
    """
    for counting in ("runs", "sums"):
        lb, a, _ = checked(hccounting=counting)
        before = (a.elected, a.busy, a.transferred, a.read, a.retries, lb.lbstatus(a))
        for now, passed in enumerate((False, False, False, True, True, True)):
            lb.health(a, passed, float(now))
        assert (a.elected, a.busy, a.transferred, a.read, a.retries, lb.lbstatus(a)) == before
