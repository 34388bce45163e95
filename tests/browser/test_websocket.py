"""
A browser's WebSockets: over HTTP/2 where there is a connection of it already (RFC 8441), else
over HTTP/1.1.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.certificates import Authority
from tests.integration.process import BalancerProcess, until
from tests.integration.websocket import EchoMember

pytestmark = [pytest.mark.integration, pytest.mark.peers]

TEXT = """\
[txbalancer]
access-log = ACCESS
access-log-format = json
graceful-timeout = 4s
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
tls-certificate = {certificate}
tls-key = {key}
http2 = {http2}
[balancer:chat]
members =
    http://127.0.0.1:{member}
[mount:/page]
to = status:200
[mount:/]
to = balancer://chat/
"""

CONVERSATION = """
([url, size]) => new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    const heard = [];
    socket.onopen = () => { socket.send("hello"); socket.send("x".repeat(size)); };
    socket.onmessage = (event) => {
        heard.push(event.data.length);
        if (heard.length === 2) socket.send("bye");
    };
    socket.onclose = (event) => resolve([heard, event.code, event.reason, event.wasClean]);
})
"""

STAYING = """
(url) => new Promise((resolve, reject) => {
    window.socket = new WebSocket(url);
    window.ended = new Promise((done) => { window.socket.onclose = (event) => done(event.code); });
    window.socket.onopen = () => window.socket.send("hello");
    window.socket.onmessage = (event) => resolve(event.data);
    window.socket.onerror = () => reject("error");
})
"""


@pytest.fixture(scope="module")
def browser(launch: Any) -> Iterator[Any]:
    """
    Start a browser that does not mind who signed a certificate.
    """
    browser = launch("--ignore-certificate-errors")
    yield browser
    browser.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """
    Open an empty page, with no connection of an earlier one.
    """
    context = browser.new_context(ignore_https_errors=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    """
    Start a member and a balancer before it.
    """
    pair = Authority(tmp_path).issue("127.0.0.1")
    with EchoMember() as member:
        made = []

        def started(http2: str) -> BalancerProcess:
            text = TEXT.format(
                certificate=pair.certificate, key=pair.key, member=member.port, http2=http2
            )
            made.append(BalancerProcess(tmp_path, text).start())
            return made[0]

        yield started
        for each in made:
            each.stop()


@pytest.mark.parametrize(("http2", "version"), [("on", "2.0"), ("off", "1.1")])
def test_a_conversation(page: Any, start: Any, http2: str, version: str) -> None:
    """
    Messages both ways, a large one, and the member's code at the end.
    """
    process = start(http2)
    page.goto(f"https://127.0.0.1:{process.port}/page")
    url = f"wss://127.0.0.1:{process.port}/ws"
    heard, code, reason, clean = page.evaluate(CONVERSATION, [url, 300_000])
    assert (heard, code, reason, clean) == ([5, 300_000], 4001, "asked for it", True)
    record = process.record("/ws")
    assert record["version"] == version
    assert (record["method"], record["status"], record["reason"]) == ("GET", 101, "ok")
    assert record["bytes_out"] > 100


def test_a_reload_and_a_stop(page: Any, start: Any) -> None:
    """
    Over HTTP/2, too, a reload leaves it alone, a stop waits and closes it at last.
    """
    process = start("on")
    page.goto(f"https://127.0.0.1:{process.port}/page")
    assert page.evaluate(STAYING, f"wss://127.0.0.1:{process.port}/ws") == "hello"
    assert "reload done" in process.reload(process.config.read_text().replace("4s", "3s"))
    again = (
        "() => new Promise((done) => { socket.onmessage = (e) => done(e.data); socket.send('b') })"
    )
    assert page.evaluate(again) == "b"
    process.signal(signal.SIGTERM)
    until(lambda: "in progress" in process.log(), "the stop is told")
    assert page.evaluate(again) == "b"
    assert page.evaluate("() => window.ended") == 1006
    assert process.wait(5) == 0
    assert process.record("/ws")["reason"] == "stopped"
