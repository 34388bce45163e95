"""
Debian's Chromium before the manager of a real process, with members that can be slow or ill.

Pictures are left in C{tests/browser/pictures}, to be looked at.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from tests.integration.process import BalancerProcess
from tests.peers import require

PICTURES = Path(__file__).parent / "pictures"
TEXT = """\
[txbalancer]
access-log = off
graceful-timeout = 1s
hcexpr = fine %{REQUEST_STATUS} =~ /^2/
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
[balancer:shop]
stickysession = S
growth = 2
members =
    ONE route=a hcmethod=get hcuri=/health hcinterval=1s
    TWO route=b hcmethod=get hcuri=/health hcinterval=1s
[balancer:api]
members = TWO
[balancer:many]
members =
MANY
[mount:/bm]
to = manager: shop api
require = local
[mount:/many]
to = manager: many
[mount:/looking]
to = manager: shop api
operate = ip 192.0.2.1
[mount:/api]
to = balancer://api/
[mount:/]
to = balancer://shop/
"""

STATES = {12: "+D", 20: "+E", 25: "+H"}
"""Of members of the balancer many, which nobody asks anything."""

FAST = """
import pathlib
import txbalancer.core.history

txbalancer.core.history.STEP = 0.25

from txbalancer.control.telemetry import Telemetry

left, sample = pathlib.Path(__file__).with_name("steps"), Telemetry._sample

def counted(self):
    if left.exists():
        number = int(left.read_text() or 0)
        if not number:
            return
        left.write_text(str(number - 1))
    yield from sample(self)

Telemetry._sample = counted
"""
"""Makes a minute of the page three seconds, so that a drain can be watched to its end; where there
is a file of steps, no more samples are taken than it says."""


class Member(ThreadingHTTPServer):
    """
    A member on a free port.

    @ivar ill: whether its health check fails.
    @ivar held: requests of C{/slow} wait for it.
    """

    daemon_threads = True

    def __init__(self, route: str) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.route, self.ill, self.held = route, False, threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """
        A client that leaves is no fault of a test.
        """


class Answering(BaseHTTPRequestHandler):
    """
    Answers every request with its route, which is that of the session as well.
    """

    protocol_version = "HTTP/1.1"
    server: Member

    def do_GET(self) -> None:
        """
        Answer.
        """
        if self.path == "/slow":
            self.server.held.wait(60)
        ill = self.path == "/health" and self.server.ill
        body = self.server.route.encode()
        self.send_response(503 if ill else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", f"S=x.{self.server.route}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """
        Say nothing.
        """


@pytest.fixture(scope="session")
def launch() -> Iterator[Any]:
    """
    Start browsers: C{launch(argument, ...)}; what starts them is there once.
    """
    program = require("chromium")
    with sync_playwright() as playwright:

        def start(*arguments: str) -> Any:
            # As root, which CI is, there is no sandbox.
            options = ["--no-sandbox"] if os.getuid() == 0 else []
            return playwright.chromium.launch(executable_path=program, args=[*options, *arguments])

        yield start


@pytest.fixture(scope="session")
def chromium(launch: Any) -> Iterator[Any]:
    """
    Start the browser once.
    """
    shutil.rmtree(PICTURES, ignore_errors=True)
    browser = launch()
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def members() -> Iterator[list[Member]]:
    """
    Start two members.
    """
    started = [Member("a"), Member("b")]
    yield started
    for each in started:
        each.held.set()
        each.shutdown()
        each.server_close()


@pytest.fixture(scope="module")
def process(members: list[Member], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """
    Start a balancer before them.
    """
    text = TEXT.replace("ONE", members[0].url).replace("TWO", members[1].url)
    many = (
        f"    http://127.0.0.1:{n} route=m{n} status={STATES.get(n, '-D')}" for n in range(1, 31)
    )
    text = text.replace("MANY", "\n".join(many))
    folder = tmp_path_factory.mktemp("manager")
    (folder / "sitecustomize.py").write_text(FAST)
    process = BalancerProcess(folder, text)
    process.env["PYTHONPATH"] = f"{folder}:{process.env['PYTHONPATH']}"
    yield process.start()
    process.stop()


@pytest.fixture
def steps(process: BalancerProcess) -> Iterator[Any]:
    """
    Let time stand still for the page, however slow the machine is: C{steps(7)} has seven more
    samples taken.
    """
    file = process.folder / "steps"

    def take(number: int) -> None:
        file.write_text(str(number))

    take(0)
    yield take
    file.unlink()


class Screen:
    """
    One page of the browser; at the end of a test it must have had nothing to complain about.

    @ivar page: as playwright has it.
    @ivar complaints: what the console said, and what scripts did wrong.
    """

    def __init__(self, browser: Any, base: str, **options: Any) -> None:
        self.base = base
        self.context = browser.new_context(base_url=base, **options)
        self.complaints: list[str] = []
        self.page = self.context.new_page()
        self.page.set_default_timeout(8000)
        # Violations of the policy are messages of the console, too.
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def open(self, query: str = "", path: str = "/bm") -> Any:
        """
        Open the page as somebody does who is on it already, and wait until it is live.
        """
        self.page.goto(f"{path}{query}", referer=f"{self.base}{path}")
        self.page.wait_for_selector("#live.on")
        return self.page

    def picture(self, name: str) -> None:
        """
        Keep a picture of the whole page.
        """
        PICTURES.mkdir(exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


@pytest.fixture
def screen(chromium: Any, process: BalancerProcess) -> Iterator[Any]:
    """
    Open screens: C{screen(width=390, color_scheme="dark", …)}.
    """
    screens: list[Screen] = []

    def start(width: int = 1280, height: int = 900, **options: Any) -> Screen:
        viewport = {"width": width, "height": height}
        base = f"http://127.0.0.1:{process.port}"
        screens.append(Screen(chromium, base, viewport=viewport, **options))
        return screens[-1]

    yield start
    for each in screens:
        each.context.close()
    assert [each for screen in screens for each in screen.complaints] == []
