"""
TLS towards clients and members, with certificates of an authority made for the test.
"""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.certificates import Authority, Pair
from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.process import BalancerProcess
from tests.peers import Peers, free_port, require

pytestmark = [pytest.mark.integration, pytest.mark.peers]


@dataclass(frozen=True, slots=True)
class Setup:
    """
    A balancer with a plain and a TLS listener; mounts differ in how they check the member.
    """

    process: BalancerProcess
    authority: Authority
    secure: int


def tls(port: int, pair: Pair) -> str:
    """
    Write the directives of an nginx listener with TLS.
    """
    return (
        f"listen 127.0.0.1:{port} ssl;\nssl_certificate {pair.certificate};\n"
        f"ssl_certificate_key {pair.key};\n"
        'location / { return 200 "$scheme $ssl_server_name $http_x_forwarded_proto"; }'
    )


MOUNTS = {
    "good": "https://localhost:{port} sslproxycacertificatefile={ours}",
    "wrong-name": "https://127.0.0.1:{port} sslproxycacertificatefile={ours}",
    "unknown-ca": "https://localhost:{port} sslproxycacertificatefile={other}",
    "system-ca": "https://localhost:{port}",
    "name-unchecked": "https://127.0.0.1:{port} sslproxycacertificatefile={ours}"
    " sslproxycheckpeername=off",
    "name-only": "https://localhost:{port} sslproxyverify=none",
    "wrong-name-only": "https://127.0.0.1:{port} sslproxyverify=none",
    "unchecked": "https://127.0.0.1:{port} sslproxyverify=none sslproxycheckpeername=off",
    "plain": "https://127.0.0.1:{plain} sslproxyverify=none sslproxycheckpeername=off",
}


@pytest.fixture(scope="module")
def setup(
    module_peers: Peers, module_balancer: Starts, tmp_path_factory: pytest.TempPathFactory
) -> Setup:
    """
    Start nginx with TLS and a balancer before it.
    """
    folder = tmp_path_factory.mktemp("tls")
    authority, other = Authority(folder), Authority(folder, "Other CA")
    port, secure = free_port(), free_port()
    nginx = module_peers.nginx(tls(port, authority.issue("localhost")))
    front = authority.issue("shop.example", "127.0.0.1")
    values = {"port": port, "plain": nginx.port, "ours": authority.file, "other": other.file}
    text = (
        f"[listener:secure]\nendpoint = tcp:{secure}:interface=127.0.0.1\n"
        f"tls-certificate = {front.certificate}\ntls-key = {front.key}\n"
    )
    for name, member in MOUNTS.items():
        text += f"[balancer:{name}]\nmembers = {member.format(**values)}\n"
        text += f"[mount:/{name}]\nto = balancer://{name}/\n"
    return Setup(module_balancer(text), authority, secure)


@pytest.mark.parametrize(
    ("mount", "told"),
    [
        ("good", b"https localhost http"),
        ("name-unchecked", b"https  http"),
        ("name-only", b"https localhost http"),
        ("unchecked", b"https  http"),
    ],
)
def test_member_that_passes_its_checks(setup: Setup, mount: str, told: bytes) -> None:
    """
    A member whose certificate passes what is demanded of it gets the request; SNI names its host.
    """
    answer = ask(f"http://127.0.0.1:{setup.process.port}/{mount}/")
    assert (answer.status, answer.body) == (200, told)


@pytest.mark.parametrize(
    "mount", ["wrong-name", "unknown-ca", "system-ca", "wrong-name-only", "plain"]
)
def test_member_that_fails_its_checks(setup: Setup, mount: str) -> None:
    """
    A certificate of another name or authority, or no TLS at all, is 502 for the reason
    tls-failed, and nothing of the request is sent.
    """
    answer = ask(f"http://127.0.0.1:{setup.process.port}/{mount}/secret")
    assert answer.status == 502
    assert b"certificate" not in answer.body
    record = setup.process.record(f"/{mount}/secret")
    assert record["reason"] == "tls-failed"
    assert [each["reason"] for each in record["tried"]] == ["tls-failed"]


def test_curl_trusts_the_listener(setup: Setup) -> None:
    """
    curl with the authority's certificate accepts the listener, by name and by address.
    """
    for host in ("shop.example", "127.0.0.1"):
        url = f"https://{host}:{setup.secure}/good/"
        done = subprocess.run(
            [
                *(
                    require("curl"),
                    "--silent",
                    "--show-error",
                    "--max-time",
                    "20",
                    "--noproxy",
                    "*",
                ),
                *("--cacert", str(setup.authority.file)),
                *("--resolve", f"shop.example:{setup.secure}:127.0.0.1", url),
            ],
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "https localhost https"


def test_curl_without_the_authority_refuses(setup: Setup) -> None:
    """
    curl does not accept a certificate whose authority it does not know.
    """
    url = f"https://127.0.0.1:{setup.secure}/good/"
    done = subprocess.run(
        [require("curl"), "--silent", "--max-time", "20", "--noproxy", "*", url],
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 60


def test_old_tls_is_refused(setup: Setup) -> None:
    """
    TLS 1.1 gets no further than the handshake; 1.2 and 1.3 are spoken.
    """
    url = f"https://127.0.0.1:{setup.secure}/good/"
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=setup.authority.file)
        context.minimum_version = context.maximum_version = version
        assert ask(url, "GET", None, context).status == 200
    done = subprocess.run(
        [
            *(require("curl"), "--silent", "--insecure", "--max-time", "20", "--noproxy", "*"),
            *("--tlsv1.1", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", url),
        ],
        capture_output=True,
        timeout=30,
    )
    assert done.returncode == 35


def test_big_bodies_under_tls(setup: Setup, peers: Peers, tmp_path: Path) -> None:
    """
    Megabytes go up and down through TLS on both sides, byte by byte.
    """
    body = bytes(range(256)) * 20_000
    store = peers.folder()
    port = free_port()
    peers.nginx(
        tls(port, setup.authority.issue("localhost")).partition("location")[0]
        + f"client_max_body_size 0;\nroot {store};\nlocation / {{ dav_methods PUT; }}"
    )
    process = setup.process
    before = process.config.read_text()
    process.reload(
        before
        + f"[balancer:store]\nmembers = https://localhost:{port}"
        + f" sslproxycacertificatefile={setup.authority.file}\n"
        + "[mount:/store]\nto = balancer://store\n"
    )
    context = ssl.create_default_context(cafile=setup.authority.file)
    url = f"https://127.0.0.1:{setup.secure}/store/file.bin"
    assert ask(url, "PUT", body, context).status == 201
    assert (store / "file.bin").read_bytes() == body
    assert ask(url, "GET", None, context).body == body


def test_reload_takes_a_renewed_certificate(balancer: Starts, setup: Setup, tmp_path: Path) -> None:
    """
    After a reload new connections get the certificate that is in the file now.
    """
    secure = free_port()
    authority = setup.authority
    pair = authority.issue("one.example")
    process = balancer(
        f"[listener:secure]\nendpoint = tcp:{secure}:interface=127.0.0.1\n"
        f"tls-certificate = {pair.certificate}\ntls-key = {pair.key}\n"
        "[mount:/]\nto = status:204\n"
    )
    before = ssl.get_server_certificate(("127.0.0.1", secure), timeout=10)
    assert before == pair.certificate.read_text()
    authority.issue("one.example")
    assert "reload done" in process.reload()
    after = ssl.get_server_certificate(("127.0.0.1", secure), timeout=10)
    assert after == pair.certificate.read_text() != before
