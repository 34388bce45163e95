"""
C{stickysession}: where Apache looks for a route, corner by corner.
"""

from __future__ import annotations

import pytest

from tests.core.balancers import FakeRequest, balancer, member
from txbalancer.core.specs import StickyNames
from txbalancer.core.stickiness.session import SessionFactory, SessionScheme

BOTH = StickyNames("JSESSIONID", "jsessionid")


def find(target=b"/", cookie=None, names=BOTH, separator=".", semicolon=False):
    path, mark, query = target.partition(b"?")
    headers = {} if cookie is None else {"cookie": cookie}
    request = FakeRequest(path, query if mark else None, **headers)
    return SessionScheme(names, separator, semicolon).find(request, ())


URL = b"jsessionid"
COOKIE = b"JSESSIONID"


@pytest.mark.parametrize(
    ("target", "route"),
    [
        (b"/x;jsessionid=a.node2", b"node2"),
        (b"/x?jsessionid=a.node2", b"node2"),
        (b"/x?a=b&jsessionid=a.node2&c=d", b"node2"),
        (b"/x;jsessionid=a.node2?q", b"node2"),
        (b"/x;jsessionid=a.node1?jsessionid=a.node2", b"node1"),  # path before query
        (b"/x;xjsessionid=a.node2", b"node2"),  # S3: no boundary
        (b"/xjsessionid=a.node2", b"node2"),
        (b"/?xjsessionid=a.node2", b"node2"),
        (b"/jsessionid/x;jsessionid=a.node2", b"node2"),  # a hit without = is passed over
        (b"/jsessionidx;jsessionid=a.node2", b"node2"),
        (b"/x%3Bjsessionid%3Da%2Enode2", b"node2"),  # S3: the path is decoded
        (b"/x%3bj%73essionid=a.node2?a", b"node2"),
        (b"/?jsessionid%3Da.node2", None),  # the query is not
        (b"/?jsessionid=a%2Enode2", None),
        (b"/x;jsessionid=a.node2/foo", b"node2/foo"),  # S4: / does not end it
        (b"/x;jsessionid=a.node2;v=1", b"node2;v=1"),
        (b"/?jsessionid=&z.node2", b"node2"),  # S4: leading delimiters are skipped
        (b"/x;jsessionid=?a.node2&b", b"node2"),
        (b"/x;JSESSIONID=a.node2", None),  # S1: case matters
        (b"/x;jsessionid=a.b.node2", b"b.node2"),  # S7: the first separator
        (b"/x;jsessionid=.node2", b"node2"),
        (b"/x;jsessionid=a.", b""),
        (b"/x;jsessionid=a", None),
        (b"/x;jsessionid=", None),
        (b"/x;jsessionid=?", None),
        (b"/", None),
        (b"*", None),
    ],
)
def test_S1_to_S7_url(target, route):
    """
    The decoded path and the query as sent are searched as one text.
    """
    assert find(target) == (None if route is None else (URL, route))


@pytest.mark.parametrize(
    ("target", "route"),
    [
        (b"/x;jsessionid=a.node2;v=1", b"node2"),
        (b"/x;jsessionid=;a.node2", b"node2"),
        (b"/x;jsessionid=a.node2", b"node2"),
        (b"/x;jsessionid=;?&", None),
    ],
)
def test_S4_scolonpathdelim(target, route):
    """
    With scolonpathdelim a semicolon ends the value as well.
    """
    assert find(target, semicolon=True) == (None if route is None else (URL, route))


@pytest.mark.parametrize(
    ("cookie", "route"),
    [
        (b"JSESSIONID=a.node2", b"node2"),
        (b"x=1; JSESSIONID=a.node2; y=2", b"node2"),
        (b"x=1;JSESSIONID=a.node2,y=2", b"node2"),
        (b"x=1, JSESSIONID=a.node2", b"node2"),
        (b"x\tJSESSIONID=a.node2", b"node2"),
        (b"JSESSIONID =a.node2", b"node2"),  # S5: spaces before the =
        (b"XJSESSIONID=a.node1", None),
        (b"XJSESSIONID=a.node1; JSESSIONID=a.node2", b"node2"),
        (b"JSESSIONIDX=a.node1; JSESSIONID=a.node2", b"node2"),
        (b"JSESSIONID=; JSESSIONID=b.node3", None),  # S5: the first one with = decides
        (b"JSESSIONID=a.node1; JSESSIONID=b.node3", b"node1"),
        (b"JSESSIONID=", None),
        (b"jsessionid=a.node2", None),
        (b'JSESSIONID="abc.node2"', b'node2"'),  # S6: nothing is unquoted or trimmed
        (b"JSESSIONID=abc.node2 ; x", b"node2 "),
        (b"JSESSIONID=x%2Enode2", None),
        (b"JSESSIONID=abc.", b""),
        (b"JSESSIONID= .node2", b"node2"),
        (b"", None),
    ],
)
def test_S5_to_S7_cookie(cookie, route):
    """
    The name at a boundary, then optional spaces, then =, up to ; or ,.
    """
    assert find(cookie=cookie) == (None if route is None else (COOKIE, route))


@pytest.mark.parametrize(
    ("target", "cookie", "expected"),
    [
        (b"/x;jsessionid=a.node1", b"JSESSIONID=a.node2", (URL, b"node1")),
        (b"/x;jsessionid=a", b"JSESSIONID=a.node2", None),  # no fall back
        (b"/x;jsessionid=", b"JSESSIONID=a.node2", (COOKIE, b"node2")),
        (b"/x?jsessionid=", b"JSESSIONID=a.node2", (COOKIE, b"node2")),
        (b"/x", b"JSESSIONID=a.node2", (COOKIE, b"node2")),
    ],
)
def test_S2_the_first_source_with_a_value_decides(target, cookie, expected):
    """
    URL before cookie; only an empty value at the very end counts as none.
    """
    assert find(target, cookie) == expected


@pytest.mark.parametrize(
    ("separator", "value", "route"),
    [
        ("!", b"abc!node2!123", b"node2!123"),
        ("!", b"abc.node2", None),
        ("", b"abc.node2", b"abc.node2"),  # Off: the whole value
        ("", b"node2", b"node2"),
    ],
)
def test_S7_separator(separator, value, route):
    """
    Another separator, or none at all.
    """
    found = find(cookie=b"JSESSIONID=" + value, separator=separator)
    assert found == (None if route is None else (COOKIE, route))


def test_S1_one_name_serves_both():
    """
    C{stickysession=NAME}: cookie and parameter have the same name.
    """
    names = StickyNames("ID", "ID")
    assert find(b"/?ID=x.a", names=names) == (b"ID", b"a")
    assert find(cookie=b"ID=x.b", names=names) == (b"ID", b"b")


def test_special_characters_in_names_are_plain():
    """
    A name is text, not a pattern.
    """
    names = StickyNames("a.b", "a.b")
    assert find(cookie=b"aXb=x.n; a.b=x.m", names=names) == (b"a.b", b"m")
    assert find(b"/?aXb=x.n", names=names) is None


def test_there_is_no_scheme_without_stickysession():
    """
    The factory makes nothing when the option is not set.
    """
    lb = balancer("a")
    assert SessionFactory()(lb.spec, b"") is None
    assert not lb.sticky
    assert lb.session(FakeRequest(b"/;JSESSIONID=x.a")) is None


def test_it_sets_no_cookie():
    """
    The application's session is the application's to make.
    """
    lb = balancer(member("a", route="r"), stickysession=BOTH)
    assert list(lb.remember(FakeRequest(), None, lb.members[0])) == []
