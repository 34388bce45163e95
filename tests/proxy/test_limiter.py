"""
Rate limits of requests.
"""

from __future__ import annotations

import json

import pytest

from tests.proxy.rigs import GET, OK, status_of
from txbalancer.control.logformat import compile_format
from txbalancer.testing import MemoryRig


def rig_with(limit: str, mount: str = "limit = some", listener: str = "") -> MemoryRig:
    """
    Make a rig whose mount has a rate limit of one a second, two at once.
    """
    return MemoryRig(
        f"[listener:web]\nendpoint = tcp:80\n{listener}\n"
        f"[limit:some]\nrate = 1/s\nburst = 2\n{limit}\n"
        "[balancer:shop]\nmembers = http://10.0.0.1\n"
        f"[mount:/]\nto = balancer://shop/\n{mount}\n"
    )


def ask(rig: MemoryRig, host: str = "192.0.2.1", lines: bytes = b"") -> bytes:
    """
    Return the answer to a request, which a member answers if it gets there.
    """
    client = rig.client(host)
    client.send(GET.replace(b"\r\n\r\n", b"\r\n" + lines + b"\r\n"))
    for opening in rig.openings():
        opening.accept().send(OK)
    for connection in list(rig.balancer().members[0].pool.idle):
        connection.close()
    return client.taken()


def test_over_the_rate_it_is_429() -> None:
    """
    Retry-After tells when it is worth another try, and then it is.
    """
    rig = rig_with("")
    assert [status_of(ask(rig)) for _ in range(2)] == [200, 200]
    answer = ask(rig)
    assert status_of(answer) == 429
    assert b"\r\nRetry-After: 1\r\n" in answer
    assert rig.outcomes[-1].reason == "rate-limit"
    assert rig.outcomes[-1].member == ""
    assert status_of(ask(rig, "192.0.2.2")) == 200
    rig.advance(1)
    assert status_of(ask(rig)) == 200


def test_a_slow_rate_tells_a_long_wait() -> None:
    """
    It is rounded up to whole seconds, and the status may be another.
    """
    rig = MemoryRig(
        "[listener:web]\nendpoint = tcp:80\n[limit:some]\nrate = 2/min\nburst = 1\nstatus = 503\n"
        "[mount:/]\nto = status:200\nlimit = some\n"
    )
    assert status_of(ask_page(rig)) == 200
    answer = ask_page(rig)
    assert status_of(answer) == 503
    assert b"\r\nRetry-After: 30\r\n" in answer


def ask_page(rig: MemoryRig) -> bytes:
    """
    Return the answer of a page that needs no member.
    """
    client = rig.client()
    client.send(GET)
    return client.taken()


@pytest.mark.parametrize(
    ("key", "one", "other"),
    [
        ("header:X-Key", b"X-Key: a\r\n", b"X-Key: b\r\n"),
        ("cookie:id", b"Cookie: x=1; id=a\r\n", b"Cookie: id=b\r\n"),
    ],
)
def test_by_what_requests_are_told_apart(key, one, other) -> None:
    """
    Each value has its own rate; leaving the part out does not help, for then the client counts.
    """
    rig = rig_with(f"key = {key}")
    for lines in (one, other, b""):
        assert [status_of(ask(rig, lines=lines)) for _ in range(3)] == [200, 200, 429]


def test_all_together() -> None:
    """
    With key = all clients share the rate.
    """
    rig = rig_with("key = all")
    hosts = ("192.0.2.1", "192.0.2.2", "192.0.2.3")
    assert [status_of(ask(rig, host)) for host in hosts] == [200, 200, 429]


def test_a_network_of_ipv6_is_one_client() -> None:
    """
    Its addresses are too many to have a rate each.
    """
    rig = rig_with("")
    found = [status_of(ask(rig, f"2001:db8:0:1::{number}")) for number in range(3)]
    assert found == [200, 200, 429]
    assert status_of(ask(rig, "2001:db8:0:2::1")) == 200


def test_a_dry_run_refuses_nobody() -> None:
    """
    It counts, and marks lines of access logs.
    """
    rig = rig_with("dry-run = on")
    assert [status_of(ask(rig)) for _ in range(3)] == [200, 200, 200]
    limiter = rig.targets.limits.limiters["some"]
    assert (limiter.passed, limiter.refused) == (2, 1)
    lines = [compile_format("%{limit}n")(each) for each in rig.outcomes]
    assert lines == [b"-\n", b"-\n", b"some\n"]
    found = [json.loads(compile_format("json", True)(each)) for each in rig.outcomes]
    assert [each.get("limit") for each in found] == [None, None, "some"]


def test_exempt_clients_are_let_through() -> None:
    """
    However often they ask; nobody is said to have been refused.
    """
    rig = rig_with("", listener="exempt-clients = 192.0.2.1")
    assert [status_of(ask(rig)) for _ in range(4)] == [200] * 4
    limiter = rig.targets.limits.limiters["some"]
    assert (limiter.passed, limiter.refused) == (4, 0)


def test_all_limits_of_a_mount_count() -> None:
    """
    The stricter one decides.
    """
    rig = MemoryRig(
        "[listener:web]\nendpoint = tcp:80\n[limit:a]\nrate = 1/s\nburst = 9\n"
        "[limit:b]\nrate = 1/s\nburst = 1\n[mount:/]\nto = status:200\nlimit = a b\n"
    )
    assert [status_of(ask_page(rig)) for _ in range(2)] == [200, 429]


def test_a_limit_outlives_a_reload() -> None:
    """
    Who was over it still is, unless requests are told apart otherwise now.
    """
    rig = rig_with("")
    for _ in range(3):
        ask(rig)
    limiter = rig.targets.limits.limiters["some"]
    for limit, status in (("", 429), ("key = host", 200)):
        rig.targets.install(rig_with(limit).spec)
        rig.site.table = rig.targets.table(rig.spec.listeners[0])
        assert rig.targets.limits.limiters["some"] is limiter
        assert status_of(ask(rig)) == status
