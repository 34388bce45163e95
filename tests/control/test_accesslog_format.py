"""
Access-log formats: what the directives show, how values are escaped, what errors say.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.control.records import FakeRequest, FakeResponse, finished
from tests.logged import ABSENT, ALWAYS, read_line
from txbalancer.control import logfields, loglines, logtexts
from txbalancer.control.logformat import COMMON, STANDARD, compile_format, compile_text
from txbalancer.core.outcome import Outcome
from txbalancer.core.request import Peer

AGENT = {b"referer": b"http://a.example/", b"user-agent": b"curl/8"}


@pytest.fixture(autouse=True)
def zone() -> Iterator[None]:
    """
    Put the process two hours east of Greenwich, and back; texts of seconds are those of the zone.
    """
    before = os.environ.get("TZ")
    os.environ["TZ"] = "TST-2"
    time.tzset()
    logfields.clf_time.clear()
    yield
    os.environ.pop("TZ")
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()
    logfields.clf_time.clear()


def line(text: str, outcome: Outcome | None = None) -> str:
    """
    Return the line of a format, without its end.
    """
    written = compile_format(text)(outcome or finished())
    assert written.endswith(b"\n")
    return written[:-1].decode("ascii")


def test_common_begins_as_the_standard_says() -> None:
    """
    A program that reads Common Log Format finds its seven fields, then ours.
    """
    shown = line("common")
    assert re.match(
        r"192\.0\.2\.7 - - \[\d\d/[A-Z][a-z]{2}/2026:\d\d:\d\d:\d\d [+-]\d{4}\] "
        r'"GET /shop/item\?page=3 HTTP/1\.1" 200 1234 ',
        shown,
    )
    assert shown.endswith(" reason=ok attempts=1 member=http://10.0.0.1:9001")


def test_combined_adds_referer_and_user_agent() -> None:
    """
    The combined format carries the two quoted headers before our fields.
    """
    shown = line("combined", finished(request=FakeRequest(headers=AGENT)))
    assert ' 200 1234 "http://a.example/" "curl/8" reason=ok ' in shown


def test_X32_the_reason_and_the_attempts_are_in_the_line() -> None:
    """
    A failed exchange tells the reason word and how many members were tried.
    """
    failed = finished(status=502, reason="connect-failed", attempts=3, member="")
    assert line("COMBINED", failed).endswith(" reason=connect-failed attempts=3 member=-")


@given(
    st.builds(
        finished,
        request=st.none()
        | st.builds(
            FakeRequest,
            method=st.sampled_from([b"GET", b"HEAD"]),
            target=st.binary(min_size=1, max_size=9),
            headers=st.dictionaries(st.sampled_from([b"referer", b"user-agent"]), st.binary()),
        ),
        status=st.sampled_from([0, 200, 304, 503]),
        bytes_out=st.sampled_from([0, 1, 10**12]),
        member=st.sampled_from(["", "http://m"]),
        reason=st.sampled_from(["", "client-gone"]),
    )
)
def test_the_ready_made_combined_equals_its_text(outcome: Outcome) -> None:
    """
    The fast function and the general one give the same line for any outcome.
    """
    assert loglines.combined(outcome) == compile_text(STANDARD["combined"])(outcome)


@given(st.binary(), st.binary(), st.binary())
def test_lines_cannot_be_forged(target: bytes, agent: bytes, cookie: bytes) -> None:
    """
    Whatever a client sends, a line stays one line of printable ASCII with its quotes intact.
    """
    headers = {b"user-agent": agent, b"cookie": b"c=" + cookie}
    outcome = finished(request=FakeRequest(target=target, headers=headers))
    for text in ("combined", '"%{User-agent}i" "%{c}C" "%r"'):
        written = compile_format(text)(outcome)
        assert written.endswith(b"\n")
        assert all(0x20 <= code < 0x7F for code in written[:-1])
        unescaped_quotes = re.sub(rb"\\.", b"", written).count(b'"')
        assert unescaped_quotes == 6
    read = read_line(compile_format("json")(outcome))
    assert read["user_agent"] == agent.decode("utf-8", "backslashreplace")


def test_escapes_are_those_of_apache() -> None:
    r"""
    Quotes and backslashes get a backslash, control characters their letter or \xhh.
    """
    assert logtexts.escape(b'a"b\\c\n\t\r\v\b\x00\x7f\xe9') == (rb"a\"b\\c\n\t\r\v\b\x00\x7f\xe9")


def test_json_carries_everything() -> None:
    """
    The json format is one object a line with all that is known of the exchange.
    """
    peer = Peer("192.0.2.7", 40001, "web", secure=True)
    peer.through = "10.9.9.9"
    trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    outcome = finished(
        request=FakeRequest(headers=AGENT, user=b"ann", trace=trace),
        peer=peer,
        attempts=2,
        tried=(("http://10.0.0.2:9002", "connect-failed"),),
        route_changed=True,
        reused=True,
    )
    found = json.loads(line("json", outcome))
    assert found == {
        "time": "2026-11-21T07:57:41.250Z",
        "client": "192.0.2.7",
        "client_port": 40001,
        "through": "10.9.9.9",
        "user": "ann",
        "listener": "web",
        "tls": True,
        "method": "GET",
        "host": "shop.example.org:8080",
        "target": "/shop/item?page=3",
        "version": "1.1",
        "status": 200,
        "reason": "ok",
        "balancer": "shop",
        "member": "http://10.0.0.1:9001",
        "route": "web1",
        "session_name": "JSESSIONID",
        "session_route": "web1",
        "route_changed": True,
        "reused": True,
        "bytes_in": 11,
        "bytes_out": 1234,
        "queue": 0.001,
        "connect": 0.002,
        "first_byte": 0.25,
        "duration": 1.5,
        "referer": "http://a.example/",
        "user_agent": "curl/8",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "parent_id": "00f067aa0ba902b7",
        "attempts": 2,
        "tried": [{"member": "http://10.0.0.2:9002", "reason": "connect-failed"}],
    }
    assert found.keys() | {"limit"} == {*ALWAYS, *ABSENT}


def test_json_leaves_out_what_says_nothing() -> None:
    """
    What was not sent, did not happen or took no time has no key; a few keys are always there,
    also of an exchange whose head never came.
    """
    request = FakeRequest(target=b"", host=b"", method=b"", version=b"")
    bare = Outcome(request=cast(Any, request), peer=Peer("192.0.2.7"), status=0)
    for outcome in (bare, bare._replace(request=None), bare._replace(reason="")):
        assert json.loads(line("json", outcome)) == {
            **dict.fromkeys(ALWAYS, ""),
            "time": "1970-01-01T00:00:00.000Z",
            "client": "192.0.2.7",
            "reason": "ok",
            **dict.fromkeys(("status", "attempts", "bytes_out", "duration"), 0),
        }


def _spans(most: float) -> st.SearchStrategy[float]:
    return st.just(0.0) | st.floats(0.0, most)


@given(
    queue=_spans(2.0), connect=_spans(2.0), first_byte=_spans(2.0), duration=st.floats(-1.0, 2.0)
)
def test_json_tells_spans_to_the_microsecond(**spans: float) -> None:
    """
    Whatever they are; those without a key took no time.
    """
    read = read_line(line("json", finished(**spans)))
    assert {key: read[key] for key in spans} == pytest.approx(spans, abs=0.6e-6)


def test_json_lines_of_one_client_differ() -> None:
    """
    What lines have alike is made once; what is other in the next one is seen in it all the same.
    """
    peer = Peer("192.0.2.7", 40001, "web")
    session = (b"JSESSIONID", b"web2")
    changes: list[dict[str, Any]] = [
        {},
        {"status": 502, "reason": "connect-failed"},
        {"member": "http://10.0.0.2:9002", "route": "web2"},
        {"route_changed": True},
        {"reused": True},
        {"attempts": 3},
        {"balancer": "", "reason": ""},
        {"started": 1795247862.004},
        {"sticky": session},
    ]
    for each in changes:
        outcome = finished(peer=peer, **each)
        read = read_line(line("json", outcome))
        expected = {name: getattr(outcome, name) for name in loglines._ENDING}
        expected["reason"] = expected["reason"] or "ok"
        assert {name: read[name] for name in expected} == expected
        assert read["time"][17:23] == ("42.004" if "started" in each else "41.250")
        assert read["session_route"] == ("web2" if "sticky" in each else "web1")


def test_the_trace_that_members_saw() -> None:
    """
    Its numbers are in json lines, and in own fields of a LogFormat string.
    """
    trace = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    outcome = finished(request=FakeRequest(trace=trace))
    read = json.loads(line("json", outcome))
    assert read["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert read["parent_id"] == "00f067aa0ba902b7"
    text = "%{traceparent}n %{trace-id}n"
    assert line(text, outcome) == trace.decode() + " 4bf92f3577b34da6a3ce929d0e0e4736"
    assert line(text, finished()) == "- -"
    assert line(text, finished(request=None)) == "- -"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("%h %a", "192.0.2.7 192.0.2.7"),
        ("%b %B", "1234 1234"),
        ("%D %T %{ms}T %{us}T %{s}T", "1500000 1 1500 1500000 1"),
        ("%H %m %r", "HTTP/1.1 GET GET /shop/item?page=3 HTTP/1.1"),
        ("%I %O %S", "11 1234 1245"),
        ("%l %u", "- -"),
        ("%p %{canonical}p %{remote}p", "8080 8080 40001"),
        pytest.param("%P %{pid}P", f"{os.getpid()} {os.getpid()}", id="pid"),
        ("%U%q", "/shop/item?page=3"),
        ("%s %>s %<s", "200 200 200"),
        ("%v %V", "www.example.org shop.example.org"),
        ("%X", "+"),
        ("%^FB", "250000"),
        ("%t", "[21/Nov/2026:09:57:41 +0200]"),
        ("%{}t", "[21/Nov/2026:09:57:41 +0200]"),
        ("%{%Y-%m-%d}t", "2026-11-21"),
        ("%{begin:%H:%M:%S}t %{end:%H:%M:%S}t", "09:57:41 09:57:42"),
        ("%{sec}t %{msec}t %{usec}t", "1795247861 1795247861250 1795247861250000"),
        ("%{msec_frac}t %{usec_frac}t %{end:msec_frac}t", "250 250000 750"),
        ("%{reason}n %{attempts}n %{tried}n", "ok 1 -"),
        ("%{queue}n %{connect}n %{firstbyte}n %{total}n", "1.000 2.000 250.000 1500.000"),
        ("%{balancer}n %{member}n %{listener}n", "shop http://10.0.0.1:9001 web"),
        ("%{reused}n %{route}n", "- web1"),
        ("%{session-sticky}n %{session-route}n", "JSESSIONID web1"),
        ('100%% \\t\\"\\\\ \\q', '100% \t"\\ \\q'),
        ("%200,304{reason}n %!200s %{reason}404n", "ok - -"),
        ("caf\u00e9 %s", "caf\u00e9 200"),
    ],
)
def test_directives(text: str, shown: str) -> None:
    """
    Each directive shows what Apache documents for it.
    """
    assert compile_format(text)(finished()).decode() == shown + "\n"


def test_S30_D24_the_balancer_variables() -> None:
    """
    Apache's log format for troubleshooting sessions works as it is written there.
    """
    text = (
        "%{MYCOOKIE}C %{Set-Cookie}o %{BALANCER_SESSION_STICKY}e %{BALANCER_SESSION_ROUTE}e"
        " %{BALANCER_WORKER_ROUTE}e %{BALANCER_ROUTE_CHANGED}e %{BALANCER_NAME}e"
        " %{BALANCER_WORKER_NAME}e"
    )
    outcome = finished(
        request=FakeRequest(headers={b"cookie": b"a=1; mycookie = x.web2 ;flag"}),
        response=FakeResponse({b"set-cookie": b"MYCOOKIE=x.web1"}),
        sticky=(b"MYCOOKIE", b"web2"),
        route_changed=True,
    )
    assert line(text, outcome) == (
        "x.web2 MYCOOKIE=x.web1 MYCOOKIE web2 web1 1 balancer://shop http://10.0.0.1:9001"
    )
    nobody = finished(balancer="", member="", route="", sticky=None)
    assert line(text, nobody) == "- - - - - - - -"


def test_S30_an_empty_route_is_empty() -> None:
    """
    A member without a route shows an empty route, not a missing one.
    """
    assert line("[%{BALANCER_WORKER_ROUTE}e]", finished(route="")) == "[]"


def test_tried_members_are_named_with_their_reasons() -> None:
    """
    Attempts that failed are listed in order.
    """
    tried = (("http://a", "connect-failed"), ("http://b", "response-timeout"))
    assert line("%{tried}n", finished(tried=tried)) == (
        "http://a=connect-failed,http://b=response-timeout"
    )


def test_a_request_that_never_came() -> None:
    """
    Without a head the request's fields are dashes and the status of no answer is 000.
    """
    outcome = finished(request=None, status=0, reason="client-gone", bytes_out=0)
    assert line('"%r" %m %H %U %s %b %B %V %p %X "%q"', outcome) == (
        '"-" - - - 000 - 0 www.example.org 443 X ""'
    )


@pytest.mark.parametrize(
    ("version", "connection", "reason", "shown"),
    [
        (b"1.1", b"", "", "+"),
        (b"1.1", b"TE, Close", "", "-"),
        (b"1.0", b"", "", "-"),
        (b"1.0", b"Keep-Alive", "", "+"),
        (b"1.1", b"", "client-timeout", "X"),
    ],
)
def test_connection_status(version: bytes, connection: bytes, reason: str, shown: str) -> None:
    """
    %X tells whether the client left, may go on, or is done.
    """
    request = FakeRequest(version=version, headers={b"connection": connection})
    assert line("%X", finished(request=request, reason=reason)) == shown


def test_paths_are_shown_decoded_and_escaped() -> None:
    """
    %U is the decoded path, as in Apache, and what decoding brings up is escaped.
    """
    assert line("%U", finished(request=FakeRequest(path=b"/a%20b%0a"))) == r"/a b\n"


@pytest.mark.parametrize(
    ("host", "secure", "name", "port"),
    [(b"[::1]:81", False, "[::1]", "81"), (b"a", False, "a", "80"), (b"a:", True, "a:", "443")],
)
def test_host_and_port(host: bytes, secure: bool, name: str, port: str) -> None:
    """
    %V and %p divide the Host header; the port falls back to that of the scheme.
    """
    outcome = finished(request=FakeRequest(host=host), peer=Peer("c", secure=secure))
    assert line("%V %p", outcome) == f"{name} {port}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("combind", "'combind' is no log format (did you mean combined?): use common"),
        ("nothing", "'nothing' is no log format: use common"),
        ("%h %f", "position 4: %f is not available: a proxy has no file name"),
        ("%A", "position 1: %A is not available: the local address is not recorded"),
        ("%h %y", "position 4: unknown directive %y"),
        ("%{x}y", "position 1: unknown directive %{x}y"),
        ("%h %{User-agent", "position 4: %{ without its }"),
        ("100%", "position 4: '%' is no directive; a percent sign is written %%"),
        ("%{x}h", "position 1: %{x}h takes no name: use %h"),
        ("%i", "position 1: %i needs a name: %{NAME}i"),
        ("%{}i", "position 1: %{}i has an empty name"),
        ("%{BALANCER_NAM}e", "unknown variable 'BALANCER_NAM' (did you mean BALANCER_NAME?)"),
        ("%{balancer_name}e", "(did you mean BALANCER_NAME?)"),
        ("%{UNIQUE_ID}e", "unknown variable 'UNIQUE_ID': use BALANCER_NAME, "),
        ("%{attempt}n", "unknown note 'attempt' (did you mean attempts?): use reason, "),
        ("%{min}T", "unknown unit 'min': use s, ms, us"),
        ("%{local}p", "the local port is not recorded"),
        ("%{tid}P", "unknown kind of process 'tid' (did you mean pid?): use pid"),
        ("%999s", "position 1: '999' must be status codes from 100 to 599"),
        ("%!s", "position 1: ! needs status codes after it"),
    ],
)
def test_errors_say_where_and_what(text: str, message: str) -> None:
    """
    A wrong format names the place, the fault and what is allowed.
    """
    with pytest.raises(ValueError, match=re.escape(message)):
        compile_format(text)


def test_a_bare_common_is_the_user_s_own() -> None:
    """
    Who writes the standard string gets the standard line and nothing after it.
    """
    assert line(COMMON).endswith(" 200 1234")


def test_M2_users_are_logged() -> None:
    """
    C{%u} is who logged in or tried to, escaped as everything; without a login it is C{-}.
    """
    request = FakeRequest()
    record = finished(request=request)
    assert line("%u", record) == "-"
    request.user = b'b"ob'
    assert line("%l %u", record) == '- b\\"ob'
    assert line("combined", record).startswith('192.0.2.7 - b\\"ob [')
    assert json.loads(line("json", record))["user"] == 'b"ob'
