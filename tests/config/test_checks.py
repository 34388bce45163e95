"""
Health checks in INI files: expressions, templates, and methods that are not there.
"""

from __future__ import annotations

import pytest

from txbalancer.config.render import render
from txbalancer.core.specs import MemberSpec, NamedText

from .helpers import LISTENER, MOUNT, errors, good, warnings

TAIL = f"{LISTENER}{MOUNT}"
OK234 = "%{REQUEST_STATUS} =~ /^[234]/"


def text(service: str = "", balancer: str = "", *members: str, more: str = "") -> str:
    """
    Write a file: C{[txbalancer]} in line 1, the balancer's section at its end.
    """
    listed = "".join(f"\n  {each}" for each in members or ("http://a", "http://b"))
    head = f"[txbalancer]\n{service}\n" if service else ""
    return f"{head}{more}{TAIL}[balancer:shop]\n{balancer}\nmembers ={listed}\n"


def members(written: str) -> tuple[MemberSpec, ...]:
    """
    Return the members of a file without errors.
    """
    return good(written).spec.balancers[0].members


def test_C3_expressions_have_names() -> None:
    """
    One per line, with any text behind the name; names in any case.
    """
    written = text(
        f"hcexpr =\n  OK234 {OK234}\n  in_maint {{hc('body') !~ /Under maintenance/}}",
        "",
        "http://a hcmethod=GET hcuri=/ hcexpr=ok234",
        "http://b hcmethod=GET hcuri=/ hcexpr=In_Maint",
    )
    spec = good(written).spec
    assert spec.service.hcexpr == (
        NamedText("ok234", OK234),
        NamedText("in_maint", "{hc('body') !~ /Under maintenance/}"),
    )
    assert [each.hcexpr for each in spec.balancers[0].members] == ["ok234", "in_maint"]
    assert good(render(spec)).spec == spec


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (
            f"hcexpr =\n  a {OK234}\n  b 200 == ok\n  c true true",
            [
                "f:4: [txbalancer] hcexpr: b: 'ok' is no word of expressions: put texts in quotes",
                "f:5: [txbalancer] hcexpr: c: &&, || or the end is expected at 'true'",
            ],
        ),
        (
            "hcexpr =\n  a true\n  A false",
            ["f:4: [txbalancer] hcexpr: a is there already"],
        ),
        (
            "hcexpr = a",
            [
                "f:2: [txbalancer] hcexpr: 'a' must be a NAME of up to 63 characters and a text"
                " after it"
            ],
        ),
    ],
)
def test_C3_faults_of_expressions(service: str, expected: list[str]) -> None:
    """
    An expression that cannot be read is told at its line, in its own words.
    """
    assert errors(text(service)) == expected


def test_warnings_of_expressions() -> None:
    """
    What an expression probably does not mean is told at its line.
    """
    found = warnings(text("hcexpr =\n  a %{HTTP:X} == ''\n  b hc('body') =~ /(a+)+/"))
    assert found[:2] == [
        "f:3: [txbalancer] hcexpr: a: HTTP is always empty: a check has no request of a client;"
        " use resp('NAME')",
        "f:4: [txbalancer] hcexpr: b: the pattern '(a+)+' repeats what repeats already, which"
        " takes very long with some answers: write it without",
    ]


@pytest.mark.parametrize(
    ("service", "balancer", "member", "expected"),
    [
        (
            "hcexpr = ok234 true",
            "",
            "http://a hcmethod=get hcuri=/ hcexpr=ok235",
            "f:10: [balancer:shop] members: http://a: no expression is called 'ok235'; use ok234"
            " (did you mean ok234?)",
        ),
        (
            "hctpsize = 3",
            "hcexpr = x",
            "http://a",
            "f:8: [balancer:shop] hcexpr: no expression is called 'x'; give one in hcexpr of"
            " [txbalancer]",
        ),
        (
            "hcexpr = a true",
            "member.hcexpr = x",
            "http://a",
            "f:8: [balancer:shop] member.hcexpr: no expression is called 'x'; use a",
        ),
    ],
)
def test_C2_names_that_are_none(service: str, balancer: str, member: str, expected: str) -> None:
    """
    A name without an expression is told once, where it is written, with the likeliest one.
    """
    assert errors(text(service, balancer, member, "http://b")) == [expected]


def test_a_name_from_a_template_is_told_at_the_member() -> None:
    """
    It stands in no line of the balancer's section of its own.
    """
    found = errors(
        text("hctpsize = 1", "", "http://a hctemplate=t", more="[hctemplate:t]\nhcexpr = x\n")
    )
    assert found == [
        "f:12: [balancer:shop] members: http://a: no expression is called 'x'; give one in hcexpr"
        " of [txbalancer]"
    ]


def test_a_broken_expression_is_told_once() -> None:
    """
    Members that name it are not to blame.
    """
    found = errors(text("hcexpr = a (", "", "http://a hcmethod=get hcuri=/ hcexpr=a"))
    assert len(found) == 1


@pytest.mark.parametrize("method", ["head", "options"])
def test_C6_a_body_that_is_not_read(method: str) -> None:
    """
    An expression about the body has none with these methods; with get it has.
    """
    for each, expected in ((method, True), ("get", False)):
        lines = f"hcmethod = {each}\nhcuri = /\nhcexpr = a"
        found = warnings(text("hcexpr = a %{HC_BODY} == 'ok'", lines))
        about = [line for line in found if "asks for the body" in line]
        assert bool(about) is expected
    found = warnings(text("hcexpr = a hc('body') == 'ok'", f"hcmethod={method}\nhcexpr = a"))
    assert (
        f"f:9: [balancer:shop] hcexpr: a asks for the body, of which hcmethod={method} reads none"
    ) in found


