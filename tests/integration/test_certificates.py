"""
Certificates by name, new ones under load, those of clients, and what a listener says of https:,
with real clients.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.integration.certificates import Authority, Pair
from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.process import until
from tests.peers import Peers, free_port, require

pytestmark = [pytest.mark.integration, pytest.mark.peers]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """
    Return an authority of the test's own.
    """
    return Authority(tmp_path)


def listening(port: int, more: str, pairs: list[Pair]) -> str:
    """
    Write a listener.
    """
    text = f"[listener:secure]\nendpoint = tcp:{port}:interface=127.0.0.1\n{more}\n"
    if pairs:
        text += "tls-certificate =\n" + "".join(f"    {each.certificate}\n" for each in pairs)
        text += "tls-key =\n" + "".join(f"    {each.key}\n" for each in pairs)
    return text


ANSWER = "[mount:/]\nto = status:204\n"


def head(form: str = "json") -> str:
    """
    Write the beginning of a configuration whose certificates are looked at often.
    """
    return (
        f"[txbalancer]\naccess-log = ACCESS\naccess-log-format = {form}\ntls-watch = 100ms\n"
        "graceful-timeout = 5s\n[listener:web]\nendpoint = tcp:PORT:interface=127.0.0.1\n"
    )


def s_client(port: int, *words: str) -> str:
    """
    Ask with OpenSSL's own client, and return all that it says.
    """
    done = subprocess.run(
        [require("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.stdout + done.stderr


def test_openssl_is_shown_what_it_asks_for(
    balancer: Starts, authority: Authority, tmp_path: Path
) -> None:
    """
    Names choose, so do signature algorithms; an unknown name is refused with tls-strict-sni;
    the OCSP answer is stapled.
    """
    one = authority.issue("one.example")
    rsa = authority.issue("one.example", rsa_key=True, stem="rsa")
    star = authority.issue("*.two.example")
    one.certificate.write_bytes(one.certificate.read_bytes() + authority.file.read_bytes())
    authority.staple(one)
    port = free_port()
    balancer(listening(port, "tls-strict-sni = On", [one, rsa, star]) + ANSWER)
    trusted = ("-CAfile", str(authority.file), "-verify_return_error")
    found = s_client(port, "-servername", "a.two.example", *trusted)
    assert "CN = *.two.example" in found
    assert "Verify return code: 0" in found
    found = s_client(port, "-servername", "one.example", "-sigalgs", "rsa_pss_rsae_sha256")
    assert "Peer signature type: RSA-PSS" in found
    found = s_client(port, "-servername", "one.example", "-status", *trusted)
    assert "Peer signature type: ECDSA" in found
    assert "OCSP Response Status: successful" in found
    assert "no peer certificate available" in s_client(port, "-servername", "other.example")
    assert "no peer certificate available" in s_client(port, "-noservername")


class Handshakers:
    """
    Clients that connect, ask and close without end, each name in turn.
    """

    def __init__(self, port: int, authority: Authority, names: list[str]) -> None:
        self.done = 0
        self.failures: list[str] = []
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(port, authority, name), daemon=True)
            for name in names
        ]

    def __enter__(self) -> Handshakers:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for each in self._threads:
            each.join(30)

    def _run(self, port: int, authority: Authority, name: str) -> None:
        context = ssl.create_default_context(cafile=str(authority.file))
        session: ssl.SSLSession | None = None
        while not self._over.is_set():
            try:
                with (
                    socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
                    context.wrap_socket(plain, server_hostname=name, session=session) as secure,
                ):
                    secure.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    assert secure.recv(4096).startswith(b"HTTP/1.1 204")
                    session = secure.session if self.done % 3 else None
                self.done += 1
            except Exception as error:
                self.failures.append(f"{name}: {error!r}")
                return


def test_new_certificates_under_load(
    balancer: Starts, authority: Authority, tmp_path: Path
) -> None:
    """
    While clients shake hands without end, certificates are replaced on the disk and reloads
    asked for: no handshake fails, and the last certificate is shown.
    """
    folder = tmp_path / "certificates"
    folder.mkdir()
    names = ["one.example", "two.example", "three.example"]

    def renew(name: str) -> Pair:
        pair = authority.issue(name)
        path = folder / f"{name}.pem"
        path.with_suffix(".new").write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
        os.replace(path.with_suffix(".new"), path)
        return pair

    for name in names:
        renew(name)
    port = free_port()
    process = balancer(head() + listening(port, f"tls-certificates = {folder}", []) + ANSWER)
    with Handshakers(port, authority, names) as clients:
        for turn in range(6):
            last = {name: renew(name) for name in names}
            until(lambda turn=turn: clients.done > 20 * (turn + 1), "handshakes")
            if turn % 2:
                process.reload()
            for name, pair in last.items():
                until(
                    lambda name=name, pair=pair: shown(port, name) == pair.certificate.read_text(),
                    f"the last certificate of {name}",
                )
    assert clients.failures == []
    assert "taken from the disk" in process.log()


def shown(port: int, name: str) -> str:
    """
    Return the certificate that a name gets, as PEM.
    """
    context = ssl._create_unverified_context()
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        return ssl.DER_cert_to_PEM_cert(secure.getpeercert(True) or b"")


def test_a_bad_certificate_is_not_taken(balancer: Starts, authority: Authority) -> None:
    """
    A key that does not fit leaves the former pair in force, says so once in log and metrics,
    and is forgotten when the right one is there.
    """
    pair = authority.issue("one.example")
    port = free_port()
    process = balancer(head() + listening(port, "", [pair]) + "[mount:/metrics]\nto = metrics:\n")
    before = shown(port, "one.example")
    key = pair.key.read_bytes()
    authority.issue("one.example")
    right = pair.key.read_bytes()
    pair.key.write_bytes(key)
    until(lambda: "what was there before stays" in process.log(), "a line about the fault")
    assert shown(port, "one.example") == before
    text = ask(f"http://127.0.0.1:{process.port}/metrics").body.decode()
    assert (
        'txbalancer_listener_certificate_renewals_total{listener="secure",result="failed"} 1'
        in text
    )
    assert "txbalancer_listener_certificate_days_left" in text
    time.sleep(0.5)
    assert process.log().count("what was there before stays") == 1
    pair.key.write_bytes(right)
    until(lambda: shown(port, "one.example") == pair.certificate.read_text(), "the new one")


def curl(port: int, url: str, *words: str) -> subprocess.CompletedProcess[str]:
    """
    Ask with curl.
    """
    return subprocess.run(
        [
            *(require("curl"), "--silent", "--show-error", "--max-time", "20", "--noproxy", "*"),
            *("--resolve", f"one.example:{port}:127.0.0.1", *words, url),
        ],
        capture_output=True,
        text=True,
        timeout=30,
    )


ECHO = (
    'location / { return 200 "$http_x_ssl_client_verify|$http_x_ssl_client_s_dn|$http_x_mine\\n"; }'
)


def test_members_are_told_of_clients_certificates(
    balancer: Starts, peers: Peers, authority: Authority, tmp_path: Path
) -> None:
    """
    curl with a certificate is named to the member and in the log; who has none is not, and
    nobody can claim it, on no listener. A revoked one stays out.
    """
    pair, client = authority.issue("one.example"), authority.issue("Alice, of the test")
    revoked = authority.issue("Mallory")
    crl = authority.revoke(revoked)
    nginx = peers.nginx(ECHO)
    port = free_port()
    options = (
        f"tls-client-verify = optional\ntls-client-ca = {authority.file}\n"
        f"tls-client-crl = {crl}\ntls-client-headers = On"
    )
    process = balancer(
        head("%U %{SSL_CLIENT_S_DN_CN}x %{SSL_CLIENT_VERIFY}x")
        + listening(port, options, [pair])
        + f"[mount:/]\nto = http://127.0.0.1:{nginx.port}/\n"
        + "requestheader = set X-Mine %{SSL_PROTOCOL}s\n"
    )
    url = f"https://one.example:{port}/a"
    trusted = ("--cacert", str(authority.file))
    mine = (*trusted, "--cert", str(client.certificate), "--key", str(client.key))
    forged = ("-H", "X-SSL-Client-S-DN: CN=root", "-H", "x_ssl_client_verify: SUCCESS")
    found = curl(port, url, *mine, *forged, "--http1.1")
    assert (found.stderr, found.stdout) == ("", "SUCCESS|CN=Alice\\, of the test|TLSv1.3\n")
    found = curl(port, url, *trusted, *forged)
    assert found.stdout == "NONE||TLSv1.3\n"
    plain = curl(port, f"http://127.0.0.1:{process.port}/b", *forged)
    assert plain.stdout == "||(null)\n"
    theirs = (*trusted, "--cert", str(revoked.certificate), "--key", str(revoked.key))
    assert curl(port, url, *theirs).returncode != 0
    until(lambda: process.access.read_text().count("\n") >= 3, "the log")
    assert process.access.read_text().splitlines() == [
        "/a Alice, of the test SUCCESS",
        "/a - NONE",
        "/b - -",
    ]


def test_browsers_are_led_to_https(balancer: Starts, authority: Authority) -> None:
    """
    A plain listener sends everything to https:, which asks browsers to come there at once.
    """
    pair = authority.issue("one.example")
    port, plain = free_port(), free_port()
    balancer(
        listening(port, "hsts = 365d\nhsts-subdomains = On", [pair])
        + f"[listener:plain]\nendpoint = tcp:{plain}:interface=127.0.0.1\n"
        + f"redirect-to-https = {port}\n[mount:/]\nto = status:204\n"
    )
    answer = ask(f"http://127.0.0.1:{plain}/a/b?c=d")
    assert (answer.status, answer.header("location")) == (301, f"https://127.0.0.1:{port}/a/b?c=d")
    assert ask(f"http://127.0.0.1:{plain}/a", "POST", b"x").status == 308
    context = ssl._create_unverified_context()
    answer = ask(f"https://127.0.0.1:{port}/", "GET", None, context)
    told = answer.header("strict-transport-security")
    assert (answer.status, told) == (204, "max-age=31536000; includeSubDomains")
    found = curl(port, f"https://one.example:{port}/", "--insecure", "--http2", "-i")
    assert "strict-transport-security: max-age=31536000; includeSubDomains" in found.stdout


def test_a_members_new_authority_is_taken(
    balancer: Starts, peers: Peers, authority: Authority, tmp_path: Path
) -> None:
    """
    The file of CAs for members is looked at as well: a member that it does not vouch for yet
    is asked as soon as it does.
    """
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    pair = other.issue("localhost")
    port = free_port()
    peers.nginx(
        f"listen 127.0.0.1:{port} ssl;\nssl_certificate {pair.certificate};\n"
        f"ssl_certificate_key {pair.key};\nlocation / {{ return 204; }}"
    )
    trusted = tmp_path / "trusted.pem"
    shutil.copy(authority.file, trusted)
    process = balancer(
        head()
        + f"[balancer:b]\nmembers = https://localhost:{port} sslproxycacertificatefile={trusted}"
        + " retry=0\n[mount:/]\nto = balancer://b/\n"
    )
    assert ask(f"http://127.0.0.1:{process.port}/").status == 502
    shutil.copy(other.file, trusted)
    until(lambda: ask(f"http://127.0.0.1:{process.port}/").status == 204, "the member's answer")
