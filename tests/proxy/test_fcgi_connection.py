"""
FastCGI members.
"""

from __future__ import annotations

import pytest
from twisted.logger import capturedLogs

from tests.fastcgi.application import END, OK, Application, complaint, out
from tests.proxy.packets import BODY, KEPT, fcgi_rig
from tests.proxy.rigs import CHUNKED, GET, POST, begin, body_of, check_rest, status_of
from txbalancer.fastcgi.records import pair
from txbalancer.proxy import fcgi_params


def test_a_request_and_its_answer() -> None:
    """
    The application is told all that CGI has, and the connection is for this request alone.
    """
    rig = fcgi_rig()
    client, member = begin(
        rig,
        b"GET /blog/x.php/info?q=1 HTTP/1.1\r\nHost: shop.test:8080\r\nCookie: a=b\r\n"
        b"X-Forwarded-For: 9.9.9.9\r\nProxy: evil\r\nX-A: 1\r\nx-a: 2\r\n"
        b"Authorization: Basic x\r\n\r\n",
    )
    found = Application().read(member.taken())
    assert (found.role, found.keeps, found.body, found.ended) == (1, False, b"", True)
    software = found.params.pop("SERVER_SOFTWARE")
    assert software.startswith("txbalancer/")
    assert found.params == {
        "DOCUMENT_ROOT": "/srv",
        "GATEWAY_INTERFACE": "CGI/1.1",
        "HTTP_AUTHORIZATION": "Basic x",
        "HTTP_COOKIE": "a=b",
        "HTTP_HOST": "shop.test:8080",
        "HTTP_X_A": "1, 2",
        "HTTP_X_FORWARDED_FOR": "9.9.9.9",
        "PATH_INFO": "/info",
        "PATH_TRANSLATED": "/srv/info",
        "QUERY_STRING": "q=1",
        "REMOTE_ADDR": "192.0.2.1",
        "REMOTE_PORT": "40000",
        "REQUEST_METHOD": "GET",
        "REQUEST_SCHEME": "http",
        "REQUEST_URI": "/blog/x.php/info?q=1",
        "SCRIPT_FILENAME": "/srv/blog/x.php",
        "SCRIPT_NAME": "/blog/x.php",
        "SERVER_ADDR": found.params["SERVER_ADDR"],
        "SERVER_NAME": "shop.test",
        "SERVER_PORT": "8080",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    member.send(out(b"X-A: b\r\nContent-type: text/plain\r\n\r\nhi") + END)
    answer = client.taken()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-type: text/plain\r\n")
    assert b"Content-Length: 2\r\n" in answer
    assert body_of(answer) == b"hi"
    assert member.ended == "closed"
    check_rest(rig)


def test_connections_are_kept_on_demand() -> None:
    """
    With disablereuse=off the application is asked to keep them.
    """
    rig = fcgi_rig(member=KEPT)
    application = Application()
    client, member = begin(rig)
    assert application.read(member.taken()).keeps
    member.send(OK)
    assert body_of(client.taken()) == b"ok"
    client.send(GET)
    assert application.read(member.taken()).params["SCRIPT_NAME"] == "/index.php"
    member.send(OK)
    assert [each.reused for each in rig.outcomes] == [False, True]
    check_rest(rig)


def test_cookies_are_joined_as_cookies() -> None:
    """
    Repeated names make one parameter, of cookies with a semicolon.
    """
    rig = fcgi_rig()
    _, member = begin(
        rig, b"GET / HTTP/1.1\r\nHost: a.test\r\nX-B: 1\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n"
    )
    assert Application().read(member.taken()).params["HTTP_COOKIE"] == "a=1; b=2"


def test_without_a_query_and_in_absolute_form() -> None:
    """
    REQUEST_URI has no host; what the mount does not pass on is not in QUERY_STRING.
    """
    rig = fcgi_rig(mount="noquery = on")
    _, member = begin(rig, b"GET http://a.test/x.php?q HTTP/1.0\r\n\r\n")
    found = Application().read(member.taken()).params
    assert (found["REQUEST_URI"], found["QUERY_STRING"]) == ("/x.php?q", "")
    assert found["SERVER_PROTOCOL"] == "HTTP/1.0"
    assert found["SERVER_NAME"] == "a.test"


def test_an_answer_in_pieces() -> None:
    """
    Records are passed on as they come, wherever they are cut.
    """
    rig = fcgi_rig()
    client, member = begin(rig)
    whole = out(b"X-A: b\n") + out(b"\nhello ") + out(b"world") + END
    for at in range(len(whole)):
        member.send(whole[at : at + 1])
    answer = client.taken()
    assert b"Transfer-Encoding: chunked" in answer
    assert body_of(answer) == b"6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"
    check_rest(rig)


def test_a_location_is_a_redirect() -> None:
    """
    Also without a Status; reverse rules change it as any other.
    """
    rig = fcgi_rig(path="")
    client, member = begin(rig)
    member.send(out(b"Location: /there\n\n") + END)
    answer = client.taken()
    assert answer.startswith(b"HTTP/1.1 302 Found\r\n")
    assert b"Location: /there\r\n" in answer


# -- bodies of requests


def test_a_body_is_streamed() -> None:
    """
    As it comes, in records; its end is said.
    """
    rig = fcgi_rig()
    application = Application()
    client, member = begin(rig, POST + BODY[:4])
    found = application.read(member.taken())
    assert found.params["CONTENT_LENGTH"] == "10"
    assert (found.body, found.ended) == (BODY[:4], False)
    client.send(BODY[4:])
    found = application.read(member.taken())
    assert (found.body, found.ended) == (BODY, True)
    member.send(OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)


def test_the_length_of_a_chunked_body_is_found_out() -> None:
    """
    CGI wants to know it: the body is held back until then.
    """
    rig = fcgi_rig()
    client, member = begin(rig, CHUNKED + b"5\r\nhello\r\n")
    assert member.taken() == b""
    rig.advance(50)
    client.send(b"1\r\n!\r\n0\r\n\r\n")
    found = Application().read(member.taken())
    assert found.params["CONTENT_LENGTH"] == "6"
    assert "HTTP_TRANSFER_ENCODING" not in found.params
    assert (found.body, found.ended) == (b"hello!", True)
    member.send(OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)


def test_what_was_held_back_can_go_elsewhere() -> None:
    """
    The member has had nothing of it, whatever the method.
    """
    rig = fcgi_rig(member=KEPT)
    client, member = begin(rig)
    member.send(OK)
    client.taken()
    client.send(CHUNKED + b"5\r\nhello\r\n")
    member.end()
    second = rig.accept()
    client.send(b"0\r\n\r\n")
    assert Application().read(second.taken()).body == b"hello"
    second.send(OK)
    assert status_of(client.taken()) == 200
    assert rig.outcomes[-1].tried == ()
    check_rest(rig)


def chunks(size: int) -> bytes:
    """
    Write chunks.
    """
    return b"%x\r\n%b\r\n" % (size, bytes(size))


@pytest.mark.parametrize("kind", ["php", "fpm"])
def test_a_large_chunked_body_needs_its_length(kind: str) -> None:
    """
    PHP would take it for an empty one.
    """
    rig = fcgi_rig(mount=f"fcgitype = {kind}")
    client, member = begin(rig, CHUNKED)
    for _ in range(9):
        client.send(chunks(8000))
    assert status_of(client.taken()) == 411
    assert rig.outcomes[0].tried == ()
    assert member.ended
    client.reset()
    check_rest(rig)


def test_a_large_chunked_body_to_others() -> None:
    """
    It is streamed, as Apache does.
    """
    rig = fcgi_rig(mount="fcgitype = generic")
    client, member = begin(rig, CHUNKED)
    for _ in range(9):
        client.send(chunks(8000))
    application = Application()
    found = application.read(member.taken())
    assert found.params["HTTP_TRANSFER_ENCODING"] == "chunked"
    assert "CONTENT_LENGTH" not in found.params
    client.send(chunks(5) + b"0\r\n\r\n")
    application.read(member.taken())
    assert (len(found.body), found.ended) == (72005, True)
    member.send(OK)
    assert status_of(client.taken()) == 200
    check_rest(rig)


def test_an_application_that_does_not_read_stops_the_client() -> None:
    """
    Back-pressure reaches the client, and goes when there is room.
    """
    rig = fcgi_rig()
    client = rig.client()
    client.send(POST.replace(b": 10", b": 1000000"))
    member = rig.accept()
    member.room = 1000
    sent = 0
    while client.reading:
        client.send(bytes(10000))
        sent += 10000
    assert sent < 200000
    member.take()
    assert client.reading
    client.reset()
    assert member.ended == "aborted"
    check_rest(rig)


# -- what goes wrong


def test_a_connection_that_ends() -> None:
    """
    Before the head another member is asked; after it the client is cut off.
    """
    rig = fcgi_rig(2)
    client, member = begin(rig)
    member.end()
    second = rig.accept()
    second.send(out(b"A: b\r\n\r\nab"))
    second.end()
    assert client.ended == "aborted"
    assert rig.outcomes[0].reason == "truncated"
    assert rig.outcomes[0].tried == (
        ("fcgi://10.0.0.1:9000/srv", "member-closed"),
        ("fcgi://10.0.0.2:9000/srv", "truncated"),
    )
    check_rest(rig)


def test_paths_that_must_not_reach_a_file_system() -> None:
    """
    The client is told, and the member gets nothing.
    """
    rig = fcgi_rig(mount="encodedslashes = nodecode\nnocanon = on")
    client = rig.client()
    client.send(b"GET /a%2f..%2fx HTTP/1.1\r\nHost: a.test\r\n\r\n")
    for opening in rig.openings():
        opening.accept()
    assert status_of(client.taken()) == 400


@pytest.mark.parametrize(
    ("mount", "asked"),
    [
        ("", "/srv/a b.php"),
        ("fcgitype = fpm", "proxy:fcgi://10.0.0.1:9000/srv/a%20b.php"),
        ("fcgiparam = SCRIPT_FILENAME /x/index.php", "/x/index.php"),
        ("fcgiparam = !SCRIPT_FILENAME", ""),
    ],
)
@pytest.mark.parametrize("request_", [GET, CHUNKED])
def test_a_script_that_is_not_found_is_named(mount, asked, request_) -> None:
    """
    php-fpm says only that it has none; the log has what it was asked for.
    """
    rig = fcgi_rig(mount=mount)
    client, member = begin(rig, request_.replace(b" / ", b" /a%20b.php?q "))
    client.send(b"0\r\n\r\n" * (request_ is CHUNKED))
    with capturedLogs() as logged:
        member.send(complaint(b"Primary script unknown\n") + OK)
    told = [each["text"] for each in logged if "says" in str(each.get("log_format"))]
    assert told == [f"Primary script unknown (SCRIPT_FILENAME was {asked})"]


# -- what mounts and balancers ask for


def test_parameters_of_the_mount() -> None:
    """
    Some are set or left out, with variables of the request.
    """
    rig = fcgi_rig(
        mount="fcgiparam =\n    APP_ENV prod\n    !HTTP_ACCEPT\n    QUERY_STRING %{REMOTE_ADDR}s\n"
        "cgipassauth = off"
    )
    _, member = begin(
        rig,
        b"GET / HTTP/1.1\r\nHost: a.test\r\nAccept: a\r\nAuthorization: Basic x\r\n\r\n",
    )
    found = Application().read(member.taken()).params
    assert (found["APP_ENV"], found["QUERY_STRING"]) == ("prod", "192.0.2.1")
    assert "HTTP_ACCEPT" not in found
    assert "HTTP_AUTHORIZATION" not in found


def test_a_mount_without_keep_alive() -> None:
    """
    The application is told that the connection ends.
    """
    rig = fcgi_rig(member=KEPT, mount="nokeepalive = on")
    client, member = begin(rig)
    assert not Application().read(member.taken()).keeps
    member.send(OK)
    assert status_of(client.taken()) == 200
    assert member.ended == "closed"
    check_rest(rig)


def test_sessions_and_edits() -> None:
    """
    Sticky rules and header edits are the same as for HTTP members.
    """
    rig = fcgi_rig(
        2, balancer="stickycookie = LB", mount="header = set X-By %{BALANCER_WORKER_NAME}e"
    )
    client, member = begin(rig)
    member.send(OK)
    answer = client.taken()
    assert b"Set-Cookie: LB=" in answer
    assert b"X-By: fcgi://10.0.0.1:9000/srv\r\n" in answer
    check_rest(rig)


def test_a_user_who_logged_in_is_told() -> None:
    """
    REMOTE_USER and AUTH_TYPE come from here, not from the client.
    """
    rig = fcgi_rig()
    client = rig.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\nRemote-User: evil\r\n\r\n")
    channel = next(iter(rig.site.channels))
    channel.exchange.head.user = b"ann"
    member = rig.accept()
    found = Application().read(member.taken()).params
    assert (found["REMOTE_USER"], found["AUTH_TYPE"]) == ("ann", "Basic")


def test_more_than_one_user_of_a_connection_under_tls() -> None:
    """
    HTTPS and the scheme are those of each client.
    """
    rig = fcgi_rig(member=KEPT)
    client = rig.client()
    (channel,) = rig.site.channels
    channel.peer.secure = True
    channel.peer.told = {}
    client.send(GET)
    member = rig.accept()
    application = Application()
    found = application.read(member.taken()).params
    assert (found["HTTPS"], found["REQUEST_SCHEME"], found["SERVER_PORT"]) == ("on", "https", "443")
    member.send(OK)
    client.taken()
    other = rig.client()
    other.send(GET)
    found = application.read(member.taken()).params
    assert "HTTPS" not in found
    assert found["REQUEST_SCHEME"] == "http"
    member.send(OK)
    assert status_of(other.taken()) == 200
    check_rest(rig)


def test_parameters_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    When there are too many all are forgotten.
    """
    monkeypatch.setattr(fcgi_params, "_MOST_REMEMBERED", 600)
    made = fcgi_params.HeaderVariables(passes_authorization=True)
    for number in range(10):
        assert made.encode([b"A: %d" % number]) == [pair(b"HTTP_A", b"%d" % number)]
        assert len(made._made) <= 4


def test_a_client_that_goes_on_after_the_answer() -> None:
    """
    What it sends then goes nowhere.
    """
    for request in (POST, CHUNKED):
        rig = fcgi_rig()
        client, member = begin(rig, request)
        if request is CHUNKED:
            member.end()
        else:
            member.send(out(b"A: b\r\n\r\n"))
            member.end()
        client.send(BODY)
        assert rig.balancer().members[0].pool.open == 0