def test_hcexpr_needs_an_answer() -> None:
    """
    A connection has nothing to look at.
    """
    found = warnings(text("hcexpr = a true", "hcmethod = tcp\nhcexpr = a\nhccounting = sums"))
    assert [each for each in found if "no effect" in each] == [
        "f:9: [balancer:shop] hcexpr: has no effect without an hcmethod that asks for it,"
        " such as get"
    ]


TEMPLATE = "[hctemplate:Web]\nhcmethod = get\nhcuri = /up\nhcinterval = 2s\nhcfails = 4\n"


def test_C3_templates_are_expanded_in_order() -> None:
    """
    Options after a template count more than its own, those before it less.
    """
    a, b, c = members(
        text(
            "",
            "hcinterval = 9s",
            "http://a hcfails=7 hctemplate=web",
            "http://b hctemplate=WEB hcfails=7 hcuri=/b",
            "http://c hctemplate=web",
            more=TEMPLATE,
        )
    )
    assert (a.hcmethod, a.hcuri, a.hcinterval, a.hcfails) == ("get", "/up", 2.0, 4)
    assert (b.hcmethod, b.hcuri, b.hcinterval, b.hcfails) == ("get", "/b", 2.0, 7)
    assert c.hcpasses == MemberSpec("x").hcpasses


def test_C3_a_balancer_may_name_a_template_for_all() -> None:
    """
    In its section, too, the order decides; a member's own options come last.
    """
    lines = "hcfails = 9\nmember.hctemplate = web\nhcuri = /all"
    a, b = members(text("", lines, "http://a", "http://b hcuri=/b", more=TEMPLATE))
    assert (a.hcmethod, a.hcuri, a.hcfails) == ("get", "/all", 4)
    assert b.hcuri == "/b"


def test_templates_are_gone_once_they_are_expanded() -> None:
    """
    What is rendered has the values, and is read as the same.
    """
    spec = good(text("", "hctemplate = web", more=TEMPLATE)).spec
    shown = render(spec)
    assert "hctemplate" not in shown
    assert "hcuri=/up" in shown
    assert good(shown).spec == spec


@pytest.mark.parametrize(
    ("more", "balancer", "member", "expected"),
    [
        (
            TEMPLATE,
            "",
            "http://a hctemplate=wep",
            "f:13: [balancer:shop] members: hctemplate: no [hctemplate:wep]; use web"
            " (did you mean web?)",
        ),
        (
            "",
            "hctemplate = web",
            "http://a",
            "f:6: [balancer:shop] hctemplate: no [hctemplate:web]",
        ),
        (
            TEMPLATE,
            "",
            "http://a hctemplate=web hctemplate=web",
            "f:13: [balancer:shop] members: hctemplate: is given twice",
        ),
        (
            "[hctemplate:web]\nhcmetod = get\n",
            "",
            "http://a",
            "f:2: [hctemplate:web] hcmetod: is not known here (did you mean hcmethod?)",
        ),
        (
            "[hctemplate:web]\nroute = a\n",
            "",
            "http://a",
            "f:2: [hctemplate:web] route: does not belong here, but in a line of `members`",
        ),
        (
            "[hctemplate:web]\nhcfails = 0\n",
            "",
            "http://a",
            "f:2: [hctemplate:web] hcfails: '0' is not a whole number from 1 to 1000",
        ),
        (
            "[hctemplate:]\nhcfails = 1\n",
            "",
            "http://a",
            "f:1: [hctemplate] the name is missing: [hctemplate:NAME] takes 1 to 63 letters,"
            " digits, '.', '_' and '-'",
        ),
    ],
)
def test_C2_faults_of_templates(more: str, balancer: str, member: str, expected: str) -> None:
    """
    Unknown names and options are told where they stand.
    """
    assert errors(text("", balancer, member, more=more)) == [expected]


def test_an_empty_template_is_warned_of() -> None:
    """
    It says nothing about any check.
    """
    assert "f:1: [hctemplate:web] is empty: give hcmethod, hcuri …" in warnings(
        text(more="[hctemplate:web]\n")
    )


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("provider", "'provider' is a name that Apache keeps for itself, too; use cping"),
        ("POST", "'POST' is not known; use cping"),
    ],
)
def test_C2_methods_that_are_not_there(method: str, fault: str) -> None:
    """
    Apache's own that need more than there is say what; others list what there is.
    """
    (found,) = errors(text("", f"hcmethod = {method}"))
    assert fault in found


def test_C6_hctimeout_may_follow_the_members_times() -> None:
    """
    0 stands for that; shorter than 10 ms is refused.
    """
    assert members(text("", "hctimeout = 0"))[0].hctimeout == 0
    assert good(text("defaults = apache")).spec.balancers[0].members[0].hctimeout == 0
    assert "out of range: 10ms" in errors(text("", "hctimeout = 1ms"))[0]


def test_messages_can_be_read() -> None:
    """
    What is quoted of a file without line ends is made short, with both of its ends.
    """
    (found,) = errors(LISTENER + "x" * 5000 + "y = 1\n")
    assert len(found) < 500
    assert "xxx … xxx" in found
    (found,) = errors(LISTENER + "[mount:/]\nto = " + "z" * 50000 + "\n")
    assert len(found) < 2500
