"""
What is wrong with members, and where that is told.
"""

from __future__ import annotations

import pytest

from tests.config.httpd.collecting import balancer, collect, directive
from txbalancer.config.findings import Findings
from txbalancer.config.httpd.balancers import Balancers
from txbalancer.core.registry import Registry


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("BalancerMember", "the member's URL is missing: URL key=value …"),
        ("BalancerMember retry=5", "the member's URL is missing: URL key=value …"),
        ("BalancerMember foo:1", "(did you mean http://foo:1?)"),
        ("BalancerMember http://h:1 foo", "'foo' is not of the form key=value"),
        ("BalancerMember http://h:99999", "port '99999' is not a number from 1 to 65535"),
        ("BalancerMember scgi://h:1", "scgi:// is not available in this version; use http, "),
        ("BalancerMember uwsgi://h:1", "uwsgi:// is not available in this version; use http, "),
        (
            "BalancerMember balancer://c http://h:1",
            "balancer://c cannot be a member: the balancer's name is not repeated in its section",
        ),
        ("BalancerMember balancer://d", "balancer://d cannot be a member"),
    ],
)
def test_W31_W32_faults_in_a_section(line: str, told: str) -> None:
    """
    What is missing or not understood in a section is told.
    """
    (fault,) = collect(balancer(line)).errors
    assert told in fault
    assert fault.startswith("f:2: BalancerMember: ")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("BalancerMember http://h:1", "takes balancer://NAME URL key=value …: the balancer's name"),
        ("BalancerMember", "the balancer's name is missing"),
        ("BalancerMember balancer://c", "the member's URL is missing"),
        ("BalancerMember balancer:// http://h:1", "must be balancer://NAME or"),
        (f"BalancerMember balancer://{'c' * 85} http://h:1", "is too long: 95 characters are"),
        ("ProxySet", "takes balancer://NAME key=value …: the name is missing"),
        ("ProxySet retry=1", "takes balancer://NAME key=value …: the name is missing"),
        ("ProxySet balancer:/c timeout=1", "must be balancer://NAME or balancer://NAME/PATH"),
        ("ProxySet balancer://c timeout=1", "balancer://c is not there, or only further down"),
        ("ProxySet http://h timeout=1", "http://h is not there, or only further down"),
        ("ProxySet foo timeout=1", "'foo' is no URL"),
        ("ProxyPass /x balancer:// timeout=1", "must be balancer://NAME"),
        ("ProxyPass /x ftp://h timeout=1", "ftp:// is not available in this version"),
        ("ProxyPass /x http://h lbmethod=x", "lbmethod: belongs to the balancer"),
        ("<Proxy *>\nProxySet timeout=1\n</Proxy>", "'*' is not a URL whose parameters can be"),
        ("<ProxyMatch ^http>\nProxySet timeout=1\n</ProxyMatch>", "'^http' is not a URL whose"),
        ("<Proxy *>\nBalancerMember http://h\n</Proxy>", "belongs in <Proxy balancer://NAME>, "),
        ("<Proxy http://h>\nBalancerMember http://h:2\n</Proxy>", "not in the section of 'http:"),
        ("<Proxy balancer://c foo>\nBalancerMember http://h\n</Proxy>", "Proxy: 'foo' is not of"),
        ("<Proxy balancer://c foo=1>\nBalancerMember http://h\n</Proxy>", "Proxy: foo: is not"),
        ("<Proxy http://h foo=1>\n</Proxy>", "f:1: Proxy: foo: is not known here"),
    ],
)
def test_W31_W32_faults_elsewhere(text: str, told: str) -> None:
    """
    What is missing or not understood elsewhere is told.
    """
    (fault,) = collect(text + "\n").errors
    assert told in fault


@pytest.mark.parametrize("url", ["balancer://", "ftp://h"])
def test_a_section_that_cannot_be_named(url: str) -> None:
    """
    Of a section whose URL is at fault, that is told, and not what stands in it too.
    """
    found = Findings("f")
    server = Balancers(found, Registry())
    inside = [directive("BalancerMember http://h:1"), directive("ProxySet timeout=1")]
    section = server.section(directive(f"Proxy {url}", *inside, directive("Require local")))
    assert section.holder is None
    assert [each.name for each in section.rest] == ["Require"]
    assert found.count == (1 if "balancer" in url else 3)


def test_proxyset_of_a_members_url() -> None:
    """
    Who sets the parameters of a balancer's member by its URL is told where they belong.
    """
    text = balancer("BalancerMember http://h:1") + "ProxySet http://h:1 retry=5\n"
    (fault,) = collect(text).errors
    assert "it is a member of balancer://c, whose parameters stand behind its Balancer" in fault


def test_proxyset_with_a_slip() -> None:
    """
    A likely name is told.
    """
    text = balancer("BalancerMember http://h:1") + "ProxySet balancer://d retry=5\n"
    (fault,) = collect(text).errors
    assert fault.endswith("or only further down (did you mean balancer://c?)")


def test_no_members_in_a_location() -> None:
    """
    BalancerMember cannot stand in a Location, as in Apache.
    """
    found = Findings("f")
    line = directive("BalancerMember balancer://c http://h:1")
    Balancers(found, Registry()).member(line, in_location=True)
    assert found.count == 1
