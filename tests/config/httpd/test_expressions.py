"""
ProxyHCExpr and ProxyHCTPsize.
"""

from __future__ import annotations

import pytest

from tests.config.httpd.collecting import balancer, collect, good, host
from tests.config.httpd.reading import spec_of
from txbalancer.core.specs import NamedText

MEMBER = "BalancerMember http://h:1 hcmethod=GET hcuri=/ hcexpr="


@pytest.mark.parametrize(
    "text",
    [
        "ok234 {%{REQUEST_STATUS} =~ /^[234]/}",
        "OK234 { %{REQUEST_STATUS} =~ /^[234]/ }",
        '"ok234" "%{REQUEST_STATUS} =~ /^[234]/"',
        "ok234 '%{REQUEST_STATUS} =~ /^[234]/'",
    ],
)
def test_C3_C14_an_expression_is_declared(text: str) -> None:
    """
    An expression stands in braces or quotes; its name is found in any case.
    """
    found = good(f"ProxyHCExpr {text}\n" + balancer(f"{MEMBER}Ok234"))
    assert found.main.globals() == {
        "hcexpr": (NamedText("ok234", "%{REQUEST_STATUS} =~ /^[234]/"),)
    }
    assert found["c"].members[0].hcexpr == "ok234"


def test_C14_a_body_is_looked_at() -> None:
    """
    The example of Apache's manual that looks for a text is read word by word.
    """
    found = good("ProxyHCExpr in_maint {hc('body') !~ /Under maintenance/}\n")
    assert found.main.globals()["hcexpr"][0].text == "hc('body') !~ /Under maintenance/"


def test_C3_braces_and_quotes_within() -> None:
    """
    Braces count up and down, and a quoted expression may hold quotes after a backslash.
    """
    found = good(
        "ProxyHCExpr a {%{HC_BODY} =~ /x{2}/}\n"
        r'ProxyHCExpr b "%{HC_BODY} == \"\\\\q\""' + "\n"
    )
    assert [each.text for each in found.main.globals()["hcexpr"]] == [
        "%{HC_BODY} =~ /x{2}/",
        r'%{HC_BODY} == "\\q"',
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "takes NAME {EXPRESSION}: the name is missing"),
        ("a", "takes NAME {EXPRESSION}: the expression is missing"),
        ("a {1 -eq 1} foo", "takes NAME {EXPRESSION}, and nothing after it: put all of the"),
        ("a %{REQUEST_STATUS} =~ /^[234]/", "and nothing after it"),
        ("a {1 -eq 1", "takes NAME {EXPRESSION}: a closing brace is missing"),
        ("a {x y z}", "ProxyHCExpr: "),
        ('"a b" {1 -eq 1}', "'a b' is not a token"),
        (f"{'a' * 64} {{1 -eq 1}}", "NAME of up to 63 characters"),
    ],
)
def test_C3_faults_of_expressions(text: str, told: str) -> None:
    """
    What cannot be read as an expression is told at its line.
    """
    (fault,) = collect(f"ProxyHCExpr {text}\n").errors
    assert told in fault
    assert fault.startswith("f:1: ProxyHCExpr: ")


def test_C3_an_expression_must_stand_before() -> None:
    """
    A member names an expression that was declared before it; likely names are told.
    """
    found = collect(balancer(f"{MEMBER}ok") + "ProxyHCExpr ok {1 -eq 1}\n")
    assert found.errors == [
        "f:2: BalancerMember: hcexpr: no expression 'ok' was declared before, by ProxyHCExpr"
    ]
    found = collect("ProxyHCExpr ok234 {1 -eq 1}\n" + balancer(f"{MEMBER}ok243"))
    assert "by ProxyHCExpr; use ok234 (did you mean ok234?)" in found.errors[0]


