"""
C{discover} of a balancer: sources and their options, read, checked, written and compared.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from txbalancer.config import loads
from txbalancer.config.diff import plan
from txbalancer.config.discover import read_answer
from txbalancer.config.render import render
from txbalancer.core.discovery import Answer
from txbalancer.core.specs import SourceSpec
from txbalancer.errors import ConfigErrors
from txbalancer.services.plugins import load_registry
from txbalancer.testing import FakeMemberSourceFactory

REGISTRY = replace(
    load_registry(), sources={**load_registry().sources, "fake": FakeMemberSourceFactory()}
)
HEAD = "[listener:web]\nendpoint = tcp:80\n[mount:/]\nto = balancer://shop/\n[balancer:shop]\n"
LINE = "dns+http://shop.internal:8080"


def load(text: str, head: str = HEAD):
    """
    Read the section of a balancer.
    """
    return loads(head + text, REGISTRY)


def sources(text: str) -> tuple[SourceSpec, ...]:
    """
    Read its sources.
    """
    loaded = load(text)
    assert loaded.warnings == []
    return loaded.spec.balancers[0].discover


def faults(text: str, head: str = HEAD) -> list[str]:
    """
    Return what is wrong with it, without file and line.
    """
    with pytest.raises(ConfigErrors) as caught:
        load(text, head)
    return [line.partition("] ")[2] for line in str(caught.value).splitlines()]


def test_members_are_not_needed_beside_sources() -> None:
    """
    A balancer has members, sources, or both.
    """
    spec = load(f"discover = {LINE}\n").spec.balancers[0]
    assert (spec.members, len(spec.discover)) == ((), 1)
    spec = load(f"discover = {LINE}\nmembers = http://10.0.0.1\n").spec.balancers[0]
    assert (len(spec.members), len(spec.discover)) == (1, 1)
    assert faults("lbmethod = byrequests\n")[0].startswith("members: is missing")


def test_options_of_sources_and_of_their_members() -> None:
    """
    Behind the place stand options of either kind; members inherit those of the section.
    """
    (found,) = sources(
        "retry = 3s\nloadfactor = 2\nhcmethod = tcp\n"
        f"discover = {LINE} ttl-floor=2s keep=1h empty=remove most=10 timeout=1s"
        " member.timeout=7s loadfactor=5 resolver=10.0.0.53,[::1]:5353,2001:db8::1\n"
    )
    assert (found.place, found.kind) == (LINE, "dns")
    assert sources(f"discover = {LINE} keep=forever\n")[0].keep is None
    assert (found.ttl_floor, found.keep, found.empty, found.most) == (2.0, 3600.0, "remove", 10)
    assert found.resolver == ("10.0.0.53:53", "[::1]:5353", "[2001:db8::1]:53")
    assert (found.timeout, found.member.timeout) == (1.0, 7.0)
    member = found.member
    assert (member.retry, member.loadfactor, member.hcmethod) == (3.0, 500, "tcp")


def test_answers_inherit_and_override() -> None:
    """
    The lines of an answer have what the source's line says, unless they say otherwise; bad
    ones are told with their place.
    """
    (source,) = sources(f"loadfactor = 2\ndiscover = {LINE} lbset=1 connectiontimeout=9s\n")
    answer = Answer(
        ("http://10.0.0.1 lbset=3", "http://10.0.0.2", "nonsense", "http://10.0.0.3 lbse=1"),
        where=("f:1", "f:2", "f:4"),
    )
    found, wrong = read_answer(answer, source, REGISTRY)
    assert [(each.lbset, each.loadfactor, each.connectiontimeout) for each in found] == [
        (3, 200, 9.0),
        (1, 200, 9.0),
    ]
    assert found[0].host == "10.0.0.1"
    assert wrong[0].startswith("f:4: 'nonsense' is no URL")
    assert wrong[1].startswith("member 4: lbse: is not known here (did you mean lbset?)")


def test_a_member_twice_is_one() -> None:
    """
    Of two lines with one URL the first counts: DNS may well say an address twice.
    """
    (source,) = sources(f"discover = {LINE}\n")
    answer = Answer(("http://10.0.0.1 lbset=1", "http://10.0.0.1:80"))
    found, wrong = read_answer(answer, source, REGISTRY)
    assert ([each.lbset for each in found], wrong) == ([1], [])


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("shop.internal", "discover: 'shop.internal' is no source of members: use dns+http://NAME"),
        ("dn+http://x", "discover: 'dn+http://x' is no source of members"),
        ("fake:", "discover: a place is expected after the colon: fake:PLACE"),
        ("file:etc", "discover: 'file:etc' must be file:/PATH"),
        (f"{LINE} most=0", "discover: most: '0' is not a whole number from 1 to 10000"),
        (f"{LINE} most=1 most=2", "discover: most: is given twice"),
        (f"{LINE} token-file=/x", "discover: token-file: is not for this kind of source"),
        ("file:/x family=ipv4", "discover: family: is not for this kind of source"),
        (f"{LINE} ttl-flor=5s", "discover: ttl-flor: is not known here (did you mean ttl-floor?)"),
        (f"{LINE} lbset", "discover: lbset: is not of the form key=value"),
        (f"{LINE} resolver=localhost", "discover: resolver: 'localhost' must be ADDRESS:PORT"),
        (f"{LINE} resolver=1.2.3.4,", "discover: resolver: an address is missing"),
        ("dns+udp://x:53 hcmethod=get hcuri=/", "discover: hcmethod=get does not ask udp://"),
        ("dns+tcp://x:53", "discover: dns+tcp://x:53: tcp:// cannot be used where [mount:/] leads"),
        (f"{LINE} hcexpr=good", "discover: dns+http://shop.internal:8080: no expression is called"),
    ],
)
def test_faults_are_told_without_asking(line: str, text: str) -> None:
    """
    A line that cannot be used is an error that says what is allowed.
    """
    (found,) = faults(f"discover = {line}\n")
    assert found.startswith(text)


def test_a_source_twice_is_an_error() -> None:
    """
    A place stands in a balancer once.
    """
    assert faults(f"discover =\n    {LINE}\n    {LINE} most=1\n") == [
        f"discover: {LINE} is a source already"
    ]


def test_a_check_without_a_path_is_warned_of() -> None:
    """
    As with members, a check of / is probably not what is meant.
    """
    (warning,) = load(f"discover = {LINE} hcmethod=get\n").warnings
    assert f"discover: {LINE}: hcmethod=get without hcuri asks for /" in warning


def test_options_without_effect_are_warned_of() -> None:
    """
    Options of the section that members of these schemes have no use for are told; where only
    answers tell the scheme, none is.
    """
    (warning,) = load(f"secret = word\ndiscover = {LINE}\n").warnings
    assert "secret: has no effect" in warning
    assert load("secret = word\ndiscover = file:/x\n").warnings == []


def test_the_mode_comes_of_the_sources() -> None:
    """
    A balancer of connections may have sources only.
    """
    head = "[listener:db]\nmode = tcp\nendpoint = tcp:5432\nto = balancer://shop\n[balancer:shop]\n"
    assert load("discover = dns+tcp://db.internal:5432\n", head).warnings == []
    (found,) = faults(f"discover = {LINE}\n", head)
    assert "http:// cannot be used" in found


def test_rendered_text_reads_the_same() -> None:
    """
    A configuration with sources can be written and read again, with all defaults as well.
    """
    spec = load(
        "loadfactor = 3\n"
        "discover =\n"
        f"    {LINE} timeout=1s member.timeout=2s resolver=10.0.0.53\n"
        "    'file:/a b' hcmethod=get hcuri=/x interval=5s\n"
        "    http://registry.test/members.json?a=1;b\\;c missing=3\n"
    ).spec
    for every in (False, True):
        text = render(spec, defaults=every)
        assert loads(text, REGISTRY).spec == spec, text


def test_changes_of_sources_are_told() -> None:
    """
    A reload says which sources came, went and are asked otherwise.
    """
    before = load(f"discover =\n    {LINE}\n    file:/a\n").spec
    after = load(f"discover =\n    {LINE} most=5 loadfactor=2\n    file:/b\n").spec
    assert plan(before, after).lines == (
        "balancer shop: source file:/b added",
        "balancer shop: source file:/a removed",
        f"balancer shop: source {LINE}: most 1000 -> 5",
        f"balancer shop: source {LINE}: member: loadfactor 1 -> 2",
    )
    assert plan(before, before).lines == ()
