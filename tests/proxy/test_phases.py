"""
Where the time of an exchange went: queue, connect, first byte and total, to the tick.
"""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.logged import read_line
from tests.proxy.rigs import GET, OK, check_rest, make_rig
from txbalancer.control import loglines
from txbalancer.core.outcome import Outcome
from txbalancer.testing import MemoryRig, MemoryTransport, Opening

CLOSING = OK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
SWEEP = 0.26
"""A wait that ends by itself is noticed by the next sweep of deadlines, after 0.25 s at most."""


def wait(rig: MemoryRig, seconds: float) -> None:
    """
    Let time pass.
    """
    rig.reactor.advance(seconds)


def phases(outcome: Outcome) -> tuple[float, float, float, float]:
    """
    Return queue, connect, first byte and duration as a line of JSON has them.
    """
    line = read_line(loglines.as_json(outcome))
    return line["queue"], line["connect"], line["first_byte"], line["duration"]


def last(rig: MemoryRig) -> tuple[float, ...]:
    """
    Return the phases of the exchange that ended last.
    """
    return tuple(round(each, 3) for each in phases(rig.outcomes[-1]))


def test_a_new_connection() -> None:
    """
    Connecting takes until it can be used, the first byte counts from the request, and the
    end is that of the body.
    """
    rig = make_rig(1)
    rig.client().send(GET)
    wait(rig, 0.03)
    member = rig.accept()
    wait(rig, 0.02)
    member.send(OK[:-1])
    wait(rig, 0.1)
    member.send(OK[-1:])
    assert last(rig) == (0, 0.03, 0.05, 0.15)


def test_a_connection_that_is_there() -> None:
    """
    It takes neither queue nor connect.
    """
    rig = make_rig(1)
    rig.client().send(GET)
    member = rig.accept()
    member.send(OK)
    rig.client().send(GET)
    wait(rig, 0.02)
    member.send(OK)
    assert last(rig) == (0, 0, 0.02, 0.02)
    assert rig.outcomes[-1].reused


def test_waiting_for_a_busy_connection() -> None:
    """
    Who gets a connection that another gave back has waited in the queue.
    """
    rig = make_rig(1, member="max=1")
    rig.client().send(GET)
    member = rig.accept()
    wait(rig, 0.01)
    rig.client().send(GET)
    wait(rig, 0.04)
    member.send(OK)
    wait(rig, 0.02)
    member.send(OK)
    assert last(rig) == (0.04, 0, 0.06, 0.06)


def test_waiting_for_room_and_then_for_a_connection() -> None:
    """
    Until there was room is queue, what came after it connect.
    """
    rig = make_rig(1, member="max=1")
    rig.client().send(GET)
    member = rig.accept()
    rig.client().send(GET)
    wait(rig, 0.04)
    member.send(CLOSING)
    wait(rig, 0.03)
    rig.accept().send(OK)
    assert last(rig) == (0.04, 0.03, 0.07, 0.07)


def test_attempts_are_summed_up() -> None:
    """
    A connection that did not come about counts as connect, as does the one that did.
    """
    rig = make_rig(2)
    rig.client().send(GET)
    wait(rig, 0.2)
    (opening,) = rig.openings()
    opening.fail()
    wait(rig, 0.03)
    rig.accept().send(OK)
    assert last(rig) == (0, 0.23, 0.23, 0.23)
    line = read_line(loglines.as_json(rig.outcomes[-1]))
    assert line["attempts"] == 2
    assert line["tried"] == [{"member": "http://10.0.0.1", "reason": "connect-failed"}]


def test_an_answer_that_never_began_has_no_first_byte() -> None:
    """
    All connections failed: their time is connect, and the whole.
    """
    rig = make_rig(1, balancer="forcerecovery = off", member="maxfails=1 retry=60")
    rig.client().send(GET)
    wait(rig, 0.2)
    (opening,) = rig.openings()
    opening.fail()
    assert last(rig) == (0, 0.2, 0, 0.2)


