"""
A listener: from a head to its mount, and how many connections there may be.
"""

from __future__ import annotations

from twisted.internet.address import UNIXAddress

from tests.proxy.rigs import GET, OK, POST, begin, body_of, make_rig, status_of
from txbalancer.testing import MemoryRig, MemoryTransport

MOUNTS = """
[listener:web]
endpoint = tcp:80
[mount:/api]
to = status:418
[mount:/here]
to = redirect:https://$host/there
[mount:/here/not]
to = !
"""


def ask(rig: MemoryRig, request: bytes) -> bytes:
    """
    Return the answer to one request.
    """
    client = rig.client()
    client.send(request)
    return client.taken()


def test_nobody_takes_it() -> None:
    """
    A path without a mount is 404, and the outcome says so.
    """
    rig = MemoryRig(MOUNTS)
    assert status_of(ask(rig, GET)) == 404
    assert rig.outcomes[0].reason == "no-mount"
    assert rig.outcomes[0].attempts == 0


def test_a_path_that_cannot_be_mapped_is_refused() -> None:
    """
    A path with a bad escape is 400 before any mount is asked.
    """
    rig = MemoryRig(MOUNTS)
    assert status_of(ask(rig, GET.replace(b"/ ", b"/%zz "))) == 400


def test_an_announced_body_over_the_limit_is_413() -> None:
    """
    max-body is checked on the announcement, before a member is bothered.
    """
    rig = make_rig(mount="max-body = 9")
    assert status_of(ask(rig, POST + b"0123456789")) == 413
    assert rig.openings() == []


def test_options_star_is_answered_here() -> None:
    """
    C{OPTIONS *} asks about the proxy itself (H9).
    """
    answer = ask(make_rig(), b"OPTIONS * HTTP/1.1\r\nHost: shop.test\r\n\r\n")
    assert status_of(answer) == 200
    assert b"\r\nAllow: GET," in answer


def test_over_max_connections_clients_wait() -> None:
    """
    Connections over the limit are not read until another closes, in their order.
    """
    rig = make_rig(1, listener="max-connections = 1\nhead-timeout = 5")
    first, second, third = (rig.client() for _ in range(3))
    second.send(GET)
    third.send(GET)
    assert not second.reading
    assert rig.openings() == []
    rig.advance(4)
    first.end()
    rig.advance(0)
    member = rig.accept()
    member.send(OK)
    assert status_of(second.taken()) == 200
    assert third.taken() == b""
    second.reset()
    rig.advance(0)
    member.send(OK)
    assert status_of(third.taken()) == 200


def test_a_client_that_leaves_while_waiting_takes_no_place() -> None:
    """
    Who waits and is cut is forgotten; the others keep their turn.
    """
    rig = make_rig(1, listener="max-connections = 1")
    first, second, third = (rig.client() for _ in range(3))
    second.abortConnection()
    third.send(GET)
    first.reset()
    rig.advance(0)
    rig.accept()
    assert len(rig.site.channels) == 1


def test_clients_on_unix_sockets_have_no_address() -> None:
    """
    A client of a unix socket is served, and forwarded without an address.
    """
    rig = make_rig()
    address = UNIXAddress(None)
    client = MemoryTransport(rig.reactor, rig.site.buildProtocol(address), address)
    client.send(GET)
    member = rig.accept()
    assert member.taken().startswith(b"GET / HTTP/1.1\r\n")
    member.send(OK)
    assert rig.outcomes[0].peer.client == ""


def test_new_options_hold_for_open_connections() -> None:
    """
    After a reload open connections keep going under the new limits.
    """
    rig = make_rig(1)
    client, member = begin(rig)
    member.send(OK)
    client.taken()
    changed = make_rig(1, listener="max-url = 64")
    rig.site.configure(changed.spec.listeners[0])
    client.send(GET.replace(b"/ ", b"/%b " % (b"a" * 100)))
    assert status_of(client.taken()) == 414


# -- answers of our own (txbalancer.proxy.local)


def test_local_targets() -> None:
    """
    Fixed statuses and redirects are answered without a member; a deeper C{!} comes later in
    the file and so never (D2).
    """
    rig = MemoryRig(MOUNTS)
    assert status_of(ask(rig, GET.replace(b"/ ", b"/api/x "))) == 418
    answer = ask(rig, GET.replace(b"/ ", b"/here/x "))
    assert status_of(answer) == 302
    assert b"\r\nLocation: https://shop.test/there" in answer
    assert [outcome.reason for outcome in rig.outcomes] == ["ok", "ok"]


def test_error_pages_follow_accept_and_head() -> None:
    """
    A client that wants JSON gets JSON; HEAD gets the length without the body.
    """
    rig = MemoryRig(MOUNTS)
    as_json = GET.replace(b"\r\n\r\n", b"\r\nAccept: application/json\r\n\r\n")
    answer = ask(rig, as_json)
    assert b"\r\nContent-Type: application/json" in answer
    assert body_of(answer).startswith(b"{")
    answer = ask(rig, as_json.replace(b"GET", b"HEAD"))
    assert body_of(answer) == b""
    assert b"\r\nContent-Length: 0" not in answer


def test_a_small_body_is_read_before_a_local_answer() -> None:
    """
    The connection stays usable where a request with a small body is answered here.
    """
    rig = MemoryRig(MOUNTS)
    client = rig.client()
    client.send(POST + b"01234")
    assert client.taken() == b""
    client.send(b"56789")
    answer = client.taken()
    assert status_of(answer) == 404
    assert b"close" not in answer
    client.send(POST.replace(b"10", b"100000"))
    answer = client.taken()
    assert status_of(answer) == 404
    assert b"\r\nConnection: close" in answer


def test_a_chunked_body_is_read_within_reason() -> None:
    """
    A body of unknown length is read up to 64 KiB before the answer goes.
    """
    client = MemoryRig(MOUNTS).client()
    client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(b"10000\r\n" + b"x" * 65536)
    assert client.taken() == b""
    client.send(b"\r\n1\r\nx\r\n")
    assert status_of(client.taken()) == 404


def test_a_broken_body_does_not_hide_the_answer() -> None:
    """
    Where the body turns out broken, the answer goes at once and the connection closes.
    """
    client = MemoryRig(MOUNTS).client()
    client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
    answer = client.taken()
    assert status_of(answer) == 404
    assert b"\r\nConnection: close" in answer


def test_the_date_is_of_this_second() -> None:
    """
    Answers without a Date get one, made once a second (RFC 9110 6.6.1).
    """
    rig = MemoryRig(MOUNTS)
    assert rig.runtime.date_line() == b"Date: Fri, 15 Jan 2027 08:00:00 GMT"
    assert rig.runtime.date_line() is rig.runtime.date_line()
    rig.advance(61)
    assert b"\r\nDate: Fri, 15 Jan 2027 08:01:01 GMT\r\n" in ask(rig, GET)
