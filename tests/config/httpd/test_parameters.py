"""
Every parameter of members and balancers, as Apache's syntax gives it.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.config.httpd.collecting import balancer, collect, good, member
from txbalancer.core import flags
from txbalancer.core.specs import BalancerSpec, MemberSpec, StickyNames, apache_defaults


def fault(parameters: str) -> str:
    """
    Return what is wrong with a member's parameters.
    """
    found = collect(balancer(f"BalancerMember http://h:1 {parameters}"))
    (text,) = found.errors
    return text.removeprefix("f:2: BalancerMember: ")


def balancer_fault(parameters: str) -> str:
    """
    Return what is wrong with a balancer's parameters.
    """
    found = collect(balancer("BalancerMember http://h:1", f"ProxySet {parameters}"))
    (text,) = found.errors
    return text.removeprefix("f:3: ProxySet: ")


@pytest.mark.parametrize(
    ("item", "text", "attribute", "value"),
    [
        ("W1", "loadfactor=2.259", "loadfactor", 225),
        ("W2", "lbset=99", "lbset", 99),
        ("W3", "route=server1", "route", "server1"),
        ("W4", "redirect=b", "redirect", "b"),
        ("W5", "status=+D-E", "status", flags.INIT | flags.DISABLED),
        ("W40", "status=", "status", flags.INIT),
        ("W6", "retry=0", "retry", 0.0),
        ("W6", "retry=1min", "retry", 60.0),
        ("W7", "timeout=500ms", "timeout", 0.5),
        ("W7", "timeout=5", "timeout", 5.0),
        ("W8", "connectiontimeout=1", "connectiontimeout", 1.0),
        ("W9", "ping=100ms", "ping", 0.1),
        ("X35", "ping=0", "ping", 0.0),
        ("W10", "max=20", "max", 20),
        ("W11", "min=2", "min", 2),
        ("W12", "smax=5", "smax", 5),
        ("W13", "ttl=120", "ttl", 120.0),
        ("W14", "acquire=3000", "acquire", 3.0),
        ("W15", "disablereuse=On", "disablereuse", True),
        ("W16", "enablereuse=off", "disablereuse", True),
        ("W16", "disablereuse=On enablereuse=On", "disablereuse", False),
        ("W17", "keepalive=On", "keepalive", True),
        ("W20", "iobuffersize=0", "iobuffersize", 0),
        ("W20", "iobuffersize=4096", "iobuffersize", 4096),
        ("W21", "receivebuffersize=512", "receivebuffersize", 512),
        ("W22", "responsefieldsize=0", "responsefieldsize", 8192),
        ("W22", "responsefieldsize=16384", "responsefieldsize", 16384),
        ("W24", "upgrade=websocket", "upgrade", "websocket"),
        ("W26", "addressttl=-1", "addressttl", -1.0),
        ("W26", "addressttl=60", "addressttl", 60.0),
        ("C1", "hcmethod=Get11 hcuri=/", "hcmethod", "get11"),
        ("C1", "hcmethod=NONE", "hcmethod", "none"),
        ("C1", "hcmethod=TCP hcinterval=100ms", "hcinterval", 0.1),
        ("C1", "hcmethod=TCP hcpasses=2", "hcpasses", 2),
        ("C2", "hcmethod=TCP hcpasses=0", "hcpasses", 1),
        ("C2", "hcmethod=TCP hcfails=0", "hcfails", 1),
        ("C1", "hcmethod=GET hcuri=/up", "hcuri", "/up"),
        ("X39", f"hcmethod=GET hcuri=/{'a' * 1022}", "hcuri", f"/{'a' * 1022}"),
        ("0.5", "ROUTE=a Route=b", "route", "b"),
    ],
)
def test_W_member_parameters(item: str, text: str, attribute: str, value: Any) -> None:
    """
    Each parameter of a member sets its option; keys are read in any case.
    """
    assert getattr(member(text), attribute) == value


@pytest.mark.parametrize(
    ("item", "text", "told"),
    [
        ("W1", "loadfactor=100.01", "loadfactor: '100.01' is not a number from 1 to 100"),
        ("W1", "loadfactor=abc", "loadfactor: 'abc' is not a number from 1 to 100"),
        ("W2", "lbset=abc", "lbset: 'abc' is not a whole number from 0 to 99"),
        ("W3", f"route={'a' * 64}", "must be up to 63 ASCII characters"),
        ("W5", "status=+X", "status: '+X' has an unknown letter 'X'"),
        ("W40", "status=+-", "status: '+-' has a sign without a letter after it"),
        ("W6", "retry=abc", "retry: 'abc' is not a duration: use a number with ms, s, min"),
        ("W7", "timeout=0", "timeout: '0' is out of range: 1ms to 3650d"),
        ("W8", "connectiontimeout=-1", "connectiontimeout: '-1' is not a duration"),
        ("W10", "max=abc", "max: 'abc' is not a whole number from 0 to 1000000"),
        ("W14", "acquire=1x", "acquire: '1x' is not a duration"),
        ("W15", "disablereuse=maybe", "disablereuse: 'maybe' is not a switch: use On or Off"),
        ("W16", "enablereuse=maybe", "enablereuse: 'maybe' is not a switch: use On or Off"),
        ("W18", "flushpackets=foo", "flushpackets: 'foo' is not allowed: use on or off or auto"),
        ("W19", "flushwait=1001", "flushwait: '1001' is not a whole number from 0 to 1000"),
        ("W20", "iobuffersize=511", "iobuffersize: '511' is out of range: 512 to 1M"),
        ("W22", "responsefieldsize=1", "responsefieldsize: '1' is out of range: 512 to 1M, or 0"),
        ("W23", f"secret={'s' * 64}", "secret: has 64 characters: 0 to 63 characters are allowed"),
        ("W25", f"flusher={'s' * 16}", "flusher: has 16 characters: 0 to 15 characters"),
        ("W26", "addressttl=-2", "addressttl: '-2' is not a duration"),
        ("W27", "multipathtcp=On", "multipathtcp: is not available in this version, nor in"),
        ("W29", "nocanon=1", "nocanon: belongs to a ProxyPass"),
        ("W30", "lodfactor=2", "lodfactor: is not known here (did you mean loadfactor?)"),
        ("W31", "route", "'route' is not of the form key=value (did you mean route=…?)"),
        ("W31", "foo", "'foo' is not of the form key=value"),
        ("W33", "stickysession=A", "stickysession: belongs to the balancer: write ProxySet sticky"),
        (
            "C2",
            "hcmethod=CPING",
            "http://h:1: hcmethod=cping does not ask http:// members: use tcp",
        ),
        ("C2", "hcmethod=provider", "hcmethod: PROVIDER is a name that Apache keeps for itself"),
        ("C2", "hcmethod=foo", "hcmethod: 'foo' is not known; use cping, get, get11, head"),
        ("C2", "hcinterval=99ms", "hcinterval: '99ms' is out of range: 100ms to"),
        ("C2", "hcpasses=-1", "hcpasses: '-1' is not a whole number from 0 to 1000"),
        ("X39", f"hcuri=/{'a' * 1023}", "is not a path: start with / and use up to 1023 ASCII"),
        ("C2", "hcuri=foo", "hcuri: 'foo' is not a path: start with /"),
        ("C2", "hcexpr=ok", "hcexpr: no expression 'ok' was declared before, by ProxyHCExpr"),
        ("C2", "hctemplate=t", "hctemplate: no template 't' was declared before, by ProxyHCT"),
    ],
)
def test_W_member_faults(item: str, text: str, told: str) -> None:
    """
    Junk is refused with the key, the value and what is allowed, where Apache guesses (X1, X2).
    """
    assert told in fault(text)


@pytest.mark.parametrize(
    ("item", "text", "attribute", "value"),
    [
        ("B1", "lbmethod=bytraffic", "lbmethod", "bytraffic"),
        ("B1", "lbmethod=heartbeat", "lbmethod", "heartbeat"),
        ("B2", "stickysession=A|b", "stickysession", StickyNames("A", "b")),
        ("B2", "stickysession=", "stickysession", None),
        ("B3", "stickysession=A stickysessionsep=!", "stickysessionsep", "!"),
        ("B3", "stickysession=A stickysessionsep=Off", "stickysessionsep", ""),
        ("B4", "stickysession=A scolonpathdelim=On", "scolonpathdelim", True),
        ("B5", "stickysession=A nofailover=On", "nofailover", True),
        ("B6", "timeout=500ms", "timeout", 0.5),
        ("B7", "maxattempts=0", "maxattempts", 0),
        ("B8", "failonstatus=500,503", "failonstatus", frozenset({500, 503})),
        ("B8", "failonstatus=", "failonstatus", frozenset()),
        ("B9", "failontimeout=On", "failontimeout", True),
        ("B10", "forcerecovery=Off", "forcerecovery", False),
        ("B11", "growth=100", "growth", 100),
        ("B12", "nonce=secret", "nonce", "secret"),
        ("B12", "nonce=NONE", "nonce", "None"),
        ("B2", "StickySession=A stickysession=B", "stickysession", StickyNames("B", "B")),
    ],
)
def test_B_balancer_parameters(item: str, text: str, attribute: str, value: Any) -> None:
    """
    Each parameter of a balancer sets its option; keys are read in any case.
    """
    spec = good(balancer("BalancerMember http://h:1 route=a", f"ProxySet {text}"))["c"]
    assert getattr(spec, attribute) == value


@pytest.mark.parametrize(
    ("item", "text", "told"),
    [
        ("B1", "lbmethod=byrequest", "lbmethod: 'byrequest' is not known; use bybusyness, "),
        ("B2", f"stickysession={'a' * 64}", "each of 1 to 63 characters"),
        ("B3", "stickysessionsep=ab", "stickysessionsep: 'ab' must be a single character or Off"),
        ("B4", "scolonpathdelim=maybe", "scolonpathdelim: 'maybe' is not a switch"),
        ("B6", "timeout=abc", "timeout: 'abc' is not a duration"),
        ("B7", "maxattempts=abc", "maxattempts: 'abc' is not a whole number from 0 to 100"),
        ("B8", "failonstatus=600", "failonstatus: '600' is not a status code from 100 to 599"),
        ("B11", "growth=0", "growth: '0' is not a whole number from 1 to 100"),
        ("B11", "growth=101", "growth: '101' is not a whole number from 1 to 100"),
        ("B12", f"nonce={'n' * 37}", "nonce: has 37 characters: 0 to 36 characters are allowed"),
        ("B13", "stickysesion=A", "is not known here (did you mean stickysession?)"),
    ],
)
def test_B_balancer_faults(item: str, text: str, told: str) -> None:
    """
    Junk is refused with the key, the value and what is allowed.
    """
    assert told in balancer_fault(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("flushpackets=auto", "flushpackets has no effect: answers are passed on as they come"),
        ("flushwait=0", "flushwait has no effect: answers are passed on as they come"),
        ("flusher=flush", "flusher has no effect: it is for fdpass only"),
        ("secret=s", "secret has no effect without ajp://"),
    ],
)
def test_W18_W19_W23_W25_what_is_not_for_http(text: str, why: str) -> None:
    """
    Parameters of other protocols are taken with a warning that says so.
    """
    found = good(balancer(f"BalancerMember http://h:1 {text}"))
    assert [each for each in found.warnings if why in each]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("max=1 min=2 ttl=9", "http://h:1: min is above max: there are never so many connections"),
        ("acquire=5", "http://h:1: acquire has no effect without max"),
        ("status=+HR", "http://h:1: status has H and R: H has no effect, the member is a spare"),
        ("hcinterval=5", "http://h:1: hcinterval has no effect without hcmethod"),
        ("route=a route=b", "route is given twice: the last one counts"),
        ("redirect=x", "http://h:1: redirect has no effect without stickysession"),
        ("hcmethod=GET", "http://h:1: hcmethod=get without hcuri asks for /"),
    ],
)
def test_contradictions_are_told(text: str, told: str) -> None:
    """
    What has no effect, or cannot be meant, is told at the member's line.
    """
    found = good(balancer(f"BalancerMember http://h:1 {text}"))
    assert [each for each in found.warnings if told in each and each.startswith("f:2: Balancer")]


def test_proxyset_retry_is_for_the_members() -> None:
    """
    A member's parameter in a balancer's section is for all its members that do not give it.
    """
    found = good(
        balancer(
            "BalancerMember http://h:1",
            "ProxySet retry=7 lbmethod=bytraffic",
            "BalancerMember http://h:2 retry=5",
            "BalancerMember http://h:3",
        )
    )
    assert [each.retry for each in found["c"].members] == [7.0, 5.0, 7.0]
    assert found["c"].lbmethod == "bytraffic"
    assert found.warnings == [
        "f:3: ProxySet: retry is a parameter of members, which Apache refuses here: it is taken "
        "for all members of balancer://c that do not give it themselves"
    ]


def test_W30_the_unknown_is_told_in_a_balancer_too() -> None:
    """
    A fault in a member's parameter in a balancer's section is told there, once.
    """
    assert balancer_fault("retry=x").startswith("retry: 'x' is not a duration")


def test_options_of_this_program_may_be_given_too() -> None:
    """
    Parameters that Apache does not have are written like its own.
    """
    text = balancer(
        "BalancerMember http://h:1 maxfails=3 failwindow=5s", "ProxySet lbmethod=hash hashkey=uri"
    )
    spec = good(text)["c"]
    assert spec.hashkey == "uri"
    assert (spec.members[0].maxfails, spec.members[0].failwindow) == (3, 5.0)


TEMPLATE = "ProxyHCTemplate t hcmethod=GET hcuri=/up hcinterval=10\n"


@pytest.mark.parametrize(
    ("words", "method", "interval", "passes"),
    [
        ("hctemplate=T", "get", 10.0, 1),
        ("hctemplate=t hcinterval=3", "get", 3.0, 1),
        ("hcinterval=3 hcpasses=4 hctemplate=t", "get", 10.0, 1),
        ("hctemplate=t hcmethod=tcp", "tcp", 10.0, 1),
    ],
)
def test_C3_templates_in_order(words: str, method: str, interval: float, passes: int) -> None:
    """
    A template gives all six settings of checks where it stands; later keys override it.
    """
    found = good(TEMPLATE + balancer(f"BalancerMember http://h:1 {words}"))
    (made,) = found["c"].members
    assert (made.hcmethod, made.hcinterval, made.hcpasses) == (method, interval, passes)


def test_C3_templates_with_modern_defaults() -> None:
    """
    With modern defaults a template gives only what it says.
    """
    text = "# txbalancer: defaults modern\n" + TEMPLATE
    text += balancer("BalancerMember http://h:1 hcpasses=4 hctemplate=t")
    (made,) = good(text)["c"].members
    assert (made.hcmethod, made.hcinterval, made.hcpasses, made.hcfails) == ("get", 10.0, 4, 3)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ProxyHCTemplate", "f:1: ProxyHCTemplate: takes NAME key=value …: the name is missing"),
        ("ProxyHCTemplate hcuri=/", "f:1: ProxyHCTemplate: takes NAME key=value …: the name is"),
        ("ProxyHCTemplate t retry=1", "retry: only hc… belongs in a template"),
        ("ProxyHCTemplate t inerval=1", "inerval: only hc… belongs in a template"),
        ("ProxyHCTemplate t hcmethod=x", "hcmethod: 'x' is not known"),
        ("ProxyHCTemplate t hcuri", "'hcuri' is not of the form key=value (did you mean hcuri=…?)"),
    ],
)
def test_C3_faults_of_templates(text: str, told: str) -> None:
    """
    Faults in a template are told where it stands.
    """
    (fault,) = collect(text).errors
    assert told in fault


WORDS: dict[str, tuple[str, dict[str, Any]]] = {
    "retry": ("retry", {"0": 0.0, "5": 5.0, "2min": 120.0}),
    "loadfactor": ("loadfactor", {"1": 100, "2.5": 250, "100": 10000}),
    "lbset": ("lbset", {"0": 0, "7": 7}),
    "route": ("route", {"a": "a", "b": "b", "": ""}),
    "max": ("max", {"0": 0, "50": 50}),
    "disablereuse": ("disablereuse", {"On": True, "Off": False}),
    "enablereuse": ("disablereuse", {"On": False, "Off": True}),
    "keepalive": ("keepalive", {"On": True, "Off": False}),
    "ttl": ("ttl", {"60": 60.0}),
}
OF_BALANCER: dict[str, tuple[str, dict[str, Any]]] = {
    "maxattempts": ("maxattempts", {"0": 0, "3": 3}),
    "nofailover": ("nofailover", {"On": True, "Off": False}),
    "timeout": ("timeout", {"5": 5.0, "100ms": 0.1}),
    "forcerecovery": ("forcerecovery", {"On": True, "Off": False}),
}


def _words(
    known: dict[str, tuple[str, dict[str, Any]]],
) -> st.SearchStrategy[list[tuple[str, str]]]:
    pairs = [(key, text) for key, (_, texts) in known.items() for text in texts]
    return st.lists(st.sampled_from(pairs), max_size=8)


@given(_words(WORDS), _words(WORDS), st.lists(_words(OF_BALANCER), max_size=3))
def test_any_sequence_is_as_if_the_last_were_alone(
    own: list[tuple[str, str]],
    shared: list[tuple[str, str]],
    sets: list[list[tuple[str, str]]],
) -> None:
    """
    Specs are those of a plain model: defaults, what members share, their own; the last wins.
    """
    lines = [f"ProxySet {' '.join('='.join(pair) for pair in each)}" for each in sets if each]
    line = " ".join("=".join(pair) for pair in own)
    for key, text in shared:
        lines.append(f"ProxySet {key.upper()}={text}")
    spec = good(balancer(f"BalancerMember http://h:1 {line}", *lines))["c"]
    expected = apache_defaults(MemberSpec) | {
        WORDS[key][0]: WORDS[key][1][text] for key, text in (*shared, *own)
    }
    expected |= {"tunneltimeout": 60.0, "connectiontimeout": 60.0}
    assert {key: getattr(spec.members[0], key) for key in expected} == expected
    of_balancer = apache_defaults(BalancerSpec) | {
        OF_BALANCER[key][0]: OF_BALANCER[key][1][text] for each in sets for key, text in each
    }
    assert {key: getattr(spec, key) for key in of_balancer} == of_balancer
