"""
Balancer and Apache's own loop, side by side on random histories.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.core.balancers import balancer, member
from tests.core.reference import Reference, Worker
from txbalancer.core import flags
from txbalancer.core.balancer import Session

STATUS = st.sampled_from(
    ["", "", "", "", "+H", "+R", "+N", "+D", "+E", "+S", "+RN", "+HN", "+DE", "+IE", "+C", "+SE"]
)
ROUTES = st.sampled_from(["", "r1", "r2", "r3"])
MEMBER = st.tuples(
    st.sampled_from([100, 100, 100, 150, 225, 300, 10000]),
    st.sampled_from([0, 0, 0, 1, 7]),
    STATUS,
    ROUTES,
    ROUTES,
    st.sampled_from([0.0, 1.0, 3.0]),
)
EXAMPLES = int(os.environ.get("TXB_EXAMPLES", "30"))
SETTABLE = [flags.DRAIN, flags.DISABLED, flags.STANDBY, flags.SPARE, flags.STOPPED, flags.HC_FAILED]


class SideBySide(RuleBasedStateMachine):
    """
    Every step is done to both; they must choose alike and keep the same lbstatus.
    """

    lbmethod = "byrequests"

    @initialize(layout=st.lists(MEMBER, min_size=1, max_size=9), force=st.booleans())
    def lay_out(self, layout, force):
        self.now = 0.0
        self.lb = balancer(
            *(
                member(
                    f"m{i}",
                    loadfactor=factor,
                    lbset=lbset,
                    status=status,
                    route=route,
                    redirect=redirect,
                    retry=retry,
                    maxfails=1,
                )
                for i, (factor, lbset, status, route, redirect, retry) in enumerate(layout)
            ),
            lbmethod=self.lbmethod,
            forcerecovery=force,
            stickysession=None,
        )
        workers = [
            Worker(m.name, m.lbfactor, m.lbset, m.flags, m.route, m.redirect, m.spec.retry)
            for m in self.lb.members
        ]
        self.reference = Reference(workers, self.lbmethod, force)
        self.running = []
        self.tried = []

    def both(self, index):
        index %= len(self.lb.members)
        return self.lb.members[index], self.reference.workers[index]

    def agree(self, found, expected):
        assert (found and found.name) == (expected and expected.name)
        if found is not None:
            self.running.append((found, expected))

    @rule(times=st.integers(1, 12))
    def elect(self, times):
        self.tried = []
        for _ in range(times):
            self.agree(self.lb.elect(self.now), self.reference.elect(self.now))

    @precondition(lambda self: self.running)
    @rule()
    def fail_over(self):
        failed, theirs = self.running[-1]
        self.tried.append((failed, theirs))
        mine, apaches = zip(*self.tried, strict=True)
        self.agree(
            self.lb.elect(self.now, tried=mine), self.reference.elect(self.now, tried=apaches)
        )

    @rule(route=st.sampled_from([b"r1", b"r2", b"r3"]), times=st.integers(1, 3))
    def follow(self, route, times):
        carriers = self.lb.carriers(route)
        for _ in range(times):
            self.agree(
                self.lb.follow(Session(b"s", route, carriers), self.now),
                self.reference.follow(route, self.now),
            )

    @precondition(lambda self: self.running)
    @rule(pick=st.integers(0))
    def release(self, pick):
        found, expected = self.running.pop(pick % len(self.running))
        self.lb.release(found)
        expected.busy -= 1

    @precondition(lambda self: self.running)
    @rule(pick=st.integers(0), sent=st.integers(0, 3000), read=st.integers(0, 90000))
    def move_bytes(self, pick, sent, read):
        for each in self.running[pick % len(self.running)]:
            each.transferred += sent
            each.read += read

    @rule(pick=st.integers(0))
    def fail(self, pick):
        mine, apaches = self.both(pick)
        self.lb.force_error(mine, "refused", self.now)
        if not apaches.flags & flags.IGNORE_ERRORS:
            apaches.flags |= flags.IN_ERROR
            apaches.error_time = self.now

    @rule(pick=st.integers(0), bit=st.sampled_from(SETTABLE))
    def toggle(self, pick, bit):
        mine, apaches = self.both(pick)
        apaches.flags ^= bit
        self.lb.set_flags(mine, mine.flags ^ bit, "by hand", self.now)

    @rule(pick=st.integers(0), factor=st.sampled_from([100, 150, 400]), lbset=st.integers(0, 1))
    def reweigh(self, pick, factor, lbset):
        mine, apaches = self.both(pick)
        mine.lbfactor = apaches.factor = factor
        mine.lbset = apaches.lbset = lbset
        self.lb.changed()

    @rule(seconds=st.sampled_from([0.5, 1.0, 1.5, 4.0]))
    def wait(self, seconds):
        self.now += seconds

    @invariant()
    def the_books_agree(self):
        for mine, apaches in zip(self.lb.members, self.reference.workers, strict=True):
            assert self.lb.lbstatus(mine) == apaches.lbstatus
            assert (mine.flags, mine.busy, mine.elected, mine.retries) == (
                apaches.flags,
                apaches.busy,
                apaches.elected,
                apaches.retries,
            )


@pytest.mark.parametrize("lbmethod", ["byrequests", "bytraffic", "bybusyness"])
def test_A1_to_A34_chooses_and_counts_as_apache_does(lbmethod):
    """
    Whatever happens, each choice, lbstatus, flag and counter is Apache's own.
    """
    machine = type(lbmethod, (SideBySide,), {"lbmethod": lbmethod})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=EXAMPLES, stateful_step_count=30, deadline=None)
    )
