"""
Addresses that stay with their members.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.sources import Sources


def test_for_as_long_as_it_counts() -> None:
    """
    An address is known until it was not seen for so long; being seen again starts anew.
    """
    sources = Sources(10.0, 100)
    sources.note("a", "m1", 0.0)
    assert sources.find("a", 9.9) == "m1"
    assert sources.find("a", 10.0) is None
    sources.note("a", "m1", 5.0)
    assert sources.find("a", 14.0) == "m1"
    assert sources.count(14.0) == 1
    assert sources.count(15.0) == 0
    assert sources.find("a", 14.0) is None


def test_no_address_is_nobody() -> None:
    """
    Clients of unix sockets are not all one.
    """
    sources = Sources(10.0, 100)
    sources.note("", "m1", 0.0)
    assert sources.count(0.0) == 0


def test_a_smaller_table_forgets() -> None:
    """
    When fewer are allowed than there are, the longest unseen go.
    """
    sources = Sources(10.0, 100)
    for number in range(5):
        sources.note(str(number), "m", float(number))
    sources.note("0", "m", 5.0)
    sources.most = 2
    assert sources.count(5.0) == 2
    assert [each for each in "01234" if sources.find(each, 5.0)] == ["0", "4"]


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xy"), st.integers(0, 5))),
    st.integers(1, 4),
)
def test_it_is_a_bounded_map_of_the_latest(events, most: int) -> None:
    """
    It never holds more than allowed, and what it says is the latest that was noted.
    """
    sources = Sources(8.0, most)
    latest: dict[str, tuple[str, int]] = {}
    now = 0
    for client, member, later in events:
        now += later
        sources.note(client, member, float(now))
        latest.pop(client, None)
        latest[client] = member, now
    kept = list(latest)[-most:]
    for client, (member, seen) in latest.items():
        expected = member if client in kept and seen + 8 > now else None
        assert sources.find(client, float(now)) == expected
    assert sources.count(float(now)) <= most
