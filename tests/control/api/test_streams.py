"""
Events and log lines for those who wait for them.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from twisted.web.http import Request
from twisted.web.test.requesthelper import DummyChannel

from tests.control.api.asking import Asker
from tests.proxy.rigs import OK
from txbalancer.control import stream as streams
from txbalancer.control.api.log import MOST_WATCHERS
from txbalancer.core.commands import SetMember

SSE = {"Accept": "text/event-stream"}
GET = b"GET /path?x=1 HTTP/1.1\r\nHost: shop.test\r\n\r\n"


def change(asker: Asker, lbset: int, balancer: str = "shop", member: str = "http://10.0.0.1"):
    """
    Let something happen.
    """
    asker.board.apply(SetMember(balancer, member, lbset=lbset), "me")


def events(text: str) -> list[dict[str, str]]:
    """
    Read Server-Sent Events, in chunks.
    """
    lines = [line for line in text.replace("\r\n", "\n").split("\n") if ": " in line]
    found: list[dict[str, str]] = []
    for name, _, value in (line.partition(": ") for line in lines):
        if name == "id":
            found.append({})
        found[-1][name] = value
    return found


def test_what_happened() -> None:
    """
    Events are told from a number on, with who and what.
    """
    asker = Asker()
    change(asker, 1)
    change(asker, 2)
    found = asker.get("/events")
    assert [each["number"] for each in found["events"]] == [1, 2]
    assert found["last"] == 2
    (last,) = asker.get("/events?after=1")["events"]
    assert (last["kind"], last["who"], last["details"]["after"]) == ("change", "me", {"lbset": "2"})
    assert asker.get("/events?after=2")["events"] == []
    # Numbers of a former process are no reason to miss those of this one.
    assert len(asker.get("/events?after=99")["events"]) == 2


def test_waiting_for_an_event() -> None:
    """
    A long poll is answered as soon as something happens, or when its time is over.
    """
    asker = Asker()
    end = asker.send("GET", "/events?wait=10")
    asker.rig.advance(5)
    assert end.taken() == b""
    change(asker, 1)
    assert len(json.loads(asker.taken(end))["events"]) == 1
    end = asker.send("GET", "/events?wait=10&after=1")
    asker.rig.advance(11)
    assert json.loads(asker.taken(end))["events"] == []
    assert asker.get("/events?wait=10&after=0")["last"] == 1
    asker.get("/events?wait=61")
    assert asker.status == 400
    assert asker.board.streams.count == 0


def test_who_waits_may_leave() -> None:
    """
    Nothing is left of somebody who went away.
    """
    asker = Asker()
    for more in ({}, SSE):
        end = asker.send("GET", "/events?wait=10", **more)
        assert asker.board.streams.count == 1
        end.reset()
        assert asker.board.streams.count == 0
    change(asker, 1)


def test_a_stream_of_events() -> None:
    """
    Server-Sent Events come with number and kind from now on, and signs of life between.
    """
    asker = Asker()
    change(asker, 1)
    end = asker.send("GET", "/events", **SSE)
    text = asker.taken(end)
    assert asker.headers["content-type"] == "text/event-stream"
    assert events(text) == []
    change(asker, 2)
    (found,) = events(end.taken().decode())
    assert (found["id"], found["event"]) == ("2", "change")
    assert json.loads(found["data"])["details"]["after"] == {"lbset": "2"}
    asker.rig.advance(streams.HEARTBEAT + 0.1)
    assert b":\n\n" in end.taken()


@pytest.mark.parametrize(
    ("path", "headers", "numbers"),
    [
        ("/events", {"Last_Event_ID": "1"}, ["2", "3"]),
        ("/events?after=2", {}, ["3"]),
        ("/events?after=1", {"Last_Event_ID": "2"}, ["3"]),
        ("/events", {"Last_Event_ID": "99"}, ["1", "2", "3"]),
        ("/events", {"Last_Event_ID": "x"}, []),
    ],
)
def test_going_on(path: str, headers: dict[str, str], numbers: list[str]) -> None:
    """
    Who comes again gets what was missed.
    """
    asker = Asker()
    for lbset in (1, 2, 3):
        change(asker, lbset)
    text = asker.taken(asker.send("GET", path, **SSE, **headers))
    assert [each["id"] for each in events(text)] == numbers


def test_some_balancers_only() -> None:
    """
    A manager for one balancer streams nothing of others.
    """
    asker = Asker()
    end = asker.send("GET", "/only/api/v1/events", **SSE)
    end.taken()
    change(asker, 1)
    assert end.taken() == b""
    change(asker, 1, "two", "http://10.0.0.3")
    assert b"10.0.0.3" in end.taken()


def test_who_does_not_keep_up() -> None:
    """
    Events are held for a client that does not read, within reason; then it is dropped.
    """
    asker = Asker()
    end = asker.send("GET", "/events", **SSE)
    end.taken()
    end.room = 0
    change(asker, 1)
    assert asker.board.streams.count == 1
    for _ in range(200):
        asker.board.journal.note("warning", "x" * 1000, balancer="shop")
    assert asker.board.streams.count == 1
    for _ in range(300):
        asker.board.journal.note("warning", "x" * 1000, balancer="shop")
    assert asker.board.streams.count == 0
    assert end.ended == "aborted"


def test_the_number_of_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    There is room for so many, and the next one is told to come later.
    """
    asker = Asker()
    monkeypatch.setattr(asker.board.streams, "_most", 2 + streams.KEPT_FREE)
    ends = [asker.send("GET", "/events", **SSE), asker.send("GET", "/log")]
    for path in ("/events?wait=5", "/log"):
        asker.get(path)
        assert (asker.status, asker.headers["retry-after"]) == (503, "30")
    ends[0].reset()
    assert asker.send("GET", "/events", **SSE).taken().startswith(b"HTTP/1.1 200")


