"""
What a newcomer meets first: C{make demo}.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from txbalancer import demo
from txbalancer.config import loads
from txbalancer.config.render import render
from txbalancer.services.plugins import load_registry


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    """
    Start the demo as a pipe's end, without a terminal.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "txbalancer.demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )


def test_the_configuration_goes_through_the_loader_unchanged() -> None:
    """
    What the demo means, what it writes, and what production reads are the same.
    """
    urls = {name: f"http://127.0.0.1:900{place}" for place, name in enumerate(demo.DELAYS)}
    text = render(demo.configuration(8080, urls))
    loaded = loads(text, load_registry())
    assert render(loaded.spec) == text
    assert not loaded.warnings


def test_the_favourite_port_is_taken_when_free() -> None:
    """
    The usual port is used, and another when somebody has it already.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert demo.free_port(port) != port
    assert demo.free_port(port) == port


@pytest.mark.integration
def test_once_asks_itself_and_ends(root: Path) -> None:
    """
    With --once the demo sends one request, shows which member answered it, and exits with 0.
    """
    with start(root, "--once") as running:
        output, _ = running.communicate(timeout=30)
    assert running.returncode == 0, output
    assert "member red answers GET /hello" in output
    assert "X-Forwarded-For: 127.0.0.1" in output
    assert "GET /hello -> red answered 200" in output
    assert re.search(r"Try +\S*txbalancer status --watch -c \S+/demo\.ini\n", output)


@pytest.mark.integration
def test_ctrl_c_stops_it_cleanly(root: Path) -> None:
    """
    Requests go from member to member, a line says to which, and Ctrl-C ends it with status 0.
    """
    with start(root) as running:
        assert running.stdout is not None
        lines = []
        for line in running.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        url = re.search(r"curl -i (\S+)", "".join(lines))[1]
        answers = [urlopen(url).read().decode().split()[1] for _ in range(4)]
        assert sorted(answers[:3]) == ["blue", "green", "red"]
        assert b"txbalancer_" in urlopen(url.replace("hello", "metrics")).read()
        sticky = url.replace("hello", "sticky/")
        with urlopen(sticky) as first:
            assert first.headers["Set-Cookie"].startswith("ROUTEID=")
        told = re.search(r"-c (\S+)", "".join(lines))
        assert told is not None
        status = [sys.executable, "-m", "txbalancer", "status", "-c", told[1]]
        shown = subprocess.run(status, capture_output=True, text=True, check=True, cwd=root).stdout
        assert "green" in shown
        running.send_signal(signal.SIGINT)
        rest, _ = running.communicate(timeout=30)
    assert running.returncode == 0
    assert rest.count(" answered 200 in ") == 6
    assert rest.rstrip().endswith("Stopped.")
    assert "Traceback" not in rest


@pytest.mark.integration
def test_a_busy_port_is_one_line(root: Path) -> None:
    """
    A port that was asked for and is taken ends the demo with a line that says so.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with start(root, "--port", str(taken.getsockname()[1])) as running:
            output, _ = running.communicate(timeout=30)
    assert running.returncode == 1
    assert len(output.splitlines()) == 1
    assert "cannot listen" in output
