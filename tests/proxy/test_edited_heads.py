"""
Header and RequestHeader on the way through a mount: APACHE items S30 and S31.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from twisted.web.pages import notFound
from twisted.web.resource import Resource

from tests.proxy.rigs import GET, OK, begin, check_rest, make_rig, status_of
from txbalancer.services.plugins import load_registry
from txbalancer.testing import MemoryRig

RECIPE = (
    "header =\n"
    '    add Set-Cookie "ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED'
)
STICKY = "stickysession = ROUTEID"
NAMES = ("NAME", "WORKER_NAME", "WORKER_ROUTE", "SESSION_STICKY", "SESSION_ROUTE", "ROUTE_CHANGED")


def lines(head: bytes, name: bytes) -> list[bytes]:
    """
    Return the values of a header.
    """
    found = [line.partition(b": ") for line in head.split(b"\r\n\r\n")[0].split(b"\r\n")]
    return [value for key, _, value in found if key.lower() == name.lower()]


def recipe(member: str = "route=1", members: int = 1):
    """
    Make a rig with the recipe of S31.
    """
    return make_rig(members, member=member, balancer=STICKY, mount=RECIPE)


def cookie(value: bytes) -> bytes:
    return GET[:-2] + b"Cookie: ROUTEID=" + value + b"\r\n\r\n"


def test_S31_the_first_answer_sets_the_cookie() -> None:
    """
    No session yet: the route goes into a cookie; with the cookie there is no other.
    """
    rig = recipe()
    client, member = begin(rig)
    member.send(OK)
    assert lines(client.taken(), b"Set-Cookie") == [b"ROUTEID=.1; path=/"]
    client.send(cookie(b".1"))
    member.send(OK)
    assert lines(client.taken(), b"Set-Cookie") == []
    check_rest(rig)


@pytest.mark.parametrize("value", [b".9", b".", b"x"])
def test_S31_a_session_that_moved_gets_a_new_cookie(value) -> None:
    """
    The cookie names nobody, or nothing at all.
    """
    rig = recipe()
    client, member = begin(rig, cookie(value))
    member.send(OK)
    assert lines(client.taken(), b"Set-Cookie") == [b"ROUTEID=.1; path=/"]


def test_S31_a_failover_moves_the_session() -> None:
    """
    The member of the session cannot be reached: the other one's route is in the answer.
    """
    rig = make_rig(1, balancer=STICKY, mount=RECIPE)
    rig = MemoryRig(
        "[listener:web]\nendpoint = tcp:80\n[balancer:shop]\nstickysession = ROUTEID\nmembers =\n"
        "    http://10.0.0.1 route=1\n    http://10.0.0.2 route=2\n"
        f"[mount:/]\nto = balancer://shop/\n{RECIPE}\n"
    )
    client = rig.client()
    client.send(cookie(b".1"))
    rig.openings()[0].fail()
    rig.accept().send(OK)
    assert lines(client.taken(), b"Set-Cookie") == [b"ROUTEID=.2; path=/"]
    assert rig.outcomes[0].route_changed


def test_S31_errors_made_here_get_no_cookie() -> None:
    """
    Edits without C{always} are for answers of members, whatever their status.
    """
    rig = recipe()
    client = rig.client()
    client.send(GET)
    rig.openings()[0].fail()
    answer = client.taken()
    assert status_of(answer) == 503
    assert lines(answer, b"Set-Cookie") == []
    rig = recipe()
    client, member = begin(rig)
    member.send(OK.replace(b"200 OK", b"503 Busy"))
    assert lines(client.taken(), b"Set-Cookie") == [b"ROUTEID=.1; path=/"]


def variables(rig, request: bytes, answer: bytes = OK) -> dict[str, bytes]:
    """
    Return what the six variables were in an answer.
    """
    client, member = begin(rig, request)
    member.send(answer)
    head = client.taken()
    return {name: lines(head, b"X-" + name.encode())[0] for name in NAMES}


SHOW = "header =\n" + "\n".join(f"    always set X-{name} %{{BALANCER_{name}}}e" for name in NAMES)


def test_S30_variables_of_a_new_and_of_a_known_session() -> None:
    """
    Those that are not set read C{(null)}, as in Apache.
    """
    rig = make_rig(1, member="route=1", balancer=STICKY, mount=SHOW)
    null = b"(null)"
    url = b"http://10.0.0.1"
    assert list(variables(rig, GET).values()) == [b"balancer://shop", url, b"1", null, null, b"1"]
    rig = make_rig(1, member="route=1", balancer=STICKY, mount=SHOW)
    found = list(variables(rig, cookie(b"abc.1")).values())
    assert found == [b"balancer://shop", url, b"1", b"ROUTEID", b"1", null]
    rig = make_rig(1, mount=SHOW)
    assert list(variables(rig, GET).values()) == [b"balancer://shop", url, b"", null, null, null]


def test_S30_after_a_failed_attempt_and_without_any() -> None:
    """
    They tell of the member that was tried last; where none was, of nothing.
    """
    rig = make_rig(1, member="route=1", balancer=STICKY, mount=SHOW)
    client = rig.client()
    client.send(GET)
    rig.openings()[0].fail()
    head = client.taken()
    assert lines(head, b"X-WORKER_ROUTE") == lines(head, b"X-ROUTE_CHANGED") == [b"1"]
    rig = make_rig(1, member="status=+D", balancer=STICKY, mount=SHOW)
    client = rig.client()
    client.send(GET)
    head = client.taken()
    assert status_of(head) == 503
    assert [lines(head, b"X-" + name.encode()) for name in NAMES] == [[b"(null)"]] * 6
    assert not rig.outcomes[0].route_changed


def test_a_session_of_stickycookie_that_stays_is_not_changed() -> None:
    """
    The balancer's own cookie has no route in it, but a member.
    """
    rig = make_rig(1, balancer="stickycookie = S", mount=SHOW)
    client, member = begin(rig)
    member.send(OK)
    value = lines(client.taken(), b"Set-Cookie")[0].partition(b";")[0]
    client.send(GET[:-2] + b"Cookie: " + value + b"\r\n\r\n")
    member.send(OK)
    assert lines(client.taken(), b"X-ROUTE_CHANGED") == [b"(null)"]
    assert [outcome.route_changed for outcome in rig.outcomes] == [True, False]


ANSWER = (
    b"HTTP/1.1 200 OK\r\nX-One: m1\r\nX-One: m2\r\nCache-Control: a, b\r\nVary: Q\r\n"
    b"Location: http://10.0.0.1/there\r\nDate: then\r\nContent-Length: 2\r\n\r\nok"
)


def answered(*edits: str, answer: bytes = ANSWER, request: bytes = GET) -> bytes:
    """
    Return the head of an answer after edits.
    """
    rig = make_rig(1, mount="header =\n" + "\n".join(f"    {edit}" for edit in edits))
    client, member = begin(rig, request)
    member.send(answer)
    check_rest(rig)
    return client.taken()


@pytest.mark.parametrize(
    ("edit", "name", "expected"),
    [
        ("set X-One a", b"X-One", [b"a"]),
        ("set X-New a", b"X-New", [b"a"]),
        ("setifempty X-One a", b"X-One", [b"m1", b"m2"]),
        ("setifempty X-New a", b"X-New", [b"a"]),
        ("append X-One a", b"X-One", [b"m1, a", b"m2"]),
        ("append X-New a", b"X-New", [b"a"]),
        ("merge Cache-Control b", b"Cache-Control", [b"a, b"]),
        ("merge Cache-Control c", b"Cache-Control", [b"a, b, c"]),
        ("merge X-New c", b"X-New", [b"c"]),
        ("add X-One a", b"X-One", [b"m1", b"m2", b"a"]),
        ("unset x-one", b"X-One", []),
        ("unset Location", b"Location", []),
        ("edit Location there$ THERE", b"Location", [b"http://shop.test/THERE"]),
        ("edit X-One m(.) $1-%{REQUEST_METHOD}e", b"X-One", [b"1-GET", b"2-GET"]),
        ("edit* Cache-Control [ab] x", b"Cache-Control", [b"x, x"]),
        ("edit Cache-Control [ab] x", b"Cache-Control", [b"x, b"]),
        ("edit X-New a b", b"X-New", []),
        ("always set X-One a", b"X-One", [b"a", b"m1", b"m2"]),
        ("always unset X-One", b"X-One", [b"m1", b"m2"]),
        ("set Date now", b"Date", [b"now"]),
        ("set X-New a env=HTTPS", b"X-New", []),
        ("set X-New a env=!HTTPS", b"X-New", [b"a"]),
        ("set X-New 5%%", b"X-New", [b"5%"]),
        ("set X-New %{REMOTE_ADDR}e-%{HTTPS}s", b"X-New", [b"192.0.2.1-off"]),
        ("set X-New %t", b"X-New", [b"t=1800000000000000"]),
        ("set X-New %D", b"X-New", [b"D=0"]),
    ],
)
def test_edits_of_answers(edit, name, expected) -> None:
    """
    Each action, as mod_headers has it.
    """
    assert lines(answered(edit), name) == expected


def test_an_answer_has_a_date_whatever_is_unset() -> None:
    """
    Without the member's it is ours.
    """
    assert lines(answered("unset Date"), b"Date") == [b"Fri, 15 Jan 2027 08:00:00 GMT"]


def test_edits_are_made_in_their_order() -> None:
    """
    A later one sees what an earlier one did.
    """
    assert lines(answered("set X a", "append X b", "edit X b c"), b"X") == [b"a, c"]


def test_what_a_variable_holds_cannot_end_the_line() -> None:
    """
    Line ends in a variable become blanks; C{$1} in it is no group.
    """
    target = b"GET /?$1 HTTP/1.1\r\nHost: shop.test\r\n\r\n"
    head = answered("edit X-One (m) $1%{QUERY_STRING}e", request=target)
    assert lines(head, b"X-One") == [b"m$11", b"m$12"]


@pytest.mark.parametrize(
    ("path", "status"), [("/x", 404), ("/gone", 418), ("/there", 302), ("/big", 413)]
)
def test_always_is_for_answers_made_here_too(path, status) -> None:
    """
    Redirects, fixed statuses and refusals of a mount have its lines of C{always}, and no others.
    """
    rig = make_rig(1, mount="max-body = 5")
    edits = "header =\n    always set X-A a\n    set X-B b\n"
    rig = MemoryRig(
        "[listener:web]\nendpoint = tcp:80\n[balancer:shop]\nmembers = http://10.0.0.1\n"
        f"[mount:/x]\nto = !\n{edits}[mount:/gone]\nto = status:418\n{edits}"
        f"[mount:/there]\nto = redirect:/y\n{edits}"
        f"[mount:/big]\nto = balancer://shop/\nmax-body = 5\n{edits}"
    )
    client = rig.client()
    length = b"Content-Length: 10\r\n" if status == 413 else b""
    client.send(b"GET %b HTTP/1.1\r\nHost: a\r\n%b\r\n" % (path.encode(), length))
    if length:
        client.send(b"0123456789")
    head = client.taken()
    assert status_of(head) == status
    assert (lines(head, b"X-A"), lines(head, b"X-B")) == ([b"a"], [])


class Page(Resource):
    """
    A page, and none below it.
    """

    def render_GET(self, request) -> bytes:
        return b"hello"

    def getChild(self, path, request) -> Resource:
        return notFound() if path else self


@pytest.mark.parametrize(("path", "status"), [(b"/hello", 200), (b"/hello/nothing", 404)])
def test_pages_of_resources_are_edited_too(path, status) -> None:
    """
    All edits for a page that is there, those of C{always} for any.
    """
    edits = "header =\n    always set X-A a\n    set X-B b\n"
    registry = load_registry()
    registry.resources["hello"] = SimpleNamespace(make_resource=Page)
    rig = MemoryRig(
        f"[listener:web]\nendpoint = tcp:80\n[mount:/hello]\nto = resource:hello\n{edits}", registry
    )
    client = rig.client()
    client.send(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path)
    rig.reactor.advance(0)
    head = client.taken()
    assert status_of(head) == status
    assert (lines(head, b"X-A"), lines(head, b"X-B")) == ([b"a"], [b"b"] if status == 200 else [])


def asked(*edits: str, request: bytes = GET, options: str = "") -> bytes:
    """
    Return the head of a request to the member after edits.
    """
    found = "\n".join(f"    {edit}" for edit in edits)
    rig = make_rig(1, mount=f"requestheader =\n{found}\n{options}")
    _, member = begin(rig, request)
    return member.taken()


REQUEST = (
    b"GET / HTTP/1.1\r\nHost: shop.test\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: evil\r\n"
    b"User-Agent: u\r\nCookie: a=1\r\nCookie: b=2\r\nX-One: m\r\n\r\n"
)


@pytest.mark.parametrize(
    ("edit", "name", "expected"),
    [
        ("set X-New a", b"X-New", [b"a"]),
        ("append X-One a", b"X-One", [b"m, a"]),
        ("unset User-Agent", b"User-Agent", []),
        ("set X-Forwarded-For 1.1.1.1", b"X-Forwarded-For", [b"1.1.1.1, 192.0.2.1"]),
        ("unset X-Forwarded-For", b"X-Forwarded-For", [b"192.0.2.1"]),
        ("set X-Forwarded-Proto https", b"X-Forwarded-Proto", [b"https"]),
        ("set X-Forwarded-Proto https env=HTTPS", b"X-Forwarded-Proto", [b"http"]),
        ("set X-One a", b"X-Forwarded-Proto", [b"http"]),
        ("set Host forced", b"Host", [b"10.0.0.1"]),
        ("set Host forced", b"X-Forwarded-Host", [b"forced"]),
        ("set X-B %{BALANCER_NAME}e", b"X-B", [b"(null)"]),
        ("set X-B %{HTTP_HOST}e%{REQUEST_URI}e", b"X-B", [b"shop.test/"]),
    ],
)
def test_edits_of_requests(edit, name, expected) -> None:
    """
    They come before X-Forwarded-For and the like are added, and before a member is elected.
    """
    assert lines(asked(edit, request=REQUEST), name) == expected


def test_a_host_of_the_configuration_is_sent_with_preservehost() -> None:
    """
    The common way to force a Host; places in answers keep the one that was asked for.
    """
    rig = make_rig(1, mount="preservehost = on\nrequestheader = set Host forced.test")
    client, member = begin(rig)
    assert lines(member.taken(), b"Host") == [b"forced.test"]
    member.send(ANSWER)
    assert lines(client.taken(), b"Location") == [b"http://shop.test/there"]
    gone = asked("unset Host", options="preservehost = on")
    assert lines(gone, b"Host") == [b"lb.test"]
    old = asked(
        "setifempty Host a.test", request=b"GET / HTTP/1.0\r\n\r\n", options="preservehost = on"
    )
    assert lines(old, b"Host") == [b"a.test"]


def test_edited_cookies_decide_on_the_session_and_the_log() -> None:
    """
    What comes after sees the edited request, as in Apache.
    """
    rig = make_rig(
        2,
        balancer=STICKY,
        mount='requestheader =\n    set Cookie "ROUTEID=.b"\n    set Referer edited',
    )
    rig.balancer().members[1].route = b"b"
    rig.balancer().index()
    _, member = begin(rig)
    member.send(OK)
    (outcome,) = rig.outcomes
    assert (outcome.member, outcome.sticky) == ("http://10.0.0.2", (b"ROUTEID", b"b"))
    assert outcome.request is not None
    assert outcome.request.header(b"referer") == b"edited"


def test_the_mounts_own_name_goes_to_members() -> None:
    """
    C{server-name} of a mount, in X-Forwarded-Server, in Via, and as Host where there is none.
    """
    rig = make_rig(1, mount="server-name = www.test\nvia = on")
    client, member = begin(rig)
    head = member.taken()
    assert lines(head, b"X-Forwarded-Server") == [b"www.test"]
    assert lines(head, b"Via") == [b"1.1 www.test"]
    member.send(OK)
    assert lines(client.taken(), b"Via") == [b"1.1 www.test"]
    rig = make_rig(1, mount="server-name = www.test")
    _, member = begin(rig)
    assert lines(member.taken(), b"X-Forwarded-Server") == [b"www.test"]
    rig = make_rig(1, mount="server-name = www.test\npreservehost = on")
    _, member = begin(rig, b"GET / HTTP/1.0\r\n\r\n")
    assert lines(member.taken(), b"Host") == [b"www.test"]


def test_noquery_keeps_the_query_here() -> None:
    """
    The member sees the path alone.
    """
    rig = make_rig(1, mount="noquery = on")
    _, member = begin(rig, b"GET /a?b=c HTTP/1.1\r\nHost: shop.test\r\n\r\n")
    assert member.taken().startswith(b"GET /a HTTP/1.1\r\n")
