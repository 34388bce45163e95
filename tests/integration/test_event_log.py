"""
The event log of a real process: at once on the disk, rotated, and no trouble when it is full.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.process import HEAD, until

pytestmark = pytest.mark.integration

SHOP = """
[balancer:shop]
members =
    http://127.0.0.1:1 maxfails=1 retry=60s
[mount:/]
to = balancer://shop/
"""


def with_log(where: object) -> str:
    """
    Write a configuration with an event log.
    """
    return HEAD.replace("[listener:web]", f"event-log = {where}\n[listener:web]") + SHOP


def events(path: Path) -> list[dict[str, Any]]:
    """
    Read the log.
    """
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_happened_is_there_after_a_crash(balancer: Starts, tmp_path: Path) -> None:
    """
    A process that is killed has written everything that it saw.
    """
    path = tmp_path / "events.log"
    process = balancer(with_log(path))
    assert ask(f"http://127.0.0.1:{process.port}/").status == 503
    process.signal(signal.SIGKILL)
    found = events(path)
    assert [each["kind"] for each in found][:2] == ["start", "flip"]
    assert found[1]["member"] == "http://127.0.0.1:1"
    assert found[1]["details"]["cause"].startswith("connect-failed")


def test_rotation_and_a_refused_reload(balancer: Starts, tmp_path: Path) -> None:
    """
    After SIGUSR1 lines go to a new file; a reload that is refused is among them.
    """
    path = tmp_path / "events.log"
    process = balancer(with_log(path))
    until(path.read_text, "the start")
    moved = path.rename(path.with_suffix(".1"))
    process.signal(signal.SIGUSR1)
    until(path.exists, "a new event log")
    process.reload("[mount:/]\nto = status:99\n")
    assert [each["kind"] for each in events(moved)] == ["start"]
    (warning,) = events(path)
    assert warning["kind"] == "warning"
    assert "status:99" in warning["details"]["errors"][0] or "99" in warning["text"]


def test_a_full_disk_stops_nothing(balancer: Starts) -> None:
    """
    Nothing can be written to /dev/full; requests are served, and the service's log tells it.
    """
    process = balancer(with_log("/dev/full"))
    assert ask(f"http://127.0.0.1:{process.port}/").status == 503
    until(lambda: "event log /dev/full: No space left" in process.log(), "the warning")
    assert ask(f"http://127.0.0.1:{process.port}/").status == 503
