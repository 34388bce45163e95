"""
Every kind of listener with two workers.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import ssl
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.certificates import Authority
from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.crowd import workers
from tests.integration.load import ECHO
from tests.integration.process import BalancerProcess, environment, status, twistd, until
from tests.peers import Peers, free_port, require

pytestmark = pytest.mark.integration

TEXT = """\
[txbalancer]
workers = 2
access-log = ACCESS
access-log-format = json
graceful-timeout = 5s
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
[listener:secure]
endpoint = tcp:{secure}:interface=127.0.0.1
tls-certificate = {pair.certificate}
tls-key = {pair.key}
[listener:proxied]
endpoint = tcp:{proxied}:interface=127.0.0.1
accept-proxy = 127.0.0.1
[listener:raw]
endpoint = tcp:{raw}:interface=127.0.0.1
mode = tcp
to = balancer://raw/
[listener:dns]
endpoint = udp:{dns}:interface=127.0.0.1
mode = udp
to = balancer://dns/
[balancer:a]
members = {member}
[balancer:raw]
members = tcp://127.0.0.1:{member_port}
[balancer:dns]
members = udp://127.0.0.1:{echo}
[mount:/metrics]
to = metrics:
[mount:/manager]
to = manager:
[mount:/]
to = balancer://a/
"""


@dataclass
class Setup:
    """
    A balancer with all kinds of listeners.
    """

    process: BalancerProcess
    authority: Authority
    ports: dict[str, int]

    @property
    def log(self) -> str:
        """
        What it printed.
        """
        return self.process.log()


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    """
    Answer datagrams with themselves.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind(("127.0.0.1", 0))

        def answer() -> None:
            while True:
                data, client = here.recvfrom(2000)
                if not data:
                    return
                here.sendto(data, client)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        port = here.getsockname()[1]
        yield port
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", port))
        thread.join(5.0)


@pytest.fixture(scope="module")
def setup(
    module_peers: Peers,
    module_balancer: Starts,
    tmp_path_factory: pytest.TempPathFactory,
    echo: int,
) -> Setup:
    """
    Start it.
    """
    authority = Authority(tmp_path_factory.mktemp("authority"))
    member = module_peers.nginx(f"location / {{ {ECHO.replace('NAME', 'a')} }}")
    ports = {name: free_port() for name in ("secure", "proxied", "raw", "dns")}
    text = TEXT.format(
        **ports,
        pair=authority.issue("localhost"),
        member=member.url,
        member_port=member.port,
        echo=echo,
    )
    return Setup(module_balancer(text), authority, ports)


def test_http2_under_tls(setup: Setup) -> None:
    """
    Clients of HTTP/2 are served under TLS, whichever worker has them.
    """
    port = setup.ports["secure"]
    command = [require("curl"), "--silent", "--show-error", "--http2", "--max-time", "20"]
    command += ["--noproxy", "*", "--cacert", str(setup.authority.file), "-w", "%{http_version}"]
    for number in range(6):
        done = subprocess.run(
            [*command, f"https://localhost:{port}/?id={number}"], capture_output=True, timeout=30
        )
        assert done.stdout.decode() == f"{number} a\n2", done.stderr


def test_a_proxy_before(setup: Setup) -> None:
    """
    What a PROXY header says is read by the worker that serves, also where another had accepted.
    """
    with contextlib.ExitStack() as stack:
        for number in range(12):
            client = stack.enter_context(
                socket.create_connection(("127.0.0.1", setup.ports["proxied"]), 15.0)
            )
            head = f"PROXY TCP4 192.0.2.{number + 1} 192.0.2.100 4000 80\r\n"
            client.sendall(f"{head}GET /proxied?id={number} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert client.recv(2000).endswith(b"%d a\n" % number)
    for number in range(12):
        record = setup.process.record(f"/proxied?id={number}")
        assert record["client"] == f"192.0.2.{number + 1}"


def test_connections(setup: Setup) -> None:
    """
    Connections that are only passed on reach the member, many at a time.
    """
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", setup.ports["raw"]), 15.0))
            for _ in range(16)
        ]
        for number, each in enumerate(clients):
            each.sendall(b"GET /?id=%d HTTP/1.1\r\nHost: a\r\n\r\n" % number)
        for number, each in enumerate(clients):
            assert each.recv(2000).endswith(b"%d a\n" % number)