def test_an_expression_that_is_declared_twice() -> None:
    """
    Of two expressions of one name the last counts, which is told when they differ.
    """
    found = good("ProxyHCExpr a {1 -eq 1}\nProxyHCExpr A {1 -eq 1}\nProxyHCExpr a {2 -eq 2}\n")
    assert found.main.globals()["hcexpr"] == (NamedText("a", "2 -eq 2"),)
    assert found.warnings == ["f:3: ProxyHCExpr: a is declared in line 2 too: this one counts"]


def test_expressions_of_virtual_hosts() -> None:
    """
    A virtual host sees the main server's expressions and templates, and its own of the same
    name are told apart.
    """
    found = good(
        "ProxyHCExpr a {1 -eq 1}\n"
        "ProxyHCTemplate t hcmethod=GET hcexpr=a hcuri=/\n"
        + host("<Proxy balancer://one>", "BalancerMember http://h:1 hctemplate=t", "</Proxy>")
        + host(
            "ProxyHCExpr a {2 -eq 2}",
            "<Proxy balancer://two>",
            f"{MEMBER}a",
            "</Proxy>",
        )
        + host("ProxyHCExpr a {1 -eq 1}", "<Proxy balancer://three>", f"{MEMBER}a", "</Proxy>")
        + host("<Proxy balancer://four>", f"{MEMBER}A", "</Proxy>")
    )
    assert set(found.main.globals()["hcexpr"]) == {
        NamedText("a", "1 -eq 1"),
        NamedText("a.v2", "2 -eq 2"),
    }
    names = [found[name].members[0].hcexpr for name in ("one", "two", "three", "four")]
    assert names == ["a", "a.v2", "a", "a"]


def test_warnings_of_an_expression_are_passed_on() -> None:
    """
    What an expression can be read as, but probably does not mean, is told.
    """
    found = good("ProxyHCExpr a {%{HTTP:X} == 'y'}\n")
    assert found.warnings
    assert found.warnings[0].startswith("f:1: ProxyHCExpr: ")


@pytest.mark.parametrize(("text", "size"), [("32", 32), ("0", 1), ("1", 1)])
def test_C3_tpsize(text: str, size: int) -> None:
    """
    ProxyHCTPsize bounds the checks at once; Apache's 0 makes them one after the other.
    """
    assert good(f"ProxyHCTPsize {text}\n").main.globals() == {"hcexpr": (), "hctpsize": size}


@pytest.mark.parametrize("text", ["abc", "-1", "", "1 2"])
def test_C3_faults_of_tpsize(text: str) -> None:
    """
    ProxyHCTPsize takes one number.
    """
    (fault,) = collect(f"ProxyHCTPsize {text}\n").errors
    assert "is not a whole number from 0 to 100000" in fault


def test_C14_a_template_for_connections_is_not_warned_of() -> None:
    """
    What it leaves out has no effect and is nobody's mistake.
    """
    found = good(
        "ProxyHCTemplate tcp5 hcmethod=TCP hcinterval=5 hcpasses=2 hcfails=3\n"
        + balancer("BalancerMember http://h:1 hctemplate=tcp5", "BalancerMember http://h:2")
        + "ProxyPass / balancer://c/\n"
    )
    assert found["c"].members[0].hcmethod == "tcp"
    assert found.warnings == []


@pytest.mark.parametrize("section", ["Proxy *", "Proxy balancer://two", "Location /a"])
def test_C3_declared_in_a_section(section: str) -> None:
    """
    As in Apache, an expression and a template may stand in sections, and are the server's.
    """
    found = spec_of(
        f"<{section}>\nProxyHCExpr ok {{1 -eq 1}}\nProxyHCTemplate t hcmethod=GET hcexpr=ok hcuri=/"
        f"\n</{section.partition(' ')[0]}>\n"
        + balancer("BalancerMember http://10.0.0.1:1 hctemplate=t")
        + "ProxyPass / balancer://b/\n"
    )
    (member,) = next(each for each in found.balancers if each.members).members
    assert (member.hcmethod, member.hcexpr) == ("get", "ok")
