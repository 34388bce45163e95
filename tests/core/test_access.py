"""
Access rules as values, and their text.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core import access
from txbalancer.core.access import Group, Not, Require, group, negated, require, rule, rules
from txbalancer.core.access_words import network

USERS = st.text(min_size=1, max_size=12).filter(lambda name: ":" not in name and name.isprintable())
HOSTS = st.from_regex(r"\A\.?[a-z0-9_-]{1,9}(\.[a-z0-9_-]{1,9}){0,3}\Z")
SINGLES = st.one_of(
    st.sampled_from(["all granted", "all denied", "local", "valid-user"]).map(require),
    st.lists(st.ip_addresses(), min_size=1, max_size=3)
    .map(lambda found: [each for each in map(str, found) if not each.startswith("::ffff:")])
    .filter(bool)
    .map(lambda found: require("ip", found)),
    st.builds(
        lambda address, length: require("ip", [f"{address}/{length}"]),
        st.ip_addresses(v=4),
        st.integers(1, 32),
    ),
    st.lists(HOSTS, min_size=1, max_size=3).map(lambda found: require("host", found)),
    st.lists(USERS, min_size=1, max_size=3).map(lambda found: require("user", found)),
)


def nested(inner: st.SearchStrategy[access.Rule]) -> st.SearchStrategy[access.Rule]:
    """
    Groups of rules, each as it may stand there.
    """
    some = st.lists(inner, min_size=1, max_size=3)
    out = st.one_of(SINGLES.map(negated), some.map(lambda found: group("none", found)))
    return st.one_of(
        some.map(lambda found: group("any", found)),
        st.tuples(some, st.lists(out, max_size=2)).map(lambda two: group("all", two[0] + two[1])),
    )


RULES = st.recursive(SINGLES, nested, max_leaves=12)


@given(RULES)
def test_a_rule_shown_is_read_as_the_same(found: access.Rule) -> None:
    """
    What show writes is read back as an equal value.
    """
    assert rule(rule.show(found)) == found


@given(st.text(alphabet='anylocuser not(),"\\ .:/0129', max_size=40))
def test_any_text_is_a_rule_or_a_clear_error(text: str) -> None:
    """
    No text makes anything but a rule or ValueError, and what is read can be shown.
    """
    try:
        found = rule(text)
    except ValueError:
        return
    assert rule(rule.show(found)) == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all granted", Require("all granted")),
        ("ALL Denied", Require("all denied")),
        ("local", Require("local")),
        ("valid-user", Require("valid-user")),
        ("user alice bob", Require("user", ("alice", "bob"))),
        ('user "John \\"J\\" Doe, jr" bob', Require("user", ('John "J" Doe, jr', "bob"))),
        ("host Example.COM. .x.org", Require("host", ("example.com", ".x.org"))),
        ("forward-dns Example.com", Require("forward-dns", ("example.com",))),
        ("any(local, ip ::1)", Group("any", (Require("local"), Require("ip", ("::1",))))),
        (
            "all ( valid-user , not user eve )",
            Group("all", (Require("valid-user"), Not(Require("user", ("eve",))))),
        ),
        (
            "all(local, none(user a, any(user b)))",
            Group(
                "all",
                (
                    Require("local"),
                    Group(
                        "none",
                        (Require("user", ("a",)), Group("any", (Require("user", ("b",)),))),
                    ),
                ),
            ),
        ),
    ],
)
def test_M2_rules_are_read(text: str, expected: access.Rule) -> None:
    """
    Each kind of rule has its words; groups nest.
    """
    assert rule(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10", "10.0.0.0/8"),
        ("10.1", "10.1.0.0/16"),
        ("10.1.", "10.1.0.0/16"),
        ("10.1.2", "10.1.2.0/24"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3/32", "10.1.2.3"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("10.1.2.3/255.255.255.255", "10.1.2.3"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("::1", "::1"),
        ("2001:DB8::1/32", "2001:db8::/32"),
    ],
)
def test_M2_addresses_are_normalised(text: str, expected: str) -> None:
    """
    Full, partial, with a net mask or a length; bits beside the range are dropped as in Apache.
    """
    assert network(text) == expected
    assert network(expected) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "a rule is missing: use all granted"),
        ("not", "a rule is missing after not"),
        ("foo x", "'foo' is no rule: use all granted"),
        ("all", "all must be: all granted, or all denied"),
        ("all granted now", "all must be"),
        ("local x", "local stands alone, without 'x'"),
        ("valid-user bob", "valid-user stands alone"),
        ("ip", "ip needs addresses or ranges after it"),
        ("user", "user needs user names"),
        ('user ""', "'' cannot be a user"),
        ("user a:b", "'a:b' cannot be a user"),
        ('user "a', 'has a " without its partner'),
        ('user a"b', 'has a " without its partner'),
        ("host", "host needs host names"),
        ("host *.example.com", ".example.com has only those"),
        ("forward-dns .example.com", "is not a whole host name"),
        ("ip 300.1", "'300.1' is no address or range: use"),
        ("ip 300.1.2.3", "is no address or range"),
        ("ip 10.1/16", "is no address or range"),
        ("ip 10.0.0.0/255.0.255.0", "is no address or range"),
        ("ip 10.0.0.0/0.0.0.255", "is no address or range"),
        ("ip 10.0.0.0/", "is no address or range"),
        ("ip 10.0.0.0/33", "is no address or range"),
        ("ip 010.1.1.1", "is no address or range"),
        ("ip [::1]", "is no address or range"),
        ("ip ::ffff:10.0.0.1", "write the IPv4 address without ::ffff:"),
        ("ip 10.0.0.0/0", "would be every address: use all granted"),
        ("ip 10.0.0.1,10.0.0.2", "a comma only stands within"),
        ("any()", "any(…) is empty"),
        ("all(local", "a ) is missing"),
        ("all(local (", "a ) is missing"),
        ("all(local))", "')' is out of place"),
        ("local (local)", "'(' is out of place"),
        ("all(local,,local)", "a rule is missing"),
        ("not local", "not has no effect by itself: write all(all granted, not local)"),
        ("any(local, not user x)", "not has no effect by itself"),
        ("none(local)", "none(…) has no effect by itself"),
        ("all(local, none(not local))", "not has no effect in none(…)"),
        ("all(not local, not user x)", "not lets nobody in: all(…) needs a rule"),
        ("all(none(local))", "none(…) lets nobody in"),
        ("all(local, not any(local))", "not stands before a single rule"),
        ("all(local, not not local)", "'not' is no rule"),
        ("any(" * 21 + "local" + ")" * 21, "more than 20 groups"),
    ],
)
def test_M2_what_cannot_be_a_rule_is_refused(text: str, part: str) -> None:
    """
    Each fault has a message that says what is allowed; rules without effect are faults, as
    in Apache.
    """
    with pytest.raises(ValueError, match=re.escape(part)):
        rule(text)


def test_rules_stand_one_per_line() -> None:
    """
    A list of rules has one per line, and shows them so.
    """
    found = rules("local\n\n  user bob\n")
    assert found == (Require("local"), Require("user", ("bob",)))
    assert rules.show(found) == "local\nuser bob"


def test_all_may_come_in_one_word() -> None:
    """
    A rule is made with all granted as its kind as well as with all and granted apart.
    """
    assert require("all granted") == require("all", ["Granted"]) == Require("all granted")


def test_a_group_of_none_may_not_be_negated() -> None:
    """
    There is no way to write the opposite of a group but none(…).
    """
    with pytest.raises(ValueError, match="single rule"):
        negated(group("any", [require("local")]))
