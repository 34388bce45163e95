"""
What a killed process leaves behind of what it answered.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.conftest import Starts
from tests.integration.control import Control
from tests.integration.process import BalancerProcess, until

pytestmark = pytest.mark.integration

TEXT = """\
[txbalancer]
access-log = off
state = state.json
control = control.sock
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
[balancer:shop]
growth = 1
members =
    http://127.0.0.1:9
    http://127.0.0.2:9
    http://127.0.0.3:9
"""
SHOP = "/balancers/shop"


def member(number: int) -> str:
    """
    Return the place of a member in the API.
    """
    return f"{SHOP}/members/{quote(f'http://127.0.0.{number}:9', safe='')}"


class Changer(threading.Thread):
    """
    Makes one change after the other until nobody answers.

    @ivar done: how many were answered.
    """

    def __init__(self, path: Path, change: Callable[[int], tuple[str, str, Any]]) -> None:
        super().__init__(daemon=True)
        self.done = 0
        self._control, self._change = Control(path), change

    def run(self) -> None:
        try:
            while True:
                self._control.ask(*self._change(self.done + 1))
                self.done += 1
        except (OSError, HTTPException):
            self._control.close()


def commands(process: BalancerProcess) -> closing[Control]:
    """
    Return a connection for commands, for a C{with} block.
    """
    return closing(Control(process.folder / "control.sock"))


def kill(process: BalancerProcess) -> None:
    """
    End it without warning, and start it again.
    """
    process.signal(signal.SIGKILL)
    process.wait()
    process.start()
    assert "#warn] state:" not in process.log()


@pytest.mark.parametrize("after", [0.0, 0.05])
def test_what_was_answered_is_kept(balancer: Starts, after: float) -> None:
    """
    Whoever was told that a change is made finds it after SIGKILL, whatever others changed at
    the same time; a change that was not answered is there or not, and nothing in between.
    """
    process = balancer(TEXT)
    path = process.folder / "control.sock"
    changers = [
        Changer(path, lambda number: ("PATCH", member(1), {"lbset": number % 100})),
        Changer(path, lambda number: ("PATCH", member(2), {"route": f"r{number}"})),
        Changer(path, lambda number: ("PATCH", SHOP, {"maxattempts": number % 100})),
        Changer(
            path,
            lambda number: (
                ("DELETE", member(3), None)
                if number % 2
                else ("POST", f"{SHOP}/members", {"url": "http://127.0.0.3:9"})
            ),
        ),
    ]
    for each in changers:
        each.start()
    until(lambda: all(each.done > 5 for each in changers), "each made some changes")
    time.sleep(after)
    kill(process)
    for each in changers:
        each.join(10.0)
        assert not each.is_alive()
    with commands(process) as control:
        report = control.ask("GET", SHOP)
    first, second, *_ = report["members"]
    lbset, route, attempts, _ = (each.done for each in changers)
    assert first["lbset"] in (lbset % 100, (lbset + 1) % 100)
    assert second["route"] in (f"r{route}", f"r{route + 1}")
    assert report["options"]["maxattempts"] in (str(attempts % 100), str((attempts + 1) % 100))


def test_undo_and_time_go_on(balancer: Starts) -> None:
    """
    What was undone stays undone, and a factor for some time ends although the process died.
    """
    process = balancer(TEXT)
    with commands(process) as control:
        control.ask("PATCH", member(1), {"drain": True})
        control.ask("PATCH", member(2), {"loadfactor": 7, "lasting": 2})
        control.ask("DELETE", member(3))
        control.ask("POST", "/undo", {})
    kill(process)
    with commands(process) as control:
        first, second, third = control.ask("GET", SHOP)["members"]
        assert (first["status"]["letters"], third["overrides"]) == ("ON", [])
        assert (second["loadfactor"] == 7) is (second["temporary"] is not None)
        until(
            lambda: control.ask("GET", member(2))["loadfactor"] == 1,
            "the former factor is back",
        )
        events = control.ask("GET", "/events")["events"]
    (ended,) = (each["text"] for each in events if each["kind"] == "change")
    assert ended == "temporary load factor ended: loadfactor 7 -> 1"


def test_a_damaged_file_stops_nobody(balancer: Starts) -> None:
    """
    The next process serves with the state before it, says so, and keeps the damaged file.
    """
    process = balancer(TEXT)
    with commands(process) as control:
        for lbset in (1, 2, 3):
            control.ask("PATCH", member(1), {"lbset": lbset})
    process.signal(signal.SIGKILL)
    process.wait()
    file = process.folder / "state.json"
    file.write_bytes(file.read_bytes()[:-100])
    process.start()
    with commands(process) as control:
        assert control.ask("GET", member(1))["lbset"] == 2
    assert "state.json cannot be used: it is no state of txbalancer, or not all" in process.log()
    assert len(list(process.folder.glob("state.json.damaged-*"))) == 1


def test_who_changed_what(balancer: Starts) -> None:
    """
    Each change is a line of the log, with who made it, what was before and what is now; so are
    undoing and reloading.
    """
    process = balancer(TEXT)
    with commands(process) as control:
        control.ask("PATCH", member(1), {"route": "a"})
        control.ask("POST", f"{SHOP}/members", {"url": "http://127.0.0.4:9"})
        control.ask("PATCH", SHOP, {"timeout": "5s"})
        control.ask("POST", "/undo", {})
        control.ask("POST", "/reload", {})
        events = control.ask("GET", "/events")["events"]
    found = [each for each in events if each["kind"] in ("change", "reload")]
    makers = {each["who"] for each in found}
    assert len(makers) == 1
    who = makers.pop()
    assert who.startswith(f"uid {os.getuid()}")
    assert [each["details"]["before"] for each in found[:3]] == [
        {"route": ""},
        {"member": None},
        {"timeout": "0"},
    ]
    log = process.log()
    for line in (
        "changed shop http://127.0.0.1:9: route (empty) -> a",
        "changed shop http://127.0.0.4:9: member (none) -> http://127.0.0.4:9",
        "changed shop: timeout 0 -> 5s",
        "changed shop: undone: timeout 5s -> 0",
        "had the configuration read again: nothing is other",
    ):
        assert log.count(f"{who} {line}") == 1, line
