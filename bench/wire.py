"""
What else goes over the wire: TLS, HTTP/2 and plain TCP, one proxy at a time.
"""

import contextlib
import datetime
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from bench.clients import sticky_requests
from bench.load import BROWSER, Load, request
from bench.measure import Bench, Sample
from bench.proxies import Proxy
from bench.proxies.base import which
from bench.site import COOKIE, BenchError, Wire, free_ports

HANDSHAKERS = 2
"""Programs that make connections at once, each one after the other."""

RESUMED = ("-reuse", "-tls1_2")
"""For OpenSSL's client: it resumes only what it got within the handshake, as in TLS 1.2."""

CONNECTIONS, STREAMS = 16, 8
"""Of HTTP/2: connections, and requests at once on each."""


def make_pem(path: Path) -> None:
    """
    Write a certificate for C{bench.test} with its key: RSA of 2048 bits, signed by itself.
    """
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench.test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("bench.test")]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    path.chmod(0o644)


def session(bench: Bench, proxy: Proxy) -> Sample:
    """
    All figures of one proxy in one round, from a fresh start; of those it can do.

    @raise BenchError: something does not work; its figures are left out with it.
    """
    pem = bench.folder / "bench.pem"
    if not pem.exists():
        make_pem(pem)
    tls, tcp = free_ports(2)
    wire = Wire(tls, tcp, pem)
    site = replace(bench.site(proxy.name), wire=wire)
    cookies = [proxy.cookie(member) for member in site.members]
    with bench.running(proxy, site) as child:
        texts = sticky_requests(cookies, ["/"])
        bench.wrk.run(wire.tls, texts, 1, bench.settings.connections, "https")
        found = bench.small(child, "tls", texts, wire.tls, "https")
        for kind, words in (("handshake", ("-new",)), ("resumed", RESUMED)):
            load = handshakes(wire.tls, bench.settings.seconds, words)
            found |= bench.counted(child, kind, load)
        found |= bench.big(child, "tlsbig", wire.tls, "https")
        found |= bench.counted(child, "h2", streams(wire.tls, cookies[0], bench.settings.seconds))
        if proxy.raw:
            texts = [request("/", [("Connection", "close")])]
            found |= bench.small(child, "tcp", texts, wire.tcp)
            found |= bench.big(child, "tcpbig", wire.tcp)
    return found


def handshakes(port: int, seconds: float, words: Sequence[str]) -> Callable[[], Load]:
    """
    A load of handshakes without a request.

    @param words: C{-new} for whole ones, or L{RESUMED}.

    @raise BenchError: there is no openssl.
    """
    length = str(max(1, round(seconds)))
    command = [_program("openssl", "openssl"), "s_time", "-connect", f"127.0.0.1:{port}"]
    command += [*words, "-time", length]

    def run() -> Load:
        with contextlib.ExitStack() as stack:
            running = [
                stack.enter_context(
                    subprocess.Popen(
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT,
                        text=True,
                    )
                )
                for _ in range(HANDSHAKERS)
            ]
            texts = [each.communicate(timeout=seconds + 30)[0] for each in running]
        made = [_number(r"(\d+) connections in \d+ real seconds", text, 1) for text in texts]
        return Load(sum(made), 0, float(length), 0.0, 0)

    return run


def streams(port: int, cookie: str, seconds: float) -> Callable[[], Load]:
    """
    A load of small requests with twelve headers over HTTP/2 under TLS.

    @raise BenchError: there is no h2load.
    """
    length = max(1, round(seconds))
    command = [_program("h2load", "nghttp2-client"), "-t1", f"-c{CONNECTIONS}", f"-m{STREAMS}"]
    for name, value in (*BROWSER, ("Cookie", f"theme=dark; {COOKIE}={cookie}")):
        command += ["-H", f"{name.lower()}: {value}"]
    command += [f"-D{length}", f"https://127.0.0.1:{port}/"]

    def run() -> Load:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds + 30, check=False
        )
        if "Application protocol: h2" not in done.stdout:
            raise BenchError(f"no HTTP/2:\n{done.stdout.strip()[-800:]}")
        # A load that ends by the clock leaves requests behind, which it counts as failed.
        failed = _number(r"(\d+) errored", done.stdout, 0)
        failed += _number(r"(\d+) 4xx", done.stdout, 0) + _number(r"(\d+) 5xx", done.stdout, 0)
        count = _number(r"(\d+) 2xx", done.stdout, 1)
        return Load(count, 0, float(length), 0.0, failed)

    return run


def _program(name: str, package: str) -> str:
    found = which(name)
    if found is None:
        raise BenchError(f"{name} is needed: apt-get install {package}")
    return found


def _number(pattern: str, text: str, least: int) -> int:
    found = re.search(pattern, text)
    if found is None or int(found[1]) < least:
        raise BenchError(f"the load failed:\n{text.strip()[-800:]}")
    return int(found[1])
