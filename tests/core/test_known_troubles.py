"""
Faults that Apache had and lost again, by their numbers there (APACHE item X42): not here.
"""

from __future__ import annotations

from tests.core.balancers import FakeRequest, balancer, elected, member
from txbalancer.core import flags
from txbalancer.core.balancer import Session
from txbalancer.core.mount import Mount
from txbalancer.core.paths import normalise
from txbalancer.core.reverse import rewrite_cookie
from txbalancer.core.specs import MountSpec, StickyNames, ToBalancer
from txbalancer.core.stickiness.session import SessionScheme


def test_PR69443_a_session_in_the_query() -> None:
    """
    It is found wherever in the query it stands, as it is in a path.
    """
    scheme = SessionScheme(StickyNames("JSESSIONID", "jsessionid"), ".", False)
    for query in (
        b"jsessionid=a.n2",
        b"a=b&jsessionid=a.n2",
        b"jsessionid=a.n2&c=d",
        b"&jsessionid=.n2",
    ):
        assert scheme.find(FakeRequest(b"/x", query), ()) == (b"jsessionid", b"n2")


def test_PR66302_passed_checks_end_an_error_of_requests() -> None:
    """
    As many as hcpasses bring a member in that a request put out, before retry is over.
    """
    lb = balancer(member("a", hcpasses=2, retry=600.0), "b")
    first = lb.members[0]
    lb.health(first, True, 0.5)  # the very first verdict counts at once
    lb.force_error(first, "refused", 1.0)
    assert first.flags & flags.IN_ERROR
    lb.health(first, True, 2.0)
    assert first.flags & flags.IN_ERROR
    lb.health(first, True, 3.0)
    assert not first.flags & flags.IN_ERROR
    assert {lb.elect(4.0).name, lb.elect(4.0).name} == {"a", "b"}


def test_CVE_2026_34356_a_cookie_that_grows() -> None:
    """
    Domains and paths that are longer than those of a member's cookie are written whole.
    """
    domain, path = b".%s.example" % (b"d" * 3000), b"/%s/" % (b"p" * 3000)
    found = rewrite_cookie(b"a=1; Domain=x; Path=/; HttpOnly", ((b"x", domain),), ((b"/", path),))
    assert found == b"a=1; Domain=%s; Path=%s; HttpOnly" % (domain, path)


def test_X42_paths_are_encoded_once() -> None:
    """
    What a client wrote as %25 or %20 arrives so, neither decoded nor encoded anew.
    """
    mount = Mount(MountSpec("/a", "/a", ToBalancer("b", "/x")))
    for path in (b"/a/b%2520c", b"/a/b%20c", b"/a/100%25"):
        assert mount.map_path(normalise(path)) == b"/x" + path[2:]


def test_X23_a_drain_has_no_end_and_shows_when_it_is_over() -> None:
    """
    Elected and busy of a draining member go up with its sessions only, and stand still when
    these are gone; no time and no need brings it back.
    """
    lb = balancer(member("a", route="a", status="+N"), "b", stickysession=StickyNames("S", "S"))
    draining = lb.members[0]
    session = Session(b"s", b"a", lb.carriers(b"a"))
    held = lb.follow(session, 0.0)
    assert (held, draining.elected, draining.busy) == (draining, 1, 1)
    lb.release(held)
    assert elected(lb, 5, 1e9) == ["b"] * 5
    lb.set_flags(lb.members[1], flags.INIT | flags.STOPPED, "", 1e9)
    assert lb.elect(2e9) is None
    assert (draining.elected, draining.busy) == (1, 0)


def test_X35_where_manual_and_program_differ() -> None:
    """
    One member has no further attempts; redirect is for sessions of a member that is out; time
    does not end C{status=D}. (C{ping=0} is off as in the manual: tests of parameters.)
    """
    assert balancer("a").maxattempts == 0
    lb = balancer(
        member("a", route="a", redirect="b"),
        member("b", route="b"),
        stickysession=StickyNames("S", "S"),
    )
    assert elected(lb, 4) == ["a", "b", "a", "b"]
    lb.set_flags(lb.members[0], flags.INIT | flags.DISABLED, "", 0.0)
    assert lb.follow(Session(b"s", b"a", lb.carriers(b"a")), 0.0) is lb.members[1]
    assert elected(lb, 4, 1e9) == ["b"] * 4
