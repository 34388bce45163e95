"""
A service to run commands against: the real API in memory, behind a real socket.
"""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from tests.config.helpers import REGISTRY
from txbalancer.control.cli import make_command
from txbalancer.control.cli.world import World, make_console
from txbalancer.testing import MemoryRig

TEXT = """
[listener:web]
endpoint = tcp:80
[balancer:shop]
stickysession = S
growth = 2
members =
    http://10.0.0.1 route=web1
    http://10.0.0.2:8080 route=web2 loadfactor=2
    http://10.0.0.3 route=db status=+H
[balancer:two]
members = http://10.0.0.1
[mount:/bm]
to = manager:
[mount:/]
to = balancer://shop/
"""

Canned = tuple[int, str, bytes]
"""Status, media type and body of an answer."""


class _Socket:
    """
    What L{HTTPResponse} reads bytes from.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> BytesIO:
        """
        Return them.
        """
        return BytesIO(self._data)


class Service:
    """
    A balancer in memory that commands reach by a socket.

    @ivar path: of the socket.
    @ivar rig: the balancer; its clock moves while a command sleeps.
    @ivar asked: (method, path) of each request.
    @ivar canned: (method, path) -> answers that are given instead of the API's.
    @ivar meanwhile: is called before each request, with its method and path.
    @ivar output: what a terminal shows, where there is one.
    """

    def __init__(self, path: Path, text: str = TEXT) -> None:
        self.path = path
        self.rig = MemoryRig(text)
        self.rig.targets.telemetry.start()
        self.asked: list[tuple[str, str]] = []
        self.canned: dict[tuple[str, str], Canned] = {}
        self.meanwhile: Callable[[str, str], object] = lambda method, path: None
        self.output = StringIO()
        self.slept = 0.0
        self.etag: str | None = None

    # -- the service

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Canned:
        """
        Answer a request.
        """
        path = target.partition("?")[0].removeprefix("/api/v1")
        self.asked.append((method, path))
        self.meanwhile(method, path)
        found = self.canned.get((method, path))
        if found is not None:
            return found
        lines = [f"{method} /bm{target} HTTP/1.1", "Host: lb.test"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines.append(f"Content-Length: {len(body)}")
        client = self.rig.client()
        client.send("\r\n".join([*lines, "", ""]).encode() + body)
        response = HTTPResponse(_Socket(client.taken()), method=method)  # type: ignore[arg-type]
        response.begin()
        self.etag = response.getheader("ETag")
        return response.status, response.getheader("Content-Type") or "", response.read()

    def member(self, name: str, balancer: str = "shop") -> Any:
        """
        Return a member by its route or URL.
        """
        members = self.rig.balancer(balancer).members
        return next(each for each in members if name in (each.route.decode(), each.name))

    # -- commands

    def world(self, **environ: str) -> World:
        """
        Return a world in which sleeping moves the balancer's clock.
        """

        def sleep(seconds: float) -> None:
            self.slept += seconds
            self.rig.advance(seconds)

        return World(
            environ={"TXBALANCER_CONTROL": str(self.path), **environ},
            clock=lambda: self.slept,
            wall=self.rig.runtime.wall,
            sleep=sleep,
            console=make_console(force_terminal=False),
            secret=None,
        )

    def run(self, *arguments: str, width: int = 0, world: World | None = None) -> Result:
        """
        Run a command.

        @param width: of the terminal; 0 for none.
        """
        world = world or self.world()
        if width:
            self.output = StringIO()
            world.console = make_console(
                file=self.output, width=width, force_terminal=True, color_system=None
            )
        return run(*arguments, world=world)

    def lines(self, *arguments: str) -> list[str]:
        """
        Run a command that is to succeed, and return what it prints.
        """
        found = self.run(*arguments)
        assert (found.exit_code, found.stderr) == (0, "")
        return found.stdout.splitlines()

    def json(self, *arguments: str) -> Any:
        """
        Run a command that is to succeed, and return the document that it prints.
        """
        (line,) = self.lines(*arguments, "--json")
        return json.loads(line)


def run(*arguments: str, world: World | None = None) -> Result:
    """
    Run the command in this process.
    """
    command = make_command(lambda: REGISTRY, tuple)
    return CliRunner().invoke(command, arguments, obj=world)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    service: Service

    def handle_error(self, request: Any, client_address: Any) -> None:
        """
        Say nothing of connections that a test breaks.
        """


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_any(self) -> None:
        """
        Answer one request.
        """
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {
            name: value
            for name, value in self.headers.items()
            if name not in ("Host", "Content-Length", "Connection", "Accept-Encoding")
        }
        service = self.server.service
        service.etag = None
        status, media, answer = service.answer(self.command, self.path, headers, body)
        self.send_response(status)
        if media:
            self.send_header("Content-Type", media)
        if service.etag:
            self.send_header("ETag", service.etag)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PATCH = do_DELETE = handle_any

    def log_message(self, format: str, *arguments: Any) -> None:
        """
        Say nothing.
        """


@contextmanager
def serving(path: Path, text: str = TEXT) -> Iterator[Service]:
    """
    Serve at a socket for a while.
    """
    service = Service(path, text)
    server = _Server(str(path), _Handler)
    server.service = service
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
