"""
HTTP/2 with real clients and members: curl, nghttp, h2load; nginx and nghttpx.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.certificates import Authority, Pair
from tests.integration.conftest import Starts
from tests.integration.process import BalancerProcess, until
from tests.peers import Peer, Peers, free_port, require

pytestmark = [pytest.mark.integration, pytest.mark.peers]

SIZE = 3_000_000


@dataclass(frozen=True, slots=True)
class Setup:
    """
    A balancer with a plain and a TLS listener, and a mount for each kind of member.
    """

    process: BalancerProcess
    authority: Authority
    secure: int
    body: bytes

    def plain_url(self, path: str) -> str:
        """
        Return a URL of the plain listener.
        """
        return f"http://127.0.0.1:{self.process.port}{path}"

    def secure_url(self, path: str) -> str:
        """
        Return a URL of the TLS listener.
        """
        return f"https://localhost:{self.secure}{path}"


def nginx(peers: Peers, folder: Path, pair: Pair, secure: int, plain: int) -> Peer:
    """
    Start nginx with HTTP/1.1, HTTP/2 without TLS, and HTTP/2 with TLS.
    """
    return peers.nginx(
        f"listen 127.0.0.1:{plain} http2;\nlisten 127.0.0.1:{secure} ssl http2;\n"
        f"ssl_certificate {pair.certificate};\nssl_certificate_key {pair.key};\n"
        "client_max_body_size 10m;\n"
        f"location /big {{ alias {folder}/big; }}\n"
        'location / { return 200 "$server_protocol $request_method'
        ' $http_x_own$content_length\\n"; }\n'
        # What only answers does so before it has read the body.
        f"listen unix:{folder}/inside;\n"
        f"location /up {{ proxy_pass http://unix:{folder}/inside:/; }}\n"
    )


def nghttpx(peers: Peers, backend: int, proto: str = "http/1.1") -> Peer:
    """
    Start nghttpx, which speaks HTTP/2 without TLS on its port.
    """
    folder, port = peers.folder(), free_port()
    command = [
        require("nghttpx"),
        "--conf=/dev/null",
        f"--frontend=127.0.0.1,{port};no-tls",
        f"--backend=127.0.0.1,{backend};;proto={proto}",
        "--workers=1",
        "--errorlog-file=/dev/stderr",
    ]
    if os.getuid() == 0:
        command.append("--user=root")
    return peers.start("nghttpx", command, port, folder)


@pytest.fixture(scope="module")
def setup(
    module_peers: Peers, module_balancer: Starts, tmp_path_factory: pytest.TempPathFactory
) -> Setup:
    """
    Start members and a balancer before them.
    """
    require("nghttpx")
    folder = tmp_path_factory.mktemp("http2")
    folder.chmod(0o755)
    body = os.urandom(SIZE)
    (folder / "big").write_bytes(body)
    authority = Authority(folder)
    secure, plain = free_port(), free_port()
    member = nginx(module_peers, folder, authority.issue("localhost"), secure, plain)
    proxy = nghttpx(module_peers, member.port)
    front = authority.issue("localhost")
    own = free_port()
    checked = "hcmethod=GET hcuri=/ hcinterval=0.5 hcfails=1"
    members = {
        "one": f"http://127.0.0.1:{member.port}",
        # A check that failed would be seen by the tests that follow.
        "h2c": f"h2c://127.0.0.1:{plain} {checked}",
        "h2": f"h2://localhost:{secure} sslproxycacertificatefile={authority.file} {checked}",
        "wrong": f"h2://localhost:{secure}",
        "old": f"h2://localhost:{own} sslproxyverify=none",
        "nghttpx": f"h2c://127.0.0.1:{proxy.port}",
    }
    old = module_peers.nginx(
        f"listen 127.0.0.1:{own} ssl;\nssl_certificate {front.certificate};\n"
        f"ssl_certificate_key {front.key};\nlocation / {{ return 200; }}"
    )
    assert old.process is not None
    text = (
        "[txbalancer]\naccess-log = ACCESS\naccess-log-format = json\n"
        "[listener:web]\nendpoint = tcp:PORT:interface=127.0.0.1\nh2c = on\n"
    )
    listen = free_port()
    text += (
        f"[listener:secure]\nendpoint = tcp:{listen}:interface=127.0.0.1\n"
        f"tls-certificate = {front.certificate}\ntls-key = {front.key}\n"
    )
    text += "[mount:/metrics]\nto = metrics:\n"
    for name, url in members.items():
        text += f"[balancer:{name}]\nmembers = {url}\n[mount:/{name}]\nto = balancer://{name}/\n"
    return Setup(module_balancer(text), authority, listen, body)


def curl(setup: Setup, *arguments: str) -> bytes:
    """
    Run curl and return what it printed.
    """
    done = subprocess.run(
        [
            *(require("curl"), "--silent", "--show-error", "--max-time", "20", "--noproxy", "*"),
            *("--cacert", str(setup.authority.file), *arguments),
        ],
        capture_output=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


MEMBERS = ("one", "h2c", "h2", "nghttpx")


@pytest.mark.parametrize("member", MEMBERS)
def test_curl_by_http2(setup: Setup, member: str) -> None:
    """
    curl gets its answer by HTTP/2, agreed on within TLS or known before, from any member.
    """
    told = "\\n%{http_version}"
    for arguments in (
        ("--http2", setup.secure_url(f"/{member}/")),
        ("--http2-prior-knowledge", setup.plain_url(f"/{member}/")),
    ):
        got = curl(setup, "-H", "X-Own: yes", "-w", told, *arguments)
        speaks = b"HTTP/2.0" if member in ("h2c", "h2") else b"HTTP/1.1"
        assert got == speaks + b" GET yes\n\n2"
    assert curl(setup, "--http1.1", "-w", told, setup.secure_url("/one/"))[-3:] == b"1.1"


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_large_answers(setup: Setup, member: str, version: str) -> None:
    """
    A large body arrives as it was.
    """
    assert curl(setup, version, setup.secure_url(f"/{member}/big")) == setup.body


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_large_requests(setup: Setup, member: str, version: str, tmp_path: Path) -> None:
    """
    So does one in the other direction; the member answers when it has it.
    """
    file = tmp_path / "body"
    file.write_bytes(setup.body)
    got = curl(setup, version, "--data-binary", f"@{file}", setup.secure_url(f"/{member}/up"))
    assert got.split() == [b"HTTP/1.0", b"POST", b"%d" % SIZE]


@pytest.mark.parametrize("mount", ["wrong", "old"])
def test_members_that_are_not_as_they_should(setup: Setup, mount: str) -> None:
    """
    A certificate that is not trusted, and a member that does not agree on HTTP/2.
    """
    got = curl(
        setup, "--http2", "-w", "%{http_code}", "-o", "/dev/null", setup.secure_url(f"/{mount}/x")
    )
    assert got == b"502"
    assert setup.process.record(f"/{mount}/x")["reason"] == "tls-failed"


def test_nghttp(setup: Setup) -> None:
    """
    Many requests on one connection, with priorities, padding and trailers, verified.
    """
    done = subprocess.run(
        [
            *(require("nghttp"), "--null-out", "--stat", "--padding=64", "--trailer=x-sum: 1"),
            *("--multiply=20", "--timeout=10", setup.secure_url("/h2c/big")),
        ],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0
    assert len(re.findall(r" 200 +2?[0-9]*M? ?/h2c/big", done.stdout)) == 20, done.stdout


@pytest.mark.parametrize("member", MEMBERS)
def test_h2load(setup: Setup, member: str) -> None:
    """
    Thousands of requests, ten at a time on each of ten connections, all answered.
    """
    for url in (setup.plain_url(f"/{member}/"), setup.secure_url(f"/{member}/")):
        done = subprocess.run(
            [require("h2load"), "-n", "1000", "-c", "10", "-m", "10", url],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "1000 succeeded, 0 failed, 0 errored, 0 timeout" in done.stdout


def test_nghttpx_as_a_client(setup: Setup, module_peers: Peers) -> None:
    """
    Another proxy can stand before this one.
    """
    front = nghttpx(module_peers, setup.process.port, "h2")
    got = curl(setup, "--http1.1", f"{front.url}/h2c/")
    assert got.startswith(b"HTTP/2.0 GET")
    assert curl(setup, "--http2-prior-knowledge", f"{front.url}/h2/big") == setup.body


def test_checks(setup: Setup) -> None:
    """
    Members of HTTP/2 are asked by HTTP/2, within TLS and without, and found to be well.
    """

    def probes() -> bool:
        page = curl(setup, "--http2", setup.secure_url("/metrics")).decode()
        passed = re.findall(
            r'txbalancer_member_probes_total{balancer="h2c?",[^}]*result="passed"} (\d+)', page
        )
        return len(passed) == 2 and all(int(each) > 2 for each in passed)

    until(probes, "three checks of each that passed")


def test_the_access_log(setup: Setup) -> None:
    """
    A record says which HTTP it was.
    """
    curl(setup, "--http2", setup.secure_url("/one/logged"))
    assert setup.process.record("/one/logged")["version"] == "2.0"


def test_a_stop_while_answers_are_on_their_way(
    module_peers: Peers, balancer: Starts, tmp_path: Path
) -> None:
    """
    Clients get what they asked for, and a goodbye.
    """
    member = module_peers.nginx(
        "location / { limit_rate 400k; root DOCS; }".replace("DOCS", str(tmp_path))
    )
    tmp_path.chmod(0o755)
    (tmp_path / "slow").write_bytes(b"x" * 800_000)
    process = balancer(
        "[txbalancer]\naccess-log = ACCESS\naccess-log-format = json\ngraceful-timeout = 20s\n"
        "[listener:web]\nendpoint = tcp:PORT:interface=127.0.0.1\nh2c = on\n"
        f"[balancer:shop]\nmembers = {member.url}\n[mount:/]\nto = balancer://shop/\n"
    )
    client = subprocess.Popen(
        [
            *(require("curl"), "--silent", "--http2-prior-knowledge", "--max-time", "20"),
            *("--noproxy", "*", "-w", "%{size_download}", "-o", str(tmp_path / "got")),
            f"http://127.0.0.1:{process.port}/slow",
        ],
        stdout=subprocess.PIPE,
    )
    until(lambda: (tmp_path / "got").exists() and (tmp_path / "got").stat().st_size, "a byte")
    process.stop()
    told, _ = client.communicate(timeout=30)
    assert (client.returncode, told) == (0, b"800000")
