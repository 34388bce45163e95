"""
Cookies: routes out of those of clients, and those of members put into clients' words.

A line divides what a client sends from what a member sets.
"""

from __future__ import annotations

from tests.core.balancers import FakeRequest, balancer, member
from txbalancer.core.reverse import rewrite_cookie
from txbalancer.core.specs import StickyNames
from txbalancer.core.stickiness.session import SessionScheme

SEEDS = [
    b"JSESSIONID=abc.web1; a=b\nJSESSIONID=x.web1; Path=/app; Domain=in.test; HttpOnly",
    b"a=b,JSESSIONID = abc.web2;$Path=/\nx=y; path = /app/ ;DOMAIN=.in.test",
    b"txb=forged; txb=\nid; Path; Domain=; =;;",
]
WORDS = [*b"JSESSIONID|jsessionid=|.web1|; |, |=|Path=/app|Domain=.in.test|txb=|\n|/x;".split(b"|")]
_SCHEMES = [
    SessionScheme(StickyNames("JSESSIONID", "jsessionid"), separator, semicolon)
    for separator in (".", "")
    for semicolon in (False, True)
]
_OWN = balancer(member("http://a", route="web1"), "http://b", stickycookie="txb")
_PAIRS = ((b"/app", b"/"), (b"/x/", b"/y"))
_DOMAINS = ((b"in.test", b"out.test"),)


def one(data: bytes) -> None:
    """
    Look for a route, elect by it, and rewrite.
    """
    sent, _, put = data.partition(b"\n")
    path, mark, query = sent.partition(b"?")
    request = FakeRequest(b"/" + path, query if mark else None, cookie=sent)
    for scheme in _SCHEMES:
        found = scheme.find(request, ())
        assert found is None or found[1] in sent or b"%" in path
    elected = _OWN.elect(0.0, request)
    assert elected is not None
    _OWN.release(elected)
    made = rewrite_cookie(put, _DOMAINS, _PAIRS)
    before, after = put.split(b";"), made.split(b";")
    assert len(before) == len(after)
    assert before[0] == after[0], "the value itself was changed"
    for old, new in zip(before, after, strict=True):
        assert old == new or old.partition(b"=")[0] == new.partition(b"=")[0]
    assert rewrite_cookie(put, (), ()) == put
