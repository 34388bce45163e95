"""
C{stickycookie}: the balancer's own route cookie.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.balancers import FakeRequest, balancer
from txbalancer.core.specs import StickyNames

OLD, NEW = "old-secret-of-16-or-more", "new-secret-of-16-or-more"


def sticky(**options):
    return balancer(
        "http://a", "http://b", **{"stickycookie": "lb", "stickycookie_secret": (NEW,), **options}
    )


def issue(lb, member, request=None):
    (line,) = lb.remember(request or FakeRequest(), None, member)
    name, _, rest = line.partition(b": ")
    assert name == b"Set-Cookie"
    return rest


def cookie(lb, member):
    return issue(lb, member).partition(b";")[0]


def test_round_trip():
    """
    The cookie brings its client back to the member, and is not set again.
    """
    lb = sticky()
    for member in lb.members:
        request = FakeRequest(cookie=b"x=1; " + cookie(lb, member) + b"; y=2")
        session = lb.session(request)
        assert lb.follow(session, 0.0) is member
        assert list(lb.remember(request, session, member)) == []


def test_another_member_answers():
    """
    After a failover the cookie is set anew.
    """
    lb = sticky()
    a, b = lb.members
    request = FakeRequest(cookie=cookie(lb, a))
    (line,) = lb.remember(request, lb.session(request), b)
    assert line.startswith(b"Set-Cookie: " + cookie(lb, b))


@pytest.mark.parametrize(
    "sent", [b"lb=", b"lb=a", b"lb=http://a", b"xlb=%s", b"lb", b"lb =%s", b"LB=%s", b"lbx=%s"]
)
def test_foreign_values_are_no_session(sent):
    """
    Nor is anything under another name.
    """
    lb = sticky()
    value = cookie(lb, lb.members[0]).partition(b"=")[2]
    assert lb.session(FakeRequest(cookie=sent.replace(b"%s", value))) is None


@given(st.integers(0, 23), st.integers(1, 255))
def test_a_tampered_value_is_no_session(place, change):
    """
    Any changed byte makes it worthless.
    """
    lb = sticky()
    value = bytearray(cookie(lb, lb.members[0]))
    value[3 + place] ^= change
    found = lb.session(FakeRequest(cookie=bytes(value)))
    assert found is None


def test_a_good_value_among_bad_ones_is_found():
    """
    Two cookies of one name, as two paths make them: the one that fits counts.
    """
    lb = sticky()
    request = FakeRequest(cookie=b"lb=stale; " + cookie(lb, lb.members[1]))
    assert lb.follow(lb.session(request), 0.0) is lb.members[1]


def test_values_tell_nothing_and_fit_one_balancer_only():
    """
    They have 24 characters, do not hold the name, and differ by balancer and secret.
    """
    lb = sticky()
    value = cookie(lb, lb.members[0]).partition(b"=")[2]
    assert len(value) == 24
    assert b"http" not in value
    other = sticky(stickycookie_secret=(OLD,))
    assert cookie(other, other.members[0]) != cookie(lb, lb.members[0])


def test_rotation_accepts_both_secrets_and_issues_the_first():
    """
    A client with the old secret's cookie stays where it is, and gets the new one.
    """
    before = sticky(stickycookie_secret=(OLD,))
    during = sticky(stickycookie_secret=(NEW, OLD))
    after = sticky(stickycookie_secret=(NEW,))
    request = FakeRequest(cookie=cookie(before, before.members[1]))
    session = during.session(request)
    b = during.members[1]
    assert during.follow(session, 0.0) is b
    (line,) = during.remember(request, session, b)
    assert after.session(FakeRequest(cookie=line[12:].partition(b";")[0])).members == [
        after.members[1]
    ]
    assert after.session(request) is None


def test_without_a_secret_the_processs_own_signs():
    """
    The caller's random bytes; another process has others.
    """
    lb = sticky(stickycookie_secret=())
    request = FakeRequest(cookie=cookie(lb, lb.members[0]))
    assert lb.session(request) is not None
    lb._secret = b"another process"
    lb.respec(lb.spec)
    assert lb.session(request) is None


@pytest.mark.parametrize(
    ("options", "secure", "attributes"),
    [
        ({}, False, b"; Path=/; HttpOnly; SameSite=Lax"),
        ({}, True, b"; Path=/; HttpOnly; SameSite=Lax; Secure"),
        ({"stickycookie_secure": "on"}, False, b"; Path=/; HttpOnly; SameSite=Lax; Secure"),
        ({"stickycookie_secure": "off"}, True, b"; Path=/; HttpOnly; SameSite=Lax"),
        (
            {"stickycookie_path": "/app", "stickycookie_httponly": False},
            False,
            b"; Path=/app; SameSite=Lax",
        ),
        ({"stickycookie_samesite": "none"}, True, b"; Path=/; HttpOnly; SameSite=None; Secure"),
        ({"stickycookie_samesite": "off"}, False, b"; Path=/; HttpOnly"),
        ({"stickycookie_samesite": "strict"}, False, b"; Path=/; HttpOnly; SameSite=Strict"),
    ],
)
def test_attributes(options, secure, attributes):
    """
    Path, HttpOnly, SameSite and Secure are as configured.
    """
    lb = sticky(**options)
    line = issue(lb, lb.members[0], FakeRequest(secure=secure))
    assert line[len(b"lb=") + 24 :] == attributes


def test_the_applications_session_is_looked_at_first():
    """
    With both, stickysession decides; the cookie is set once, not with every answer.
    """
    lb = sticky(stickysession=StickyNames("S", "S"))
    a, b = lb.members
    a.route = b"ra"
    lb.index()
    request = FakeRequest(cookie=b"S=x.ra; " + cookie(lb, b))
    session = lb.session(request)
    assert session == (b"S", b"ra", [a])
    assert lb.follow(session, 0.0) is a
    (line,) = lb.remember(request, session, a)
    request = FakeRequest(cookie=b"S=x.ra; " + cookie(lb, a))
    assert line.startswith(b"Set-Cookie: " + cookie(lb, a))
    assert list(lb.remember(request, lb.session(request), a)) == []
    request = FakeRequest(cookie=cookie(lb, b))
    assert lb.follow(lb.session(request), 0.0) is b


def test_redirect_applies_to_the_cookie_as_well():
    """
    The cookie's member is out: its redirect route says who takes over.
    """
    lb = sticky()
    a, b = lb.members
    a.redirect, b.route = b"rb", b"rb"
    lb.index()
    request = FakeRequest(cookie=cookie(lb, a))
    lb.set_flags(a, a.flags | 0x20, "", 0.0)
    assert lb.follow(lb.session(request), 0.0) is b
