"""
Gates: so many inside, others in line.
"""

from __future__ import annotations

from collections import deque
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.gates import Crowd, Gate, GateSpec, adjusted


class Visitor:
    """
    Somebody who waits, and notes when it is let in.
    """

    def __init__(self) -> None:
        self.inside = False

    def admitted(self, gate: Gate) -> None:
        self.inside = True


def spec(most: float = 1, queue: int = 2) -> GateSpec:
    """
    Make the spec of a gate.
    """
    return GateSpec("test", most, queue, 5.0)


class Doing(deque):
    """
    What is to be done soon.
    """

    def run(self) -> None:
        """
        Do it.
        """
        while self:
            self.popleft()()


def test_over_the_limit_they_wait_in_line() -> None:
    """
    Each that leaves lets one in, but not while it is still leaving.
    """
    soon = Doing()
    gate = Gate(spec(), soon.append)
    assert gate.take()
    first, second = Visitor(), Visitor()
    assert not gate.take()
    assert gate.wait(first, False)
    assert gate.wait(second, False)
    assert not gate.wait(Visitor(), False)
    gate.leave()
    assert not first.inside
    assert not gate.take(), "nobody is let past those who wait"
    soon.run()
    assert (first.inside, second.inside, gate.busy, gate.refused) == (True, False, 1, 1)


def test_high_ones_go_first_and_have_their_own_places() -> None:
    """
    A line full of others has still room for them.
    """
    soon = Doing()
    gate = Gate(spec(queue=1), soon.append)
    gate.take()
    other, high = Visitor(), Visitor()
    assert gate.wait(other, False)
    assert gate.wait(high, True)
    assert not gate.wait(Visitor(), True)
    gate.leave()
    soon.run()
    assert (high.inside, other.inside) == (True, False)


def test_a_higher_limit_lets_in_who_waits() -> None:
    """
    Also when there is no limit any more.
    """
    soon = Doing()
    gate = adjusted(None, spec(), soon.append)
    assert gate is not None
    gate.take()
    waiting = Visitor()
    gate.wait(waiting, False)
    assert adjusted(gate, spec(most=0), soon.append) is None
    soon.run()
    assert waiting.inside
    assert gate.spec.most == inf
    assert adjusted(None, spec(most=0), soon.append) is None


@given(st.lists(st.tuples(st.sampled_from("tlg"), st.booleans()), max_size=80), st.integers(1, 4))
def test_never_more_inside_than_allowed(steps, most) -> None:
    """
    Whatever order they come, leave and give up in; and nobody waits while there is room.
    """
    soon = Doing()
    gate = Gate(spec(most, 5), soon.append)
    inside, line = 0, []
    for what, high in steps:
        if what == "t":
            if gate.take():
                inside += 1
            else:
                one = Visitor()
                if gate.wait(one, high):
                    line.append(one)
        elif what == "l" and inside:
            inside -= 1
            gate.leave()
            soon.run()
        elif what == "g" and line:
            gate.line.discard(line.pop())
        inside += sum(each.inside for each in line)
        line = [each for each in line if not each.inside]
        assert gate.busy == inside <= most
        assert len(gate.line) == len(line)
        assert not line or inside == most


def test_each_client_has_a_gate_while_it_is_there() -> None:
    """
    Addresses of one network of IPv6 are one client; exempt ones, and unix sockets, have none.
    """
    soon = Doing()
    crowd = Crowd(spec(), soon.append, lambda client: client == "10.0.0.1")
    one = crowd.gate("2001:db8::1")
    assert one is crowd.gate("2001:db8::2")
    assert crowd.gate("192.0.2.1") is not one
    assert crowd.gate("10.0.0.1") is None
    assert crowd.gate("") is None


def test_gates_of_clients_that_are_gone_are_dropped() -> None:
    """
    However many come, only so many are kept; whoever is inside or waits keeps its gate.
    """
    soon = Doing()
    crowd = Crowd(spec(queue=1), soon.append)
    here = [crowd.gate(f"10.0.0.{number}") for number in range(5)]
    for gate in here:
        assert gate is not None
        assert gate.take()
        assert gate.wait(Visitor(), False)
    for number in range(5000):
        gate = crowd.gate(f"10.1.{number // 256}.{number % 256}")
        assert gate is not None
        assert gate.take()
        gate.leave()
        assert len(crowd.gates) <= 1000
    assert [crowd.gate(f"10.0.0.{number}") for number in range(5)] == here


def test_what_clients_wait_for_is_summed_up() -> None:
    """
    Also who was refused, whosever gate it was.
    """
    crowd = Crowd(spec(queue=1), Doing().append)
    for client in ("192.0.2.1", "192.0.2.2"):
        gate = crowd.gate(client)
        assert gate is not None
        assert gate.take()
        assert gate.wait(Visitor(), False)
        assert not gate.wait(Visitor(), False)
    assert (crowd.waiting, crowd.refused) == (2, 2)


def test_another_limit_holds_for_clients_that_are_there() -> None:
    """
    A reload that raises it lets in who waits.
    """
    soon = Doing()
    crowd = Crowd(spec(), soon.append)
    gate = crowd.gate("192.0.2.1")
    assert gate is not None
    gate.take()
    waiting = Visitor()
    gate.wait(waiting, False)
    crowd.configure(spec(most=2), None)
    soon.run()
    assert waiting.inside
