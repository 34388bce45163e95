"""
Members from sources: a real name server, files that change, a document over TLS.
"""

from __future__ import annotations

import http.server
import json
import os
import signal
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.integration.certificates import Authority
from tests.integration.client import ask
from tests.integration.control import Control
from tests.integration.process import BalancerProcess, status, until
from tests.peers import Peer, Peers, free_port, require

Starts = Callable[[str], BalancerProcess]

CONFIGURATION = """\
[balancer:shop]
discover = {line}
[mount:/]
to = balancer://shop/
"""


class NameServer:
    """
    A dnsmasq that knows what is in its file of hosts.
    """

    def __init__(self, peers: Peers, *records: str) -> None:
        program, folder, self.port = require("dnsmasq"), peers.folder(), free_port()
        self.hosts = folder / "hosts"
        self.put()
        command = [
            program,
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--bind-interfaces",
            "--listen-address=127.0.0.1",
            "--user=root",
            "--local-ttl=0",
            f"--addn-hosts={self.hosts}",
            f"--pid-file={folder}/pid",
            f"--port={self.port}",
            *records,
        ]
        self.peer = peers.start("dnsmasq", command, self.port, folder)

    def put(self, *lines: str) -> None:
        """
        Know these, C{ADDRESS NAME} each, and nothing else.
        """
        fresh = self.hosts.with_suffix(".new")
        fresh.write_text("".join(f"{line}\n" for line in lines))
        os.replace(fresh, self.hosts)
        if hasattr(self, "peer"):
            self.peer.signal(signal.SIGHUP)


def shop(peers: Peers) -> Peer:
    """
    Start a member on three addresses, which says on which one it was asked.
    """
    port = free_port("127.0.0.1", "127.0.0.2", "127.0.0.3")
    more = "".join(f"listen 127.0.0.{number}:{port};\n" for number in (1, 2, 3))
    member = peers.nginx(f'{more}location / {{ return 200 "$server_addr"; }}')
    member.port = port
    return member


def body(process: BalancerProcess) -> bytes:
    """
    Ask once; returns the body, empty for anything but 200.
    """
    answer = ask(f"http://127.0.0.1:{process.port}/")
    return answer.body if answer.status == 200 else b""


def report(process: BalancerProcess) -> Any:
    """
    Ask the API about the balancer.
    """
    with closing(Control(process.folder / "control.sock")) as control:
        return control.ask("GET", "/balancers/shop")


def test_a_name_that_changes_and_a_server_that_dies(peers: Peers, balancer: Starts) -> None:
    """
    The start does not wait for a name; its addresses are followed; without a name server the
    last ones stay.
    """
    member, names = shop(peers), NameServer(peers)
    line = (
        f"dns+http://shop.test:{member.port} resolver=127.0.0.1:{names.port} interval=200ms"
        " ttl-floor=100ms missing=1 grace=0 timeout=1s"
    )
    process = balancer(CONFIGURATION.format(line=line))
    assert status(process) == 503
    names.put("127.0.0.2 shop.test")
    until(lambda: body(process) == b"127.0.0.2", "the first address is used")
    names.put("127.0.0.3 shop.test")
    until(lambda: body(process) == b"127.0.0.3", "the other address is used")
    until(lambda: len(report(process)["members"]) == 1, "the first address is gone")
    names.peer.kill()
    until(lambda: not report(process)["discovery"][0]["fine"], "the source fails")
    assert body(process) == b"127.0.0.3"
    names.peer.start()
    until(lambda: report(process)["discovery"][0]["fine"], "the source answers again")
    assert "DNSDatagram" not in process.log()
    assert "Unhandled" not in process.log()


