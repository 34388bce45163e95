"""
Answers that need no member: fixed ones, redirects and errors.
"""

from __future__ import annotations

from tests.proxy.rigs import GET, MOUNTS, POST, ask, body_of, status_of
from txbalancer.testing import MemoryRig


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


def test_headers_of_local_answers_are_recorded() -> None:
    """
    Access logs can have the headers of answers that no member gave, as Apache's can (%{Location}o).
    """
    rig = MemoryRig(MOUNTS)
    ask(rig, GET.replace(b"/ ", b"/here/x "))
    ask(rig, GET.replace(b"/ ", b"/api/x "))
    redirect, fixed = rig.outcomes
    assert redirect.response_header(b"location") == b"https://shop.test/there/x"
    assert redirect.response_header(b"content-length") == b"0"
    assert fixed.response_header(b"content-type") == b"text/html; charset=utf-8"
    assert fixed.response_header(b"content-length") == b"%d" % fixed.bytes_out
    assert fixed.response_header(b"location") is None


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
