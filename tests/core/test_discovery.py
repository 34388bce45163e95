"""
What follows from the answers of sources: who comes, who changes, who goes and when.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core import flags
from txbalancer.core.balancer import Balancer
from txbalancer.core.commands import AddMember, RemoveMember, RenewMember, SetMember
from txbalancer.core.discovery import CALM, Following, Roster, Wanted, merged
from txbalancer.core.member import Origin
from txbalancer.core.overrides import configured_spec, of_member, removed
from txbalancer.core.performing import MOST_DISMISSED, adding, most_members, perform
from txbalancer.core.snapshot import export, restore
from txbalancer.core.specs import MemberSpec, SourceSpec
from txbalancer.core.state import read
from txbalancer.core.undo import inverse
from txbalancer.testing import make_balancer

DNS = "dns+http://shop.test"
BY_HAND = "http://10.9.9.9"
URLS = [f"http://10.0.0.{number}" for number in range(1, 6)]


def specs(urls: Iterable[str], **options: object) -> list[MemberSpec]:
    """
    Make specs of members.
    """
    return [MemberSpec(url, **options) for url in urls]  # type: ignore[arg-type]


def names(balancer: Balancer, drained: bool | None = None) -> set[str]:
    """
    Return the names of members that a source knows, or only drained ones, or the others.
    """
    return {
        each.name
        for each in balancer.members
        if each.origin is not None and drained in (None, bool(each.flags & flags.DRAIN))
    }


def sourced_balancer() -> Balancer:
    """
    Make a balancer whose configuration names the source.
    """
    made = make_balancer(BY_HAND)
    made.configured = replace(made.configured, discover=(SourceSpec(DNS, "dns", MemberSpec("")),))
    return made


class Sourced:
    """
    A balancer with one source, on a clock that is moved by hand.
    """

    def __init__(self, missing: int = 1, grace: float = 30.0) -> None:
        self.balancer = sourced_balancer()
        self.roster, self.following = Roster(missing), Following()
        self.grace, self.now = grace, 100.0

    def follow(self) -> list[object]:
        """
        Do what follows now.
        """
        wanted = Wanted(merged([(DNS, self.roster.specs)]), {DNS: self.grace})
        commands = self.following.commands(self.balancer, wanted, self.now)
        for command in commands:
            perform(self.balancer, command, self.now)
        return [type(each) for each in commands]

    def answer(self, *urls: str, **options: object) -> list[object]:
        """
        Let the source answer.
        """
        self.roster.answer(specs(urls, **options))
        return self.follow()

    def member(self, url: str):
        """
        Return a member.
        """
        return next(each for each in self.balancer.members if each.name == url)


def test_members_come_change_and_go() -> None:
    """
    A new member is added, another value renews it, one that is not named is drained, then removed.
    """
    world = Sourced()
    assert world.answer(*URLS[:2]) == [AddMember, AddMember]
    assert world.answer(*URLS[:2]) == []
    assert world.answer(*URLS[:2], loadfactor=300) == [RenewMember, RenewMember]
    assert world.member(URLS[0]).lbfactor == 300
    assert world.answer(URLS[0], loadfactor=300) == [RenewMember]
    assert names(world.balancer, drained=True) == {URLS[1]}
    world.now += 29.9
    assert world.follow() == []
    world.now += 0.1
    assert world.follow() == [RemoveMember]
    assert names(world.balancer) == {URLS[0]}


def test_who_comes_back_in_time_is_as_before() -> None:
    """
    A drain by the source ends when it names the member again.
    """
    world = Sourced()
    world.answer(*URLS[:2])
    world.answer(URLS[0])
    assert world.answer(*URLS[:2]) == [RenewMember]
    assert names(world.balancer, drained=False) == set(URLS[:2])
    world.now += 1000
    assert world.follow() == []


def test_what_people_changed_stays() -> None:
    """
    A factor and a drain by hand outlive answers, a disappearance and a return; reports show
    just them as changed.
    """
    world = Sourced()
    world.answer(*URLS[:2])
    for command in (
        SetMember("shop", URLS[0], loadfactor=700, on=flags.DRAIN),
        SetMember("shop", URLS[1], on=flags.DISABLED),
    ):
        perform(world.balancer, command, world.now)
    assert world.answer(URLS[1]) == []  # it is drained already
    world.answer(*URLS[:2], lbset=3)
    member = world.member(URLS[0])
    assert (member.lbfactor, member.lbset) == (700, 3)
    assert member.flags & flags.DRAIN
    assert world.member(URLS[1]).flags & flags.DISABLED
    changed = of_member(world.balancer, member)
    assert changed is not None
    assert [(each.name, each.live) for each in changed] == [("loadfactor", "7"), ("status", "+N")]


def test_what_the_source_says_anew_counts_more() -> None:
    """
    Where the source changes what somebody changed, the later word of the two holds.
    """
    world = Sourced()
    world.answer(URLS[0])
    perform(world.balancer, SetMember("shop", URLS[0], loadfactor=700), world.now)
    world.answer(URLS[0], loadfactor=200)
    assert world.member(URLS[0]).lbfactor == 200


def test_a_removed_member_stays_away_until_its_source_drops_it() -> None:
    """
    A member that somebody removed is not added again, until it was gone from the answers.
    """
    world = Sourced()
    world.answer(*URLS[:2])
    perform(world.balancer, RemoveMember("shop", URLS[0]), world.now)
    assert world.answer(*URLS[:2]) == []
    assert removed(world.balancer) == [URLS[0]]
    assert world.answer(URLS[1]) == []
    assert removed(world.balancer) == []
    assert world.answer(*URLS[:2]) == [AddMember]


def test_a_removed_member_is_brought_back_as_the_sources() -> None:
    """
    By undo, or by adding it anew, then with what the source says by now and people want beside;
    C{growth} does not count it.
    """
    world = Sourced()
    world.answer(*URLS[:2], loadfactor=200)
    member = world.member(URLS[0])
    undo = inverse(world.balancer, RemoveMember("shop", URLS[0]))
    perform(world.balancer, RemoveMember("shop", URLS[0]), world.now)
    perform(world.balancer, undo, world.now)
    assert (removed(world.balancer), world.member(URLS[0])) == ([], member)
    perform(world.balancer, RemoveMember("shop", URLS[0]), world.now)
    world.answer(*URLS[:2], loadfactor=300)
    said = configured_spec(world.balancer, URLS[0])
    assert said is not None
    perform(world.balancer, adding(world.balancer, replace(said, route="mine")), world.now)
    assert removed(world.balancer) == []
    back = world.member(URLS[0])
    assert (back.lbfactor, back.route, back.origin) == (300, b"mine", Origin(DNS, said))
    assert [each.name for each in of_member(world.balancer, back) or ()] == ["route"]
    assert world.answer(*URLS[:2], loadfactor=300) == []
    world.now += 60
    world.answer()
    world.now += 60
    world.follow()
    assert names(world.balancer) == set()


def test_those_that_are_kept_away_are_bounded() -> None:
    """
    Of too many the first ones may come again.
    """
    world = Sourced(grace=0.0)
    urls = [f"http://10.1.0.0:{port}" for port in range(1, MOST_DISMISSED + 2)]
    world.answer(*urls)
    for url in urls:
        perform(world.balancer, RemoveMember("shop", url), world.now)
    assert world.follow() == [AddMember]
    assert names(world.balancer) == {urls[0]}


def test_a_configured_member_that_was_removed_is_no_sources() -> None:
    """
    A source that names it, too, does not bring it back.
    """
    world = Sourced()
    perform(world.balancer, RemoveMember("shop", BY_HAND), world.now)
    assert world.answer(BY_HAND) == []


def test_a_member_that_could_not_be_added_is_tried_again() -> None:
    """
    Only members that were there count as removed by somebody.
    """
    following, balancer = Following(), make_balancer(BY_HAND)
    wanted = Wanted(merged([(DNS, specs(URLS[:1]))]), {})
    assert len(following.commands(balancer, wanted, 1.0)) == 1
    assert len(following.commands(balancer, wanted, 1.0)) == 1


def test_members_that_people_gave_are_theirs() -> None:
    """
    A source that names a configured member changes nothing about it, and dropping it neither.
    """
    world = Sourced()
    assert world.answer(BY_HAND, loadfactor=900) == []
    assert world.answer() == []
    assert world.member(BY_HAND).lbfactor == 100


def test_the_first_of_two_sources_counts() -> None:
    """
    A member that two sources know is that of the first, until the first drops it.
    """
    one, two = specs(URLS[:1], lbset=1), specs(URLS[:2], lbset=2)
    found = merged([("a:", one), ("b:", two)])
    assert found == {URLS[0]: Origin("a:", one[0]), URLS[1]: Origin("b:", two[1])}
    balancer, following = make_balancer(BY_HAND), Following()
    for rosters in ([("a:", one), ("b:", two)], [("a:", []), ("b:", two)]):
        for command in following.commands(balancer, Wanted(merged(rosters), {}), 1.0):
            perform(balancer, command, 1.0)
    member = next(each for each in balancer.members if each.name == URLS[0])
    assert (member.lbset, member.origin) == (2, Origin("b:", two[0]))


def test_without_a_grace_members_go_at_once() -> None:
    """
    grace = 0 removes without a drain.
    """
    world = Sourced(grace=0.0)
    world.answer(URLS[0])
    assert world.answer() == [RemoveMember]


def test_growth_is_for_people() -> None:
    """
    Members of sources leave as much room for those of people as there was.
    """
    world = Sourced()
    before = most_members(world.balancer) - len(world.balancer.members)
    world.answer(*URLS)
    assert most_members(world.balancer) - len(world.balancer.members) == before


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_one_answer_may_lack_a_member(missing: int) -> None:
    """
    Only so many answers in a row without a member end it.
    """
    roster = Roster(missing)
    roster.answer(specs(URLS))
    for _ in range(missing - 1):
        roster.answer(specs(URLS[1:]))
        assert len(roster.specs) == len(URLS)
    roster.answer(specs(URLS[1:]))
    assert len(roster.specs) == len(URLS) - 1


def test_who_comes_and_goes_is_believed_less_and_less() -> None:
    """
    Each return doubles the answers that have to lack a member; a long stay makes up for it.
    """
    roster = Roster(1)
    needed = []
    for _ in range(7):
        roster.answer(specs(URLS[:1]))
        count = 0
        while roster.specs:
            roster.answer([])
            count += 1
        needed.append(count)
    assert needed == [1, 2, 4, 8, 16, 16, 16]
    roster = Roster(2)
    needed = []
    for _ in range(7):
        roster.answer(specs(URLS[:1]))
        roster.answer([])
        roster.answer(specs(URLS[:1]))
        count = 0
        while roster.specs:
            roster.answer([])
            count += 1
        needed.append(count)
    assert needed == [4, 16, 32, 32, 32, 32, 32]
    for _ in range(CALM):
        roster.answer(specs(URLS[:1]))
    for _ in range(2):
        roster.answer([])
    assert roster.specs == []


def test_rosters_are_bounded() -> None:
    """
    Who went long ago is forgotten, however often it came back.
    """
    roster = Roster(1)
    for number in range(500):
        url = [f"http://10.1.{number // 250}.{number % 250}"]
        for found in (url, [], url, []):
            roster.answer(specs(found))
    assert len(roster._entries) < 200


answers = st.lists(
    st.tuples(
        st.lists(st.sampled_from(URLS), unique=True),
        st.sampled_from([100, 300]),
        st.floats(0.0, 60.0),
        st.sampled_from(["", "drain", "remove", "restart"]),
    ),
    max_size=12,
)


@given(answers, st.integers(1, 3), st.sampled_from([0.0, 30.0]))
def test_in_the_end_there_is_what_the_source_says(found, missing: int, grace: float) -> None:
    """
    Whatever answers there were, whatever people did meanwhile: repeating the last answer for long
    enough leaves its members, but for removed ones, and whoever people gave.
    """
    world = Sourced(missing, grace)
    last: list[str] = []
    away: set[str] = set()
    for urls, factor, seconds, deed in found:
        last = urls
        world.now += seconds
        world.answer(*urls, loadfactor=factor)
        away &= {each.url for each in world.roster.specs}
        assert {each.url for each in world.roster.specs} - away <= names(world.balancer)
        if deed == "restart":
            state = read(export(world.balancer, world.now))
            world.following, world.balancer = Following(), sourced_balancer()
            restore(world.balancer, state, world.now)
        elif deed and names(world.balancer, drained=False):
            url = min(names(world.balancer, drained=False))
            if deed == "drain":
                perform(world.balancer, SetMember("shop", url, on=flags.DRAIN), world.now)
            else:
                perform(world.balancer, RemoveMember("shop", url), world.now)
                away |= {url} & {each.url for each in world.roster.specs}
    for _ in range(100):
        world.answer(*last)
        world.now += 1.0
    world.now += grace
    world.follow()
    assert names(world.balancer) == set(last) - away
    assert BY_HAND in {each.name for each in world.balancer.members}
    assert world.following.next_end(world.balancer, Wanted({}, {})) == float("inf")
