"""
What the process prints that is to take this one's place.
"""

from __future__ import annotations

import os

import pytest

from txbalancer.services import successor as successors
from txbalancer.services.former import ERRORS
from txbalancer.services.successor import Successor


def test_a_full_output_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What it prints is shown as far as our own output takes it without waiting; its last lines are
    known all the same.
    """
    reader, writer = os.pipe()
    made = successors.StreamSink(writer, "a pipe")
    monkeypatch.setattr(successors, "_sink", lambda number: made)
    successor = Successor(None, lambda message: None)
    lines = [b"%d %s\n" % (number, b"x" * 100) for number in range(5000)]
    for each in lines:
        successor.childDataReceived(ERRORS, each)
    assert successor.said() == b"".join(lines[-50:]).decode().strip()
    os.close(writer)
    with os.fdopen(reader, "rb") as shown:
        found = shown.read()
    assert b"".join(lines).startswith(found)
    assert 0 < len(found) < len(b"".join(lines))


def test_an_output_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without an output nothing is shown, and the lines are known.
    """

    def closed(number: int, name: str) -> None:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(successors, "StreamSink", closed)
    successor = Successor(None, lambda message: None)
    successor.childDataReceived(ERRORS, b"it failed\n")
    assert successor.said() == "it failed"