def test_streams_that_are_kept_free() -> None:
    """
    However many look by a mount, the socket for commands has streams left.
    """
    asker = Asker()
    for _ in range(streams.MOST_STREAMS):
        asker.send("GET", "/events", **SSE)
    asker.get("/log")
    assert asker.status == 503
    assert asker.board.streams.count == streams.MOST_STREAMS - streams.KEPT_FREE
    assert asker.board.streams.room(Request(DummyChannel()))


def test_watchers_of_the_log_are_few() -> None:
    """
    Each of them looks at every exchange, so that there is room for some only.
    """
    asker = Asker()
    ends = [asker.send("GET", "/log") for _ in range(MOST_WATCHERS)]
    asker.get("/log")
    assert (asker.status, asker.headers["retry-after"]) == (503, "30")
    ends[0].reset()
    asker.send("GET", "/log")
    assert len(asker.board.tap.watchers) == MOST_WATCHERS


def test_many_lines_are_one_write() -> None:
    """
    The first line comes at once, those of the next tenth of a second together, none is lost.
    """
    asker = Asker()
    end = asker.send("GET", "/log")
    end.taken()
    (watcher,) = asker.board.tap.watchers.values()
    for number in range(5):
        watcher.push(b"%d\n" % number)
    assert end.taken().decode().split() == ["2", "0"]
    asker.rig.advance(streams.GATHER)
    assert end.taken().decode().split() == ["8", "1", "2", "3", "4"]
    watcher.push(b"last\n")
    asker.board.streams.close()
    assert b"last" in end.taken()
    assert not watcher._taker.push(b"more\n")


def test_gathered_lines_are_bounded() -> None:
    """
    What does not fit is counted, also between two writes.
    """
    asker = Asker()
    end = asker.send("GET", "/log")
    (watcher,) = asker.board.tap.watchers.values()
    line = b"x" * 1023 + b"\n"
    for _ in range(300):
        watcher.push(line)
    assert watcher.lost == 300 - 1 - streams.MOST_HELD // 1024
    asker.rig.advance(streams.GATHER)
    watcher.push(line)
    asker.rig.advance(streams.GATHER)
    assert b'{"lost":43}' in end.taken()
    assert watcher.lost == 0


@pytest.mark.parametrize("path", ["/log", "/events", "/events?wait=50"])
def test_head_of_what_goes_on(path: str) -> None:
    """
    HEAD is answered at once, and nothing goes on after it.
    """
    asker = Asker()
    asker.ask("HEAD", path, **({} if "wait" in path else {"Accept": "*/*, text/event-stream"}))
    assert asker.status == 200
    assert asker.board.streams.count == 0
    asker.ask("HEAD", path, Accept="text/event-stream" if "?" not in path else "*/*")
    assert asker.board.streams.count == 0


def test_streams_end_where_rules_may_have_changed() -> None:
    """
    Other mounts may mean other rights: streams by mounts end, and come again where they may.
    """
    asker = Asker()
    ends = [
        asker.send("GET", "/events", **SSE),
        asker.send("GET", "/events?wait=50"),
        asker.send("GET", "/log"),
    ]
    steering = asker.rig.targets.steering
    resources = {name: steering.resource(name) for name in steering.names()}
    steering.install(steering.spec, resources)
    assert steering.streams.count == 3
    other = replace(steering.spec, mounts=steering.spec.mounts[:-1])
    steering.install(other, resources)
    assert steering.streams.count == 0
    assert all(end.taken().endswith((b"0\r\n\r\n", b"}\n")) for end in ends)
    mounts = tuple(replace(each, auth_file="users") for each in other.mounts)
    steering.install(replace(other, mounts=mounts), resources)
    asker.send("GET", "/log")
    steering.install(steering.spec, resources)
    assert steering.streams.count == 0


