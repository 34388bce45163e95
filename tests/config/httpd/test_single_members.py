"""
Members that a rule leads to without a balancer, and their parameters.
"""

from __future__ import annotations

from tests.config.httpd.collecting import good
from tests.config.httpd.reading import errors_of
from txbalancer.core.specs import MemberSpec


def test_D12_a_single_member() -> None:
    """
    A ProxyPass to a URL has the parameters of members; those that need a balancer are told.
    """
    found = good("ProxyPass /example http://backend.example.com max=20 ttl=120 retry=300\n")
    (made,) = found.targets
    assert isinstance(made, MemberSpec)
    assert (made.url, made.max, made.ttl) == ("http://backend.example.com", 20, 120.0)
    assert (made.retry, made.maxfails, made.hcinterval) == (60.0, 1, 30.0)
    assert len(found.warnings) == 1
    assert "retry has no effect on a member without a balancer" in found.warnings[0]


def test_D12_timeouts_of_a_single_member() -> None:
    """
    Both timeouts of a single member may be given; one alone stands for both (W8).
    """
    found = good(
        "ProxyPass /a http://a connectiontimeout=5 timeout=30\nProxyPass /b http://b timeout=9\n"
        "ProxyPass /c http://c\n",
        [{"timeout": 300.0}],
    )
    times = [
        (each.timeout, each.connectiontimeout)
        for each in found.targets
        if isinstance(each, MemberSpec)
    ]
    assert times == [(30.0, 5.0), (9.0, 9.0), (300.0, 300.0)]


def test_D13_two_rules_to_one_member() -> None:
    """
    The first rule's parameters hold for an equal URL; one that only begins so is separate (X38).
    """
    found = good(
        "ProxyPass /apps http://b/ timeout=60\nProxyPass /more http://b timeout=10\n"
        "ProxyPass /examples http://b/examples timeout=10\nProxyPass /again http://b/\n"
        "ProxyPass /ws ws://b/\n"
    )
    made = [each for each in found.targets if isinstance(each, MemberSpec)]
    assert [each.timeout for each in made] == [60.0, 60.0, 10.0, 60.0, 60.0]
    assert [each.upgrade for each in made] == ["NONE"] * 4 + ["websocket"]
    assert found.warnings == [
        "f:2: ProxyPass: http://b/ is there already, in line 1, and keeps what it was given there: "
        "timeout ignored, as Apache does"
    ]


def test_D11_parameters_of_a_single_member_elsewhere() -> None:
    """
    A section of a URL gives parameters to all members whose URL begins so; the closest counts
    most, and what the rule says itself more.
    """
    found = good(
        "<Proxy http://b>\nProxySet keepalive=On ttl=7\n</Proxy>\n"
        "<Proxy http://b/x/ ttl=8>\n</Proxy>\n"
        "ProxyPass /a http://b/a\n"
        "ProxyPass /x http://b/x/y max=5\n"
        "ProxyPass /z http://b/x/z ttl=9\n"
        "ProxyPass /o http://other\n"
        "ProxySet http://other ttl=4\n"
        "ProxySet http://b ttl=6\n"
    )
    made = [each for each in found.targets if isinstance(each, MemberSpec)]
    assert [(each.ttl, each.keepalive, each.max) for each in made] == [
        (6.0, True, 0),
        (8.0, True, 5),
        (9.0, True, 0),
        (4.0, False, 0),
    ]


def test_a_section_of_a_url_that_nothing_leads_to() -> None:
    """
    Parameters of a URL that no rule leads to are told to have no effect; empty sections are not.
    """
    found = good("<Proxy http://b>\nProxySet ttl=7\n</Proxy>\n<Proxy http://d>\n</Proxy>\n")
    assert found.warnings == [
        "f:1: Proxy: no ProxyPass leads to http://b: its parameters have no effect"
    ]


def test_a_password_in_a_url_is_not_repeated() -> None:
    """
    Whatever else is wrong with the URL, what is said of it does not show the password.
    """
    told = errors_of('ProxyPassMatch "^/a(.*)$" "http://me:hidden@10.0.0.1:80$1"')
    assert "a user name or password in a URL is not supported" in told
    assert "hidden" not in told
