"""
What a process is left by the one before it: messages in whatever pieces, and a state of which each
part is taken or set aside with a word, so that all of it can be shown and left to a third process.

The bytes are those of messages; or lines with a number and JSON, to put in that place of a state.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from tests.fuzz import sandbox
from tests.fuzz.pieces import cut
from tests.fuzz.pipe import NoFailures
from tests.services.worlds import GET, OK, World
from txbalancer.config import loads
from txbalancer.core import flags
from txbalancer.core.commands import SetMember
from txbalancer.core.succession import Frames, Message, frame, protocol_fault
from txbalancer.services.inheritance import Inheritance
from txbalancer.services.persistence import Persistence
from txbalancer.services.plugins import load_registry
from txbalancer.testing import MemoryRig

_TEXT = """
[txbalancer]
access-log = off
[listener:web]
endpoint = tcp:80
[balancer:shop]
stickysource = 60
members =
    http://10.0.0.1
    http://10.0.0.2
[mount:/m]
to = metrics:
[mount:/bm]
to = manager:
[mount:/]
to = balancer://shop/
"""
_REGISTRY = load_registry()
_SPEC = loads(_TEXT, _REGISTRY).spec


def _left() -> dict[str, Any]:
    world = World(_TEXT)
    world.service.runtime.wall = lambda: 1_800_000_000.0
    world.start()
    client = world.client(request=GET)
    world.accept().send(OK)
    assert b"200 OK" in client.taken()
    world.service.targets.steering.apply(SetMember("shop", "http://10.0.0.1", on=flags.DRAIN), "a")
    state = world.service.inheritance.state()
    state["balancers"]["balancers"]["shop"]["nonce"] = "nonce"
    return state


_LEFT = _left()
_LEFT_TEXT = json.dumps(_LEFT)


def _places(state: Any) -> Iterator[tuple[Any, Any]]:
    """
    Yield whatever is in a state, as what holds it and the key.
    """
    for key in list(state) if isinstance(state, dict) else range(len(state)):
        yield state, key
        if isinstance(state[key], dict | list):
            yield from _places(state[key])


SEEDS = [
    *(b"%d=null" % each for each in range(0, sum(1 for _ in _places(_LEFT)), 40)),
    b"3=1e999\n5=[]\n100=-1\n14={}",
    frame("hello", protocol=1, version="1", pid=2) + frame("serving"),
    frame("offer", protocol=0, version="1", pid=2, secret="", sockets=[], control=""),
    frame("state", state={"balancers": _LEFT["balancers"], "counts": _LEFT["counts"]}),
    frame("counts", counts=_LEFT["counts"], connections=3),
]
WORDS = [
    *b"null|true|-1|1e308|1e999|NaN|[]".split(b"|"),
    *b'{}|""|\n7=|\n42="x"|\n99=|"say": "state", "state": |"say": "counts", "counts": '.split(b"|"),
    *b'"journal": {|"events": [|"counts": {|"last": |"lost": |"meters": {|"members": {'.split(b"|"),
    *b'"listeners": {|"records": {|"started": |"sources": {|\\n|9223372036854775808'.split(b"|"),
    b"\x00\x00\x00\x02{}",
    b"[" * 40,
]


def _messages(pieces: list[bytes]) -> tuple[list[Message], bool]:
    """
    Return the messages, and whether something followed that is none.
    """
    frames, found = Frames(), []
    try:
        for piece in pieces:
            found += frames.feed(piece)
    except ValueError:
        return found, True
    return found, False


def one(data: bytes) -> None:
    """
    Read the messages, and take what they leave.
    """
    found, broken = _messages([data])
    apart, again = _messages(cut(data))
    assert broken == again, "it depends on the pieces"
    assert repr(apart[: len(found)]) == repr(found)
    states = [each["state"] for each in found if "state" in each]
    for each in found:
        protocol_fault(each)
        if "counts" in each:
            _count(each["counts"])
    if not found and b"=" in data:
        states.append(_altered(data))
    for state in states:
        rig = _take(state)
        if zlib.crc32(data) % 16 == 0:
            # Pages are most of the time.
            _look(rig)


def _altered(data: bytes) -> Any:
    state = json.loads(_LEFT_TEXT)
    for line in data.splitlines()[:8]:
        number, _, text = line.partition(b"=")
        places = list(_places(state))
        with suppress(ValueError, RecursionError):
            holder, key = places[int(number) % len(places)]
            holder[key] = json.loads(text)
    return state


def _heir() -> tuple[MemoryRig, Inheritance]:
    rig = MemoryRig(_SPEC, _REGISTRY)
    persistence = Persistence(rig.targets.steering)
    return rig, Inheritance(rig.targets, persistence.export)


def _take(state: Any) -> MemoryRig:
    with sandbox.shut():
        rig, heir = _heir()
        notes = list(heir.take(state))
        assert all(isinstance(each, str) and each for each in notes)
        assert all(isinstance(each, str) for each in heir.told())
        left = json.loads(json.dumps(heir.state(), allow_nan=False))
        _, third = _heir()
        assert list(third.take(left)) == [], "what is left cannot be taken"
        assert json.loads(json.dumps(third.state())) == left, "another state is left"
    return rig


def _count(counts: Any) -> None:
    _, heir = _heir()
    try:
        heir.take_counts(counts)
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    once = heir.counts()
    json.dumps(once, allow_nan=False)
    heir.take_counts(counts)
    assert heir.counts() == once, "counted twice"


def _look(rig: MemoryRig) -> None:
    with NoFailures():
        for path in (b"/m", b"/bm"):
            client = rig.client()
            client.send(b"GET %b HTTP/1.1\r\nHost: lb.test\r\n\r\n" % path)
            rig.advance(0)
            assert client.taken().startswith(b"HTTP/1.1 200 "), path
