"""
What processes of one service tell each other: lines that a worker prints, and values in messages,
are the same in whatever pieces they come.
"""

from __future__ import annotations

import zlib
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.protocols.amp import AmpBox, BinaryBoxProtocol

from tests.fuzz.pieces import cut
from txbalancer.workers.child import Child
from txbalancer.workers.parcels import Packed, Parcel

SEEDS = [
    b'{"level": "warn", "text": "a member is slow"}\n',
    b'{"level": "info", "text": "one"}\n{"level": "error", "text": "two"}\nTraceback:\n  x',
    b'{"level": "loud", "text": "x"}\n["level"]\n{"level": []}\n\xff\n\n',
]
WORDS = [*b'{"level": |"warn"|"critical", |"text": |}\n|\r\n|null|{x}'.split(b"|"), b"[" * 60]
_CHUNKS = 100
"""Times that bytes are repeated, at most: a message divides values at 64 KiB."""


def _printed(pieces: list[bytes]) -> list[tuple[Any, Any]]:
    """
    Return what a supervisor logs of what a worker prints.
    """
    found: list[tuple[Any, Any]] = []
    clock = Clock()
    child = Child(clock, clock.seconds, 1, [], (8, 9))
    globalLogPublisher.addObserver(note := lambda event: found.append(_logged(event)))
    try:
        for piece in pieces:
            child.errReceived(piece)
    finally:
        globalLogPublisher.removeObserver(note)
    return found


def _logged(event: Any) -> tuple[Any, Any]:
    assert "log_failure" not in event, event
    return event["log_level"], repr(event["text"])


class _Boxes:
    """
    Collects messages.
    """

    def __init__(self) -> None:
        self.found: list[Any] = []

    def startReceivingBoxes(self, sender: Any) -> None:
        pass

    def ampBoxReceived(self, box: Any) -> None:
        self.found.append(box)


def _received(wire: bytes) -> Any:
    boxes = _Boxes()
    reader = BinaryBoxProtocol(boxes)
    reader.makeConnection(None)
    for piece in [*cut(wire[:100]), wire[100:]]:
        if piece:
            reader.dataReceived(piece)
    (box,) = boxes.found
    values: dict[str, Any] = {}
    Parcel().fromBox(b"word", box, values, None)
    return values["word"]


def ours(data: bytes) -> None:
    """
    Print it.
    """
    _printed([data])


def one(data: bytes) -> None:
    """
    Print it, and send it.
    """
    whole = _printed([data])
    assert _printed(cut(data)) == whole, "it depends on the pieces"
    assert len(whole) == data.count(b"\n")
    value = [data * (1 + zlib.crc32(data) % _CHUNKS), {len(data): data.decode("latin-1")}]
    for sent in (value, Packed(value)):
        box = AmpBox()
        Parcel().toBox(b"word", box, {"word": sent}, None)
        assert _received(box.serialize()) == value
