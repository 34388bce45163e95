"""
Commands to a running process over its socket.
"""

from __future__ import annotations

import http.client
import json
import signal
import socket
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.process import BalancerProcess, until

pytestmark = pytest.mark.integration

TEXT = """\
[txbalancer]
access-log = off
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
[balancer:shop]
members =
    http://127.0.0.1:9 route=a
    http://127.0.0.2:9 route=b
[mount:/]
to = balancer://shop/
"""
BASE = "/api/v1"


class Connection(http.client.HTTPConnection):
    """
    HTTP over a unix socket.
    """

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=20)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self._path)


def command(
    path: Path, method: str, target: str, value: Any = None, base: str = BASE
) -> tuple[int, Any]:
    """
    Send one request; returns status and answer.
    """
    connection = Connection(path)
    try:
        body = None if value is None else json.dumps(value)
        connection.request(method, base + target, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def path_of(process: BalancerProcess) -> Path:
    """
    Return the path of a process's socket.
    """
    return process.folder / "control.sock"


def test_a_process_takes_commands(balancer: Starts) -> None:
    """
    It does so without a word in its configuration, for its own user only, until it stops; a
    process that was killed is no hindrance to the next.
    """
    process = balancer(TEXT)
    path = path_of(process)
    mode = path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    status, found = command(path, "PATCH", "/balancers/shop/members/a", {"lbset": 7})
    assert (status, found["lbset"]) == (200, 7)
    assert "on the control socket changed shop http://127.0.0.1:9: lbset 0 -> 7" in process.log()
    status, found = command(path, "POST", "/undo")
    assert (status, found["change"]["after"]) == (200, {"lbset": "0"})
    for target in ("/", "/foo/v1/", "/api/v2/"):
        status, found = command(path, "GET", target, base="")
        assert (status, found["remedy"]) == (404, "it is at …/api/v1/")
    process.signal(signal.SIGKILL)
    process.wait()
    assert path.exists()
    process.start()
    assert command(path, "GET", "/")[1]["pid"] == process.pid
    assert process.terminate() == 0
    assert not path.exists()


def test_a_reload_by_command(balancer: Starts) -> None:
    """
    It tells what changed, or what is wrong, as the signal's log does; and may move the socket.
    """
    process = balancer(TEXT)
    path = path_of(process)
    process.write(TEXT.replace("route=b", "route=c"))
    status, found = command(path, "POST", "/reload", {})
    assert status == 200
    assert any("route" in each for each in found["changes"])
    process.write(TEXT.replace("route=b", "rout=b"))
    status, found = command(path, "POST", "/reload", {})
    assert status == 409
    assert "did you mean route" in found["detail"]
    other = process.folder / "other.sock"
    text = TEXT.replace("access-log = off", f"access-log = off\ncontrol = {other}")
    assert "reload done" in process.reload(text)
    assert command(other, "GET", "/")[0] == 200
    assert not path.exists()


def test_two_processes_at_one_path(balancer: Starts) -> None:
    """
    The second one serves without a socket, and says so.
    """
    one = balancer(TEXT)
    path = path_of(one)
    two = balancer(TEXT.replace("access-log = off", f"access-log = off\ncontrol = {path}"))
    assert "another process takes commands there" in two.log()
    assert command(path, "GET", "/")[1]["pid"] == one.pid
    two.terminate()
    assert command(path, "GET", "/")[0] == 200


def test_the_log_is_watched_and_does_not_hold_up_a_stop(balancer: Starts) -> None:
    """
    Lines come as requests end, and watching ends with the service, soon.
    """
    process = balancer(TEXT.replace("access-log = off", "access-log = off\ngraceful-timeout = 9s"))
    connection = Connection(path_of(process))
    connection.request("GET", f"{BASE}/log?status=5xx")
    answer = connection.getresponse()
    lines: list[bytes] = []
    reading = threading.Thread(target=lambda: lines.extend(iter(answer.readline, b"")))
    reading.start()
    ask(f"http://127.0.0.1:{process.port}/watched")
    until(lambda: any(b"/watched" in each for each in lines), "the line is there")
    line = json.loads(next(each for each in lines if b"/watched" in each))
    assert (line["status"], line["balancer"], line["reason"]) == (503, "shop", "connect-failed")
    assert process.terminate(5) == 0
    reading.join(5)
    assert not reading.is_alive()
    connection.close()