def test_a_service_that_stops_ends_streams() -> None:
    """
    Those who only watch do not hold up a stop.
    """
    asker = Asker()
    ends = [
        asker.send("GET", "/events?wait=50"),
        asker.send("GET", "/events", **SSE),
        asker.send("GET", "/log"),
    ]
    asker.board.streams.close()
    assert asker.board.streams.count == 0
    for end in ends:
        assert b"200 OK" in end.taken()
    assert not asker.board.tap.watchers


def test_what_is_held_is_sent_at_the_end() -> None:
    """
    A client that was slow for a moment misses nothing when the service stops.
    """
    asker = Asker()
    end = asker.send("GET", "/events", **SSE)
    end.taken()
    end.room = 0
    for _ in range(100):
        asker.board.journal.note("warning", "x" * 1000, balancer="shop")
    asker.rig.advance(streams.HEARTBEAT + 0.1)
    asker.board.streams.close()
    end.take()
    numbers = [each["id"] for each in events(end.taken().decode())]
    assert numbers == [str(number) for number in range(1, 101)]


def exchange(asker: Asker, request: bytes = GET) -> None:
    """
    Let a member answer a request.
    """
    client = asker.rig.client()
    client.send(request)
    asker.rig.accept().send(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
    client.taken()
    asker.board.tap.log(asker.rig.outcomes[-1])


def lines(data: bytes) -> list[dict[str, object]]:
    """
    Read JSON lines, in chunks.
    """
    return [json.loads(line) for line in data.split(b"\n") if line.startswith(b"{")]


def test_the_log_as_it_happens() -> None:
    """
    Each exchange is a line of JSON, for as long as somebody reads.
    """
    asker = Asker()
    seen: list[bool] = []
    asker.board.tap.on_change = lambda: seen.append(bool(asker.board.tap.watchers))
    end = asker.send("GET", "/log")
    assert b"application/x-ndjson" in end.taken()
    exchange(asker)
    (line,) = lines(end.taken())
    assert (line["target"], line["status"], line["balancer"]) == ("/path?x=1", 200, "shop")
    end.reset()
    assert seen == [True, False]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("balancer=shop", 1),
        ("balancer=two", 0),
        ("member=a", 1),
        ("member=10.0.0.1", 1),
        ("member=http%3A%2F%2F10.0.0.1", 1),
        ("member=10.0.0", 0),
        ("member=0.0.0.1", 0),
        ("status=2xx", 1),
        ("status=404,200", 1),
        ("status=5xx", 0),
        ("path=/pa", 1),
        ("path=/x", 0),
        ("slower=0", 1),
        ("slower=2s", 0),
        ("status=2xx&path=/pa&member=a", 1),
    ],
)
def test_filters(query: str, count: int) -> None:
    """
    Only what was asked for is passed on; all filters must hold.
    """
    asker = Asker()
    end = asker.send("GET", f"/log?{query}")
    end.taken()
    exchange(asker)
    assert len(lines(end.taken())) == count


@pytest.mark.parametrize("query", ["status=6xx", "status=", "status=ok", "slower=5", "x=1"])
def test_filters_at_fault(query: str) -> None:
    """
    What is no filter is refused in words; a number of seconds is one.
    """
    asker = Asker()
    end = asker.send("GET", f"/log?{query}")
    assert (b" 200 " in end.taken()) is (query == "slower=5")


def test_requests_without_a_member() -> None:
    """
    What never came to a member is no line of one.
    """
    asker = Asker()
    end, other = asker.send("GET", "/log?member=a"), asker.send("GET", "/log?path=/")
    end.taken()
    asker.rig.client().send(b"nonsense\r\n\r\n")
    asker.board.tap.log(asker.rig.outcomes[-1])
    assert lines(end.taken()) == lines(other.taken()) == []


def test_lines_for_which_there_is_no_room() -> None:
    """
    A reader that is too slow loses lines and is told how many.
    """
    asker = Asker()
    end = asker.send("GET", "/log")
    end.taken()
    # Long lines, or the reader is given up before it has lost any.
    exchange(asker, GET.replace(b"\r\n\r\n", b"\r\nReferer: " + b"x" * 500 + b"\r\n\r\n"))
    line = len(end.taken())
    end.room = 0
    outcome = asker.rig.outcomes[-1]
    count = 2 * streams.MOST_HELD // line
    for _ in range(count):
        asker.board.tap.log(outcome)
        asker.rig.advance(streams.GATHER)
    end.take()
    got = len(lines(end.taken()))
    assert got < count
    asker.rig.advance(streams.GATHER)
    asker.board.tap.log(outcome)
    asker.rig.advance(streams.GATHER)
    lost, last = lines(end.taken())
    assert lost == {"lost": count - got}
    assert last["status"] == 200
