"""
What comes of members and clients that misbehave, and who gets the next requests. APACHE items
F1 to F24, A25 to A33.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.differential.cases import Case, answer, case, check, get, named
from tests.differential.compare import compare_all
from tests.differential.members import BODY, CLOSE, OK, RESET, Pause, Script, Step
from tests.differential.settle import settle
from tests.differential.sides import Seen, World

M = b"X-Member: INDEX\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n" + M
OK_AFTER = HEAD + b"Content-Length: 2\r\n\r\nok"
SLOW = Pause(4.0)
AFTER = (get("/after"),) * 4


def site(
    first: str = "http://{0}", *balancer: str, second: str = "http://{1}", top: str = ""
) -> str:
    """
    Write a balancer of two members, so that one that is out shows by who gets the next requests.
    """
    lines = [top, "<Proxy balancer://{n}>", f"BalancerMember {first}"]
    lines += [f"BalancerMember {second}"] if second else []
    lines += [f"ProxySet {each}" for each in balancer]
    return "\n".join([*lines, "</Proxy>", "ProxyPass / balancer://{n}/"])


def bad(name: str, *script: Step, lines: str = "", asked: bytes = b"") -> Case:
    """
    Have the first of two members answer one request in some way, and ask for more. It is a POST,
    which neither side tries a second time, if nothing else is asked.
    """
    first = (asked or POST, script or OK)
    return case(f"failures/{name}", lines or site(), first, *AFTER)


def status(text: bytes, *then: Step) -> Script:
    """
    Answer with a line in the place of the status line, and a body.
    """
    return (text + b"\r\n" + M + b"Content-Length: 2\r\n\r\nok", *then)


POST = get("/bad", method="POST", body=b"a=b")
GET = get("/bad")
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

QUICK = named(
    [
        bad("refused", lines=site("http://{x}")),
        bad("refused_get", lines=site("http://{x}"), asked=GET),
        bad(
            "refused_long_post",
            lines=site("http://{x}"),
            asked=get("/", method="POST", body=b"x" * 300000),
        ),
        bad(
            "refused_chunked_post",
            lines=site("http://{x}"),
            asked=get("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n0\r\n\r\n",
        ),
        bad("refused_ignoring_errors", lines=site("http://{x} status=+I")),
        bad("refused_single", lines="ProxyPass / http://{x}/"),
        bad("refused_alone", lines=site("http://{x}", second="")),
        bad("unresolvable", lines=site("http://no-such-host.invalid")),
        bad("closes", CLOSE),
        bad("retried_closes", CLOSE, asked=GET),
        bad("resets", RESET),
        bad("retried_resets", RESET, asked=GET),
        bad("retried_garbage", b"garbage\r\n\r\n", CLOSE, asked=GET),
        bad("retried_put", CLOSE, asked=get("/", method="PUT", body=b"a=b")),
        bad("retried_within_body", HEAD + b"Content-Length: 20\r\n\r\nok", CLOSE, asked=GET),
        bad("closes_in_status_line", b"HTTP/1.1 20", CLOSE),
        bad("resets_in_status_line", b"HTTP/1.1 20", RESET),
        bad("closes_in_headers", HEAD + b"A: b\r\n", CLOSE),
        bad("closes_after_100", b"HTTP/1.1 100 Continue\r\n\r\n", CLOSE),
        bad("garbage", b"garbage\r\n\r\n", CLOSE),
        bad("garbage_page", b"<html>hello</html>\r\n", CLOSE),
        bad("garbage_without_newline", b"Hello", CLOSE),
        bad("status_two_digits", *status(b"HTTP/1.1 20 OK", CLOSE)),
        bad("status_version_2", *status(b"HTTP/2.0 200 OK", CLOSE)),
        bad("status_version_1_2", *status(b"HTTP/1.2 200 OK")),
        bad("status_lower_case", *status(b"http/1.1 200 OK", CLOSE)),
        bad("status_099", *status(b"HTTP/1.1 099 X")),
        bad("status_600", *status(b"HTTP/1.1 600 X")),
        bad("status_999", *status(b"HTTP/1.1 999 X")),
        bad("status_without_reason", *status(b"HTTP/1.1 200")),
        bad("blank_line_before", *status(b"\r\nHTTP/1.1 200 OK")),
        bad("two_blank_lines_before", *status(b"\r\n\r\nHTTP/1.1 200 OK"), CLOSE),
        bad("bare_lf", (HEAD + b"Content-Length: 2\r\n\r\nok").replace(b"\r\n", b"\n"), CLOSE),
        bad("header_without_colon", HEAD + b"Nothing\r\nContent-Length: 2\r\n\r\nok", CLOSE),
        bad(
            "header_without_colon_ignored",
            HEAD + b"Nothing\r\nContent-Length: 2\r\n\r\nok",
            CLOSE,
            lines="ProxyBadHeader Ignore\n" + site(),
        ),
        bad("header_blank_in_name", HEAD + b"A B: c\r\nContent-Length: 2\r\n\r\nok", CLOSE),
        bad("header_blank_before_colon", HEAD + b"A : c\r\nContent-Length: 2\r\n\r\nok", CLOSE),
        bad("header_folded", HEAD + b"A: b\r\n  c\r\nContent-Length: 2\r\n\r\nok", CLOSE),
        bad("header_long", HEAD + b"A: " + b"x" * 9000 + b"\r\nContent-Length: 2\r\n\r\nok", CLOSE),
        bad(
            "header_long_allowed",
            HEAD + b"A: " + b"x" * 9000 + b"\r\nContent-Length: 2\r\n\r\nok",
            lines=site("http://{0} responsefieldsize=16384"),
        ),
        bad("length_word", HEAD + b"Content-Length: abc\r\n\r\nok", CLOSE),
        bad("length_negative", HEAD + b"Content-Length: -1\r\n\r\nok", CLOSE),
        bad("length_twice_same", HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok"),
        bad("length_twice", HEAD + b"Content-Length: 2\r\nContent-Length: 4\r\n\r\nokay", CLOSE),
        bad(
            "length_and_chunked",
            HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            CLOSE,
        ),
        bad("length_too_long", HEAD + b"Content-Length: 20\r\n\r\nok", CLOSE),
        bad("length_too_long_reset", HEAD + b"Content-Length: 20\r\n\r\nok", Pause(0.05), RESET),
        bad("length_too_short", HEAD + b"Content-Length: 2\r\n\r\nok and more", CLOSE),
        bad("coding_gzip", HEAD + b"Transfer-Encoding: gzip\r\n\r\nok", CLOSE),
        bad(
            "coding_in_1_0",
            b"HTTP/1.0 200 OK\r\n" + M + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            CLOSE,
        ),
        bad("chunks_cut", HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", CLOSE),
        bad("chunk_cut", HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\nok", CLOSE),
        bad(
            "chunk_size_bad",
            HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
            CLOSE,
        ),
        bad(
            "no_content_with_body",
            b"HTTP/1.1 204 No Content\r\n" + M + b"Content-Length: 2\r\n\r\nok",
            CLOSE,
        ),
        bad(
            "not_modified_with_length",
            b"HTTP/1.1 304 Not Modified\r\n" + M + b"Content-Length: 2\r\n\r\n",
        ),
        bad(
            "upgrade_not_asked",
            b"HTTP/1.1 101 Switching\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n",
            CLOSE,
        ),
        bad("interim", INTERIM + OK_AFTER),
        bad("interims_9", INTERIM * 9 + OK_AFTER),
        bad("interims_10", INTERIM * 10 + OK_AFTER, CLOSE),
        bad("interims_flood", INTERIM * 3000 + OK_AFTER, CLOSE),
        bad("interim_100_unasked", b"HTTP/1.1 100 Continue\r\n\r\n" + OK_AFTER),
        bad("http_1_0_without_length", b"HTTP/1.0 200 OK\r\n" + M + b"\r\nok", CLOSE),
        bad(
            "answer_before_body",
            b"HTTP/1.1 413 Too Large\r\n" + M + b"Content-Length: 2\r\nConnection: close\r\n\r\nok",
            BODY,
            CLOSE,
            asked=get("/bad", method="POST", body=b"x" * 40000),
        ),
        bad("F6_503_passes", *answer(status="503 Busy")),
        bad("F6_500_passes", *answer(status="500 Oops")),
        bad(
            "F20_failonstatus",
            *answer(status="503 Busy"),
            lines=site("http://{0}", "failonstatus=503"),
        ),
        bad(
            "F20_failonstatus_other",
            *answer(status="500 Oops"),
            lines=site("http://{0}", "failonstatus=503,502"),
        ),
        bad(
            "F20_failonstatus_ignoring",
            *answer(status="503 Busy"),
            lines=site("http://{0} status=+I", "failonstatus=503"),
        ),
        bad("F20_failonstatus_own", CLOSE, lines=site("http://{0}", "failonstatus=502")),
        bad(
            "F22_override",
            *answer("Retry-After: 9", status="503 Busy"),
            lines=site(top="ProxyErrorOverride On"),
        ),
        bad(
            "F22_override_404",
            *answer(status="404 Nowhere"),
            lines=site(top="ProxyErrorOverride On"),
        ),
        bad(
            "F22_override_401",
            *answer("WWW-Authenticate: Basic realm=x", status="401 No"),
            lines=site(top="ProxyErrorOverride On"),
        ),
        bad(
            "F22_override_codes",
            *answer(status="404 Nowhere"),
            lines=site(top="ProxyErrorOverride On 500 503"),
        ),
        bad(
            "F22_override_302",
            *answer("Location: /x", status="302 Found"),
            lines=site(top="ProxyErrorOverride On"),
        ),
        bad(
            "F20_with_override",
            *answer(status="503 Busy"),
            lines=site("http://{0}", "failonstatus=503", top="ProxyErrorOverride On"),
        ),
        bad("request_garbage", asked=b"garbage\r\n\r\n"),
        bad("request_version_2", asked=b"GET / HTTP/2.0\r\nHost: HOST\r\n\r\n"),
        bad("request_version_1_2", asked=get(version="1.2")),
        bad("request_no_host", asked=get(host=None)),
        bad("request_two_hosts", asked=get("/", "Host: HOST")),
        bad("request_bad_host", asked=get(host="a b")),
        bad("request_folded", asked=get("/", "A: b\r\n c")),
        bad("request_blank_before_colon", asked=get("/", "A : b")),
        bad("request_no_colon", asked=get("/", "Nothing")),
        bad("request_bare_lf", asked=get("/", "A: b\nC: d")),
        bad("request_control", asked=get("/", "A: \x01")),
        bad("request_length_word", asked=get("/", "Content-Length: abc", method="POST")),
        bad("request_length_list", asked=get("/", "Content-Length: 3, 3", method="POST") + b"abc"),
        bad("request_length_plus", asked=get("/", "Content-Length: +3", method="POST") + b"abc"),
        bad(
            "request_lengths_differ",
            asked=get("/", "Content-Length: 3", "Content-Length: 4", method="POST") + b"abcd",
        ),
        bad("request_line_long", asked=get("/" + "x" * 9000)),
        bad("request_header_long", asked=get("/", "A: " + "x" * 9000)),
        bad("request_headers_many", asked=get("/", *["A: b"] * 120)),
        bad(
            "request_body_too_large",
            asked=get("/", method="POST", body=b"x" * 200),
            lines="LimitRequestBody 100\n" + site(),
        ),
    ]
)

ONE = site("http://{0} timeout=1")
WAITING = named(
    [
        bad("silent", SLOW, lines=ONE),
        bad("retried_silent", SLOW, lines=ONE, asked=GET),
        bad("silent_in_status_line", b"HTTP/1.1 2", SLOW, lines=ONE),
        bad("silent_in_headers", HEAD + b"A: b\r\n", SLOW, lines=ONE),
        bad("silent_in_body", HEAD + b"Content-Length: 20\r\n\r\nok", SLOW, lines=ONE),
        bad("silent_after_interim", INTERIM, SLOW, lines=ONE),
        bad("silent_proxy_timeout", SLOW, lines=site(top="ProxyTimeout 1")),
        bad("silent_server_timeout", SLOW, lines=site(top="Timeout 1")),
        bad(
            "slow_but_moving",
            HEAD + b"Content-Length: 6\r\n\r\n",
            *(b"ok", Pause(0.6)) * 3,
            lines=ONE,
        ),
        bad("F21_failontimeout", SLOW, lines=site("http://{0} timeout=1", "failontimeout=On")),
        bad(
            "F21_failontimeout_in_headers",
            HEAD,
            SLOW,
            lines=site("http://{0} timeout=1", "failontimeout=On"),
        ),
        bad(
            "F21_failontimeout_in_body",
            HEAD + b"Content-Length: 20\r\n\r\nok",
            SLOW,
            lines=site("http://{0} timeout=1", "failontimeout=On"),
        ),
        bad(
            "F21_failontimeout_ignoring",
            SLOW,
            lines=site("http://{0} timeout=1 status=+I", "failontimeout=On"),
        ),
        bad("W54_ping", BODY, asked=POST, lines=site("http://{0} ping=1")),
        bad(
            "B6_waits_in_vain",
            lines=site("http://{0} status=+D", "timeout=1", second="http://{1} status=+D"),
        ),
    ]
)
CASES = {**QUICK, **WAITING}


@pytest.mark.parametrize("name", QUICK)
def test_failure(world: World, name: str) -> None:
    """
    The client gets the same, and the member is in or out of use, as in Apache.
    """
    check(world, CASES[name])


@pytest.fixture(scope="module")
def waited(world: World) -> Mapping[str, tuple[list[Seen], list[Seen]]]:
    """
    Play all that consists of waiting at once.
    """
    plays = world.at_once([each.play for each in WAITING.values()])
    return dict(zip(WAITING, plays, strict=True))


@pytest.mark.parametrize("name", WAITING)
def test_timeout(waited: Mapping[str, tuple[list[Seen], list[Seen]]], name: str) -> None:
    """
    Members that are silent end in the same answer, at the same point, as in Apache.
    """
    settle(name, compare_all(*waited[name]))
