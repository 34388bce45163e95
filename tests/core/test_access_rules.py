"""
Access rules at work.
"""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.core.test_access import RULES
from txbalancer.core.access import Rule, rules
from txbalancer.core.access_rules import Verdict, Visitor, asks_for_users, compile_rules

GRANTED, FORBIDDEN, LOGIN, LOOK_UP = Verdict


def judge(text: str, client: str = "192.0.2.1", local: str = "", user: str | None = None, **names):
    """
    Judge a visitor by rules; C{own} and C{names} are what look-ups found.
    """
    visitor = Visitor(client, local, user)
    if "own" in names:
        visitor.names[""] = names["own"]
    visitor.names.update(names.get("forward", {}))
    return compile_rules(rules(text))(visitor)


@pytest.mark.parametrize(
    ("text", "client", "expected"),
    [
        ("all granted", "192.0.2.1", GRANTED),
        ("all denied", "192.0.2.1", FORBIDDEN),
        ("ip 192.0.2", "192.0.2.1", GRANTED),
        ("ip 192.0.2", "192.0.3.1", FORBIDDEN),
        ("ip 192.0.2", "::ffff:192.0.2.1", GRANTED),
        ("ip 2001:db8::/32", "2001:db8::7", GRANTED),
        ("ip fe80::/10", "fe80::1%eth0", GRANTED),
        ("ip 0.0.0.0/0", "2001:db8::7", FORBIDDEN),
        ("ip 0.0.0.0/0", "", FORBIDDEN),
        ("ip 10 192.0.2.1", "192.0.2.1", GRANTED),
        ("ip 10\nip 192.0.2.1", "192.0.2.1", GRANTED),
        ("local", "127.8.9.1", GRANTED),
        ("local", "::1", GRANTED),
        ("local", "::ffff:127.0.0.1", GRANTED),
        ("local", "192.0.2.1", FORBIDDEN),
        ("local", "", GRANTED),
        ("all denied\nlocal", "127.0.0.1", GRANTED),
        ("all(local, not ip 127.0.0.2)", "127.0.0.1", GRANTED),
        ("all(local, not ip 127.0.0.2)", "127.0.0.2", FORBIDDEN),
        ("all(not ip 127.0.0.2, local)", "127.0.0.1", GRANTED),
        ("all(all granted, none(ip 10, ip 11))", "10.1.1.1", FORBIDDEN),
        ("all(all granted, none(ip 10, ip 11))", "12.1.1.1", GRANTED),
    ],
)
def test_M2_addresses_decide(text: str, client: str, expected: Verdict) -> None:
    """
    Addresses in ranges, on this machine, and groups of them; IPv4 over IPv6 is IPv4, and a
    unix socket is local and has no address.
    """
    assert judge(text, client) is expected


def test_M2_local_is_also_the_address_that_was_connected_to() -> None:
    """
    A client with the address of this end of its connection is on this machine.
    """
    assert judge("local", "192.0.2.1", "192.0.2.1") is GRANTED
    assert judge("local", "192.0.2.1", "::ffff:192.0.2.1") is GRANTED
    assert judge("local", "192.0.2.1", "192.0.2.2") is FORBIDDEN


@pytest.mark.parametrize(
    ("text", "user", "expected"),
    [
        ("valid-user", None, LOGIN),
        ("valid-user", "bob", GRANTED),
        ("user bob eve", None, LOGIN),
        ("user bob eve", "eve", GRANTED),
        ("user bob", "Bob", LOGIN),
        ("all denied\nuser bob", None, LOGIN),
        ("user bob\nall denied", None, LOGIN),
        ("local\nuser bob", "eve", LOGIN),
        ("all(valid-user, not user eve)", None, LOGIN),
        ("all(valid-user, not user eve)", "eve", LOGIN),
        ("all(valid-user, not user eve)", "bob", GRANTED),
        ("all(all granted, not user eve)", None, GRANTED),
        ("all(valid-user, ip 10)", None, FORBIDDEN),
        ("all(valid-user, all granted)", None, LOGIN),
        ("all(all granted, valid-user)", None, LOGIN),
        ("all(all granted, none(valid-user))", None, GRANTED),
        ("all(all granted, none(valid-user))", "bob", LOGIN),
        ("all(valid-user, any(ip 10, user bob))", "bob", GRANTED),
        ("any(all(ip 10, valid-user), all(ip 192.0.2, user bob))", None, LOGIN),
    ],
)
def test_M2_users_decide(text: str, user: str | None, expected: Verdict) -> None:
    """
    Who may come in after a login is asked to log in, nobody else is; a user who is not
    enough is asked again, as in Apache.
    """
    assert judge(text, user=user) is expected


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("host example.com", "example.com", GRANTED),
        ("host example.com", "www.example.com", GRANTED),
        ("host example.com", "badexample.com", FORBIDDEN),
        ("host .example.com", "example.com", FORBIDDEN),
        ("host .example.com", "a.b.example.com", GRANTED),
        ("host com example.org", "", FORBIDDEN),
        ("host com example.org", "www.example.org", GRANTED),
    ],
)
def test_M2_own_names_are_compared_by_whole_labels(text, name, expected) -> None:
    """
    A domain has what ends in it after a dot; one with a dot before it not itself.
    """
    assert judge(text, own=name) is expected


def test_M2_names_are_looked_up_where_nothing_else_decides() -> None:
    """
    The judge says what it misses, in the order of the rules, and only if it matters.
    """
    visitor = Visitor("192.0.2.1")
    decide = compile_rules(rules("ip 10\nall(host a.example, not forward-dns b.example c.example)"))
    assert decide(visitor) is LOOK_UP
    assert visitor.missing == ""
    visitor.names[""] = "a.example"
    assert decide(visitor) is LOOK_UP
    assert visitor.missing == "b.example"
    visitor.names["b.example"] = ""
    assert decide(visitor) is LOOK_UP
    assert visitor.missing == "c.example"
    visitor.names["c.example"] = ""
    assert decide(visitor) is GRANTED
    visitor.names["c.example"] = "192.0.2.1"
    assert decide(visitor) is FORBIDDEN
    assert judge("ip 192\nhost a.example") is GRANTED


@pytest.mark.parametrize("text", ["host localhost", "forward-dns localhost"])
def test_M2_unix_sockets_have_no_names(text: str) -> None:
    """
    No name is looked up for a client without an address.
    """
    assert judge(text, "") is FORBIDDEN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("local", False),
        ("any(local, all(ip 10, valid-user))", True),
        ("all(local, not user bob)", True),
        ("local\nuser bob", True),
    ],
)
def test_rules_know_whether_they_ask_for_users(text: str, expected: bool) -> None:
    """
    A user anywhere in the rules counts.
    """
    assert asks_for_users(rules(text)) is expected


@given(RULES)
def test_every_rule_comes_to_an_end(rule: Rule) -> None:
    """
    Whatever the rule, it asks for at most the client's own name, and then decides.
    """
    visitor = Visitor("127.0.0.1", user="bob")
    decide = compile_rules((rule,))
    if decide(visitor) is LOOK_UP:
        visitor.names[visitor.missing] = "localhost"
    assert decide(visitor) in (GRANTED, FORBIDDEN, LOGIN)
    if not asks_for_users((rule,)):
        user = decide(visitor)
        visitor.user = None
        assert (decide(visitor) is GRANTED) is (user is GRANTED)