def test_datagrams(setup: Setup) -> None:
    """
    Clients of UDP keep their session: each has its answers, from where it asked.
    """
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(16):
            each = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            each.settimeout(15.0)
            each.connect(("127.0.0.1", setup.ports["dns"]))
            clients.append(each)
        for turn in range(3):
            for number, each in enumerate(clients):
                each.send(b"%d %d" % (turn, number))
            for number, each in enumerate(clients):
                assert each.recv(100) == b"%d %d" % (turn, number)


def test_pages_come_through_workers(setup: Setup) -> None:
    """
    The supervisor's pages are served through whichever worker has the client, streams and forms
    included.
    """
    base = f"http://127.0.0.1:{setup.process.port}"
    for _ in range(4):
        assert ask(f"{base}/metrics").status == 200
        assert b"balancer" in ask(f"{base}/manager").body
    with socket.create_connection(("127.0.0.1", setup.process.port), 15.0) as client:
        client.sendall(
            b"GET /manager/api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Accept: text/event-stream\r\n\r\n"
        )
        data = b""
        while b"\n\n" not in data.partition(b"\r\n\r\n")[2]:
            more = client.recv(65536)
            assert more, data
            data += more
        assert data.startswith(b"HTTP/1.1 200"), data[:300]


def test_systemds_socket_is_shared(balancer: Starts, peers: Peers) -> None:
    """
    A socket that systemd opened is served by all workers.
    """
    process = balancer(
        "[txbalancer]\nworkers = 2\naccess-log = off\n[listener:web]\n"
        "endpoint = systemd:domain=INET:index=0\n[mount:/]\nto = status:204\n",
        start=False,
    )
    passed = [f"-E{name}={process.env[name]}" for name in ("PYTHONPATH", "NOTIFY_SOCKET")]
    passed.append(f"-ERUNTIME_DIRECTORY={process.folder}")
    activate = require("systemd-socket-activate")
    process.launch(activate, "--fdname=web", f"--listen=127.0.0.1:{process.port}", *passed)
    until(lambda: "Listening" in process.log(), "systemd's tool listens")
    assert status(process) == 204, process.log()
    assert process.told().startswith(b"READY=1")
    assert {status(process) for _ in range(8)} == {204}
    assert process.terminate() == 0


@pytest.fixture
def passable(tmp_path: Path) -> Iterator[None]:
    """
    Let others pass through the folders of pytest.
    """
    before = {each: each.stat().st_mode for each in tmp_path.parents[:2]}
    for each in before:
        each.chmod(0o711)
    yield
    for each, mode in before.items():
        each.chmod(mode)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.usefixtures("passable")
def test_another_user(balancer: Starts) -> None:
    """
    Workers and supervisor serve as the user to whom twistd changes, on a port that was opened
    before; the log is that user's.
    """
    process = balancer(
        "[txbalancer]\nworkers = 2\naccess-log = ACCESS\n[listener:web]\n"
        "endpoint = tcp:PORT:interface=127.0.0.1\n[mount:/]\nto = status:204\n",
        start=False,
    )
    nobody = pwd.getpwnam("nobody")
    process.folder.chmod(0o777)
    for each in process.folder.parents:
        if each.is_relative_to(tempfile.gettempdir()) and each.stat().st_uid == os.getuid():
            each.chmod(each.stat().st_mode | 0o011)
    with (process.folder / "output.log").open("ab") as output:
        process.process = subprocess.Popen(
            [
                *twistd("--nodaemon", "--pidfile=", f"--uid={nobody.pw_uid}"),
                *(f"--gid={nobody.pw_gid}", "txbalancer", "-c", str(process.config)),
            ],
            cwd=process.folder,
            env={**process.env, **environment(), "HOME": "/"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    assert process.told(30.0).startswith(b"READY=1"), process.log()
    assert status(process) == 204
    for pid in (process.pid, *workers(process).values()):
        assert Path(f"/proc/{pid}").stat().st_uid == nobody.pw_uid
    assert process.access.stat().st_uid == nobody.pw_uid
    assert process.terminate() == 0


def test_tickets_of_one_worker(setup: Setup) -> None:
    """
    A client that offers the session of another worker is served, after a whole handshake.
    """
    context = ssl.create_default_context(cafile=str(setup.authority.file))
    session: ssl.SSLSession | None = None
    kinds: Counter[bool | None] = Counter()
    for _ in range(8):
        with (
            socket.create_connection(("127.0.0.1", setup.ports["secure"]), 15.0) as plain,
            context.wrap_socket(plain, server_hostname="localhost", session=session) as secure,
        ):
            secure.sendall(b"GET /?id=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert secure.recv(2000).startswith(b"HTTP/1.1 200")
            kinds[secure.session_reused] += 1
            session = secure.session
    assert sum(kinds.values()) == 8