def test_giving_up_in_the_queue() -> None:
    """
    After C{acquire} all was queue.
    """
    rig = make_rig(1, member="max=1 acquire=1s")
    rig.client().send(GET)
    rig.accept()
    rig.client().send(GET)
    rig.advance(1 + SWEEP)
    queue, connect, first_byte, total = last(rig)
    assert rig.outcomes[-1].reason == "queue-full"
    assert 1 <= queue == total <= 1 + SWEEP
    assert (connect, first_byte) == (0, 0)


def test_waiting_for_any_member() -> None:
    """
    With C{timeout} a request waits for a member to come back; that is queue, too.
    """
    rig = make_rig(1, balancer="timeout = 10\nforcerecovery = off", member="maxfails=1 retry=1")
    balancer = rig.balancer()
    balancer.force_error(balancer.members[0], "gone", rig.reactor.seconds())
    rig.client().send(GET)
    wait(rig, 0.5)
    wait(rig, 0.6)
    wait(rig, 0.02)
    rig.accept().send(OK)
    queue, connect, first_byte, total = last(rig)
    assert (queue, connect) == (1.1, 0.02)
    assert first_byte == total == 1.12


@pytest.mark.parametrize("where", ["connecting", "queue", "any member"])
def test_clients_that_leave(where: str) -> None:
    """
    What they waited for is known although nothing came of it.
    """
    options = "timeout = 10\nforcerecovery = off" if where == "any member" else ""
    rig = make_rig(1, balancer=options, member="max=1")
    if where == "queue":
        rig.client().send(GET)
        rig.accept()
    elif where == "any member":
        balancer = rig.balancer()
        balancer.force_error(balancer.members[0], "gone", rig.reactor.seconds())
    client = rig.client()
    client.send(GET)
    wait(rig, 0.2)
    client.reset()
    queue, connect, first_byte, total = last(rig)
    assert rig.outcomes[-1].reason == "client-gone"
    assert (queue, connect) == ((0, 0.2) if where == "connecting" else (0.2, 0))
    assert (first_byte, total) == (0, 0.2)
    if where == "connecting":
        rig.accept()
        check_rest(rig)


STEPS = st.lists(
    st.one_of(
        st.sampled_from(["ask", "ask", "accept", "refuse", "answer", "close", "leave"]),
        st.floats(0.001, 0.4),
    ),
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@example(["ask", "accept", "ask", 0.1, "close", 0.1, "accept", "answer"], "max=1")
@given(STEPS, st.sampled_from(["max=1", "max=1 acquire=1s", "maxfails=1 retry=1"]))
def test_phases_fit_into_the_whole(steps: list[str | float], options: str) -> None:
    """
    Whatever happens when: no time is counted twice, and none is negative.
    """
    rig = make_rig(1, member=options, balancer="timeout = 1")
    clients: list[MemoryTransport] = []
    openings: list[Opening] = []
    members: list[MemoryTransport] = []
    for step in steps:
        openings += rig.openings()
        if isinstance(step, float):
            wait(rig, step)
        elif step == "ask":
            clients.append(rig.client())
            clients[-1].send(GET)
        elif step == "leave" and clients:
            clients.pop(0).reset()
        elif step == "accept" and openings:
            members.append(openings.pop(0).accept())
        elif step == "refuse" and openings:
            openings.pop(0).fail()
        elif step in ("answer", "close") and members:
            member = members.pop(0)
            if not member.taken():
                member.end()
            elif step == "close":
                member.send(CLOSING)
            else:
                member.send(OK)
                members.append(member)
    for outcome in rig.outcomes:
        assert min(outcome.queue, outcome.connect, outcome.first_byte) >= 0
        whole = outcome.first_byte or outcome.duration
        assert outcome.queue + outcome.connect <= whole + 1e-9
        assert outcome.first_byte <= outcome.duration + 1e-9