def test_long_answers_and_service_records(peers: Peers, balancer: Starts) -> None:
    """
    An answer that is too long for a datagram is fetched by TCP; SRV records give ports, lbsets and
    factors.
    """
    names = NameServer(
        peers,
        "--srv-host=_http._tcp.shop.test,a.test,8081,10,5",
        "--srv-host=_http._tcp.shop.test,b.test,8082,20,0",
    )
    hosts = [f"192.0.2.{number} many.test" for number in range(1, 81)]
    names.put("127.0.0.1 a.test", "127.0.0.2 b.test", *hosts)
    options = f"resolver=127.0.0.1:{names.port} interval=200ms ttl-floor=100ms status=+D"
    lines = f"\n    dns+http://many.test {options}\n    srv+http://_http._tcp.shop.test {options}"
    process = balancer(CONFIGURATION.format(line=lines))
    members = until(
        lambda: len(found := report(process)["members"]) == 82 and found, "82 members are there"
    )
    by_url = {each["url"]: (each["lbset"], each["loadfactor"]) for each in members}
    assert by_url["http://127.0.0.1:8081"] == (0, 5.0)
    assert by_url["http://127.0.0.2:8082"] == (1, 1.0)
    assert by_url["http://192.0.2.80"] == (0, 1.0)
    assert "Unhandled" not in process.log()


def test_files_that_change(peers: Peers, balancer: Starts, tmp_path: Path) -> None:
    """
    A file is read at the start; a new one in the folder brings a member, a fault changes nothing.
    """
    member = shop(peers)
    folder = tmp_path / "members.d"
    folder.mkdir()
    (folder / "a").write_text(f"http://127.0.0.1:{member.port}\n")
    line = f"file:{folder} interval=100ms missing=1 grace=0"
    process = balancer(CONFIGURATION.format(line=line))
    assert body(process) == b"127.0.0.1"
    (folder / "b").write_text(f"# another\nhttp://127.0.0.2:{member.port} loadfactor=2\n")
    until(lambda: body(process) == b"127.0.0.2", "the new member is used")
    (folder / "b").write_text("http//127.0.0.2\n")
    until(lambda: f"{folder}/b:1: " in report(process)["discovery"][0]["fault"], "a fault is told")
    assert len(report(process)["members"]) == 2
    (folder / "b").unlink()
    until(lambda: len(report(process)["members"]) == 1, "the member is gone with its file")


class Registry(http.server.BaseHTTPRequestHandler):
    """
    Has one document, for who brings the token.
    """

    document: ClassVar[dict[str, Any]] = {}
    statuses: ClassVar[list[int]] = []

    def do_GET(self) -> None:
        tag = f'"{len(json.dumps(self.document))}"'
        status = 200
        if self.headers["Authorization"] != "Bearer sesame":
            status = 401
        elif self.headers["If-None-Match"] == tag:
            status = 304
        self.statuses.append(status)
        text = json.dumps(self.document).encode() if status == 200 else b""
        self.send_response(status)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *arguments: object) -> None:
        """
        Say nothing.
        """


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """
    Serve the document over TLS; yields its port and its CA.
    """
    authority = Authority(tmp_path)
    pair = authority.issue("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    Registry.document, Registry.statuses = {"members": []}, []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server.server_address[1], authority.file
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_document_over_tls(
    peers: Peers, balancer: Starts, registry: tuple[int, Path], tmp_path: Path
) -> None:
    """
    A registry is asked with a token, its certificate verified, and only what is new is sent.
    """
    member, (port, authority) = shop(peers), registry
    token = tmp_path / "token"
    token.write_text("wrong\n")
    line = (
        f"https://localhost:{port}/members.json interval=100ms token-file={token}"
        f" ca-file={authority} empty=remove missing=1 grace=0"
    )
    process = balancer(CONFIGURATION.format(line=line))
    until(lambda: "401" in report(process)["discovery"][0]["fault"], "the token is refused")
    Registry.document = {"members": [{"url": f"http://127.0.0.3:{member.port}", "route": "a"}]}
    token.write_text("sesame\n")
    until(lambda: body(process) == b"127.0.0.3", "the member is used")
    until(lambda: Registry.statuses.count(304) > 1, "nothing is sent twice")
    Registry.document = {"members": []}
    until(lambda: not report(process)["members"], "the member is gone")
    line = line.replace(f"ca-file={authority}", "")
    process.reload(CONFIGURATION.format(line=line))
    until(lambda: not report(process)["discovery"][0]["fine"], "an unknown CA is refused")
