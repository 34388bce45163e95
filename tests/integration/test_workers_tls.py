"""
TLS where several processes carry the traffic: new certificates, tickets, clients' certificates.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.certificates import Authority, Pair
from tests.integration.conftest import Starts
from tests.integration.crowd import Client, workers
from tests.integration.process import BalancerProcess, until
from tests.peers import free_port

pytestmark = pytest.mark.integration

TEXT = """\
[txbalancer]
workers = 2
access-log = off
tls-watch = 100ms
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
[listener:secure]
endpoint = tcp:SECURE:interface=127.0.0.1
tls-certificate = CERTIFICATE
tls-key = KEY
MORE
[mount:/]
to = status:204
"""


class Secure(Client):
    """
    A connection under TLS that is kept, and has had an answer.
    """

    def __init__(self, port: int, context: ssl.SSLContext, session: object = None) -> None:
        super().__init__(port)
        # Not detached from it: its address tells the owner.
        self.socket = context.wrap_socket(self.socket, session=session)  # type: ignore[arg-type]
        assert self.ask("/") == 204

    @property
    def certificate(self) -> str:
        """
        What it was shown.
        """
        return ssl.DER_cert_to_PEM_cert(self.socket.getpeercert(True) or b"")


def trusting() -> ssl.SSLContext:
    """
    Return what a client needs that trusts everybody; its session is known with the handshake.
    """
    context = ssl._create_unverified_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """
    Return an authority of the test's own.
    """
    return Authority(tmp_path)


def begin(balancer: Starts, pair: Pair, more: str = "") -> tuple[BalancerProcess, int]:
    """
    Start two workers; return the port of their TLS, too.
    """
    port = free_port()
    text = TEXT.replace("SECURE", str(port)).replace("MORE", more)
    text = text.replace("CERTIFICATE", str(pair.certificate)).replace("KEY", str(pair.key))
    return balancer(text), port


@contextlib.contextmanager
def both(port: int, process: BalancerProcess) -> Iterator[list[Secure]]:
    """
    Keep two connections, one of each worker.
    """
    with ExitStack() as stack:
        made = [stack.enter_context(Secure(port, trusting())) for _ in "12"]
        owners = {each.owner(workers(process)) for each in made}
        assert len(owners) == 2
        yield made


def test_new_certificates_are_taken_by_all(balancer: Starts, authority: Authority) -> None:
    """
    A pair that is replaced on the disk all workers show soon, it is told once; connections that
    are open go on. So it is after a reload.
    """
    pair = authority.issue("one.example")
    process, port = begin(balancer, pair)
    for reload in (False, True):
        with both(port, process) as kept:
            before = kept[0].certificate
            fresh = authority.issue("one.example", stem="fresh")
            for mine, its in ((pair.key, fresh.key), (pair.certificate, fresh.certificate)):
                os.replace(its, mine)
            if reload:
                process.reload()
            wanted = pair.certificate.read_text()
            assert before != wanted
            until(lambda wanted=wanted: _shown(port) == [wanted] * 2, "both show it")
            assert [each.ask("/") for each in kept] == [204, 204]
    assert 1 <= process.log().count("taken from the disk") <= 2
    assert "Traceback" not in process.log()


def _shown(port: int) -> list[str]:
    with Secure(port, trusting()) as one, Secure(port, trusting()) as other:
        return [one.certificate, other.certificate]


def test_tickets(balancer: Starts, authority: Authority) -> None:
    """
    A client that comes back to its worker resumes its session; at another worker, which cannot
    read its ticket, it shakes hands in full and is served all the same.
    """
    process, port = begin(balancer, authority.issue("one.example"))
    context = trusting()
    with Secure(port, context) as first:
        session = first.socket.session
        owner = first.owner(workers(process))
        # Who has none gets the next one.
        with Secure(port, context, session) as second:
            assert second.owner(workers(process)) != owner
            assert not second.socket.session_reused
    assert session is not None
    until(lambda: _resumes(port, context, session), "it comes back to its worker")


def _resumes(port: int, context: ssl.SSLContext, session: object) -> bool:
    with Secure(port, context, session) as client:
        return bool(client.socket.session_reused)


def test_clients_need_certificates_in_all(balancer: Starts, authority: Authority) -> None:
    """
    Whichever worker has it, a client with a certificate is let in, and one without is not.
    """
    pair, mine = authority.issue("one.example"), authority.issue("Alice")
    more = f"tls-client-verify = require\ntls-client-ca = {authority.file}"
    process, port = begin(balancer, pair, more)
    known = trusting()
    known.load_cert_chain(mine.certificate, mine.key)
    with Secure(port, known) as one, Secure(port, known) as other:
        assert len({each.owner(workers(process)) for each in (one, other)}) == 2
        for _ in range(4):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                Secure(port, trusting())


def test_a_unix_sockets_client_under_tls(
    balancer: Starts, authority: Authority, tmp_path: Path
) -> None:
    """
    The service's own pages know by workers, too, whether it came under TLS: cookies say so.
    """
    pair, paths = authority.issue("one.example"), [tmp_path / "secure", tmp_path / "plain"]
    keys = f"tls-certificate = {pair.certificate}\ntls-key = {pair.key}"
    sections = [
        f"[listener:inner]\nendpoint = unix:{paths[0]}\n{keys}",
        f"[listener:plain]\nendpoint = unix:{paths[1]}",
        "[mount:/bm]\nto = manager:\nrequire = local",
    ]
    begin(balancer, pair, "\n".join(sections))
    for path in paths:
        with socket.socket(socket.AF_UNIX) as plain:
            plain.connect(str(path))
            client = trusting().wrap_socket(plain) if path == paths[0] else plain
            client.sendall(b"GET /bm HTTP/1.0\r\nHost: a\r\nAccept: text/html\r\n\r\n")
            answer = client.makefile("rb").read()
            client.close()
        (cookie,) = re.findall(rb"Set-Cookie: (.*)\r\n", answer)
        assert (b"Secure" in cookie) == (path == paths[0])
