"""
traceparent on its way to members, and into the record.
"""

from __future__ import annotations

import pytest

from tests.proxy.rigs import GET, OK, POST, begin, make_rig
from txbalancer.core.trace import is_valid

VALID = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def sent(head: bytes, name: bytes) -> list[bytes]:
    """
    Return the values of a header in a request as a member got it.
    """
    lines = (line.partition(b": ") for line in head.split(b"\r\n"))
    return [value for key, _, value in lines if key.lower() == name]


def request(*lines: bytes) -> bytes:
    """
    Write a request with header lines.
    """
    return GET[:-2] + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def test_a_trace_is_passed_on_as_it_came() -> None:
    """
    With its state, each line as it was.
    """
    rig = make_rig(1, mount="traceparent = on")
    lines = (b"tracestate: a=1", b"traceparent: " + VALID, b"tracestate: b=2")
    _, member = begin(rig, request(*lines))
    head = member.taken()
    assert sent(head, b"traceparent") == [VALID]
    assert sent(head, b"tracestate") == [b"a=1", b"b=2"]
    member.send(OK)
    assert rig.outcomes[0].request.trace == VALID


@pytest.mark.parametrize(
    "lines",
    [(), (b"traceparent: x",), (b"Traceparent: " + VALID, b"traceparent: " + VALID)],
    ids=["none", "broken", "two"],
)
def test_a_trace_is_begun_where_none_can_be_used(lines: tuple[bytes, ...]) -> None:
    """
    The member gets one that is new, without the state of the other; each request its own.
    """
    rig = make_rig(1, mount="traceparent = on")
    traces = []
    client, member = begin(rig, request(*lines, b"tracestate: a=1"))
    for _ in range(2):
        head = member.taken()
        (trace,) = sent(head, b"traceparent")
        assert sent(head, b"tracestate") == []
        assert is_valid(trace)
        assert trace.endswith(b"-00")
        member.send(OK)
        traces.append(trace)
        client.send(request(*lines, b"tracestate: a=1"))
    assert [each.request.trace for each in rig.outcomes] == traces
    assert traces[0] != traces[1]


def test_all_attempts_have_the_same_trace() -> None:
    """
    A retry is part of the same request.
    """
    rig = make_rig(2, mount="traceparent = on")
    rig.client().send(GET)
    first = rig.accept()
    (trace,) = sent(first.taken(), b"traceparent")
    first.end()
    assert sent(rig.accept().taken(), b"traceparent") == [trace]


def test_off_is_off() -> None:
    """
    Without the option whatever came goes on, and is not logged.
    """
    rig = make_rig(1)
    _, member = begin(rig, request(b"traceparent: x", b"tracestate: a=1"))
    head = member.taken()
    assert (sent(head, b"traceparent"), sent(head, b"tracestate")) == ([b"x"], [b"a=1"])
    member.send(OK)
    assert rig.outcomes[0].request.trace == b""


def test_requests_that_are_refused_have_none() -> None:
    """
    A record without a readable request can be written.
    """
    rig = make_rig(1, mount="traceparent = on")
    client = rig.client()
    client.send(b"no request\r\n\r\n")
    assert client.taken().startswith(b"HTTP/1.1 400")
    assert rig.outcomes[0].request.trace == b""


def test_edits_come_first() -> None:
    """
    What an edit makes of the header is what is looked at.
    """
    edit = f"traceparent = on\nrequestheader = set traceparent {VALID.decode()}"
    rig = make_rig(1, mount=edit)
    _, member = begin(rig, request(b"traceparent: x"))
    assert sent(member.taken(), b"traceparent") == [VALID]


def test_clients_need_not_be_believed() -> None:
    """
    Where the header is unset every trace begins here, without the client's state.
    """
    rig = make_rig(1, mount="traceparent = on\nrequestheader = unset traceparent")
    _, member = begin(rig, request(b"traceparent: " + VALID, b"tracestate: a=1"))
    head = member.taken()
    (trace,) = sent(head, b"traceparent")
    assert trace != VALID
    assert sent(head, b"tracestate") == []


def test_bodies_and_http10() -> None:
    """
    The other ways in which a mount asks members have it, too.
    """
    rig = make_rig(1, mount="traceparent = on\nhttp10 = on")
    _, member = begin(rig, POST)
    assert len(sent(member.taken(), b"traceparent")) == 1
