"""
The standing verdict of probes on a member, as a value.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from txbalancer.core.hcexpr import Answer


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """
    What one probe found.

    @ivar passed: whether the member is well.
    @ivar text: what was seen, for logs, such as C{"status 503"} or C{"connect refused"}.
    @ivar duration: seconds the probe took.
    @ivar answer: what the member said, for C{hcexpr} to judge; C{None} when it said nothing
        complete, or was not asked, and once it is judged.
    @ivar transcript: what was said and when, as lines; see
        L{Transcript<txbalancer.core.transcript.Transcript>}.
    """

    passed: bool
    text: str = ""
    duration: float = 0.0
    answer: Answer | None = None
    transcript: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Health:
    """
    @ivar up: the verdict; C{None} until the first result.
    @ivar run: equal results in a row: passes count up from 0, failures down.
    @ivar passes: with C{hccounting=sums}, passed checks that count towards the end of being
        out; C{fails}: failed ones towards being taken out.
    """

    up: bool | None = None
    run: int = 0
    passes: int = 0
    fails: int = 0


class ProbeCounts:
    """
    What all probes of a member found so far.

    @ivar passed: how many found it well; C{failed}: how many did not.
    @ivar seconds: the sum of their durations.
    """

    __slots__ = ("failed", "passed", "seconds")

    def __init__(self) -> None:
        self.passed = self.failed = 0
        self.seconds = 0.0

    def add(self, result: ProbeResult) -> None:
        """
        Count a result.
        """
        if result.passed:
            self.passed += 1
        else:
            self.failed += 1
        self.seconds += result.duration


def observe(health: Health, passed: bool, rise: int, fall: int) -> Health:
    """
    Count one result; the verdict flips after enough results in a row against it.

    The first result of all is a verdict at once, as a full run. Apache differs: its
    counts never start over (APACHE C9), so that rare losses sum up to a failure.

    @param rise: passes in a row that bring the member up, >= 1.
    @param fall: failures in a row that take it down, >= 1.
    @return: the new value; C{up} differs from before only on a flip.
    """
    if health.up is None:
        return Health(passed, rise if passed else -fall)
    run = max(health.run, 0) + 1 if passed else min(health.run, 0) - 1
    if run >= rise:
        return Health(True, run)
    if -run >= fall:
        return Health(False, run)
    return replace(health, run=run)


def tally(health: Health, passed: bool, out: bool, rise: int, fall: int) -> Health:
    """
    Count one result as Apache does (APACHE C8 and C9): passes only while the member is out,
    failures only while it is not, and none is ever forgotten but by a flip.

    @param out: whether it is in error or out by its checks.
    @return: the new value; a flip is where it is C{out} and C{up}, or neither.
    """
    if passed is not out:
        return replace(health, up=not out)
    if passed:
        passes = health.passes + 1
        done = passes >= rise
        return replace(health, up=done, passes=0 if done else passes)
    fails = health.fails + 1
    done = fails >= fall
    return replace(health, up=not done, fails=0 if done else fails)
