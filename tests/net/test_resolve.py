"""
Names are looked up when needed, kept for a while, and never lost.
"""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from txbalancer.net.resolve import Addresses


class Names(Clock):
    """
    A clock with a resolver that answers when the test says so.
    """

    def __init__(self) -> None:
        super().__init__()
        self.nameResolver = self
        self.receivers: list[object] = []

    def resolveHostName(self, receiver, name) -> None:
        receiver.resolutionBegan(None)
        self.receivers.append(receiver)

    def answer(self, *addresses: str) -> None:
        """
        Answer the one look-up under way.
        """
        (receiver,) = self.receivers
        self.receivers.clear()
        for address in addresses:
            receiver.addressResolved(type("Address", (), {"host": address}))
        receiver.resolutionComplete()


@pytest.fixture
def names() -> Names:
    """
    Return a resolver on a machine that was just started.
    """
    return Names()


@pytest.fixture
def found() -> list[list[str]]:
    """
    Return a place for answers.
    """
    return []


@pytest.mark.parametrize("literal", ["192.0.2.1", "2001:db8::1"])
def test_literals_need_no_look_up(names, found, literal) -> None:
    """
    An address is its own address.
    """
    Addresses(names, literal, 60, names.seconds).find(found.append)
    assert found == [[literal]]
    assert names.receivers == []


def test_all_who_ask_share_one_look_up(names, found) -> None:
    """
    Questions during a look-up wait for it; repeated addresses count once.
    """
    addresses = Addresses(names, "a.test", 60, names.seconds)
    addresses.find(found.append)
    addresses.find(found.append)
    assert found == []
    names.answer("192.0.2.2", "192.0.2.1", "192.0.2.2")
    assert found == [["192.0.2.2", "192.0.2.1"]] * 2


def test_known_addresses_are_used_while_they_are_renewed(names, found) -> None:
    """
    After the ttl a look-up runs behind the requests' backs.
    """
    addresses = Addresses(names, "a.test", 60, names.seconds)
    addresses.find(found.append)
    names.answer("192.0.2.1")
    names.advance(59)
    addresses.find(found.append)
    assert names.receivers == []
    names.advance(2)
    addresses.find(found.append)
    assert found == [["192.0.2.1"]] * 3
    names.answer("192.0.2.9")
    addresses.find(found.append)
    assert found[3] == ["192.0.2.9"]


def test_a_failed_look_up_keeps_the_last_good_answer(names, found) -> None:
    """
    A broken resolver does not take a working member away.
    """
    addresses = Addresses(names, "a.test", 60, names.seconds)
    addresses.find(found.append)
    names.answer("192.0.2.1")
    names.advance(100)
    addresses.find(found.append)
    names.answer()
    addresses.find(found.append)
    assert found == [["192.0.2.1"]] * 3


def test_an_unknown_name_is_looked_up_again(names, found) -> None:
    """
    Not to be known is no lasting answer.
    """
    addresses = Addresses(names, "a.test", 60, names.seconds)
    addresses.find(found.append)
    names.answer()
    addresses.find(found.append)
    names.answer("192.0.2.1")
    assert found == [[], ["192.0.2.1"]]


def test_without_ttl_each_question_is_a_look_up(names, found) -> None:
    """
    With ttl 0 nobody gets an old address, unless the look-up fails.
    """
    addresses = Addresses(names, "a.test", 0, names.seconds)
    for address in ("192.0.2.1", "192.0.2.2"):
        addresses.find(found.append)
        names.answer(address)
    addresses.find(found.append)
    names.answer()
    assert found == [["192.0.2.1"], ["192.0.2.2"], ["192.0.2.2"]]


def test_W55_below_zero_addresses_are_kept_for_ever(names, found) -> None:
    """
    One look-up serves all, until the addresses are not trusted any more; then they still serve
    while another look-up runs.
    """
    addresses = Addresses(names, "a.test", -1, names.seconds)
    addresses.find(found.append)
    names.answer("192.0.2.1")
    names.advance(1e9)
    addresses.find(found.append)
    assert names.receivers == []
    addresses.distrust()
    addresses.find(found.append)
    names.answer("192.0.2.9")
    addresses.find(found.append)
    assert names.receivers == []
    assert found == [["192.0.2.1"]] * 3 + [["192.0.2.9"]]
