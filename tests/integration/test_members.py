"""
Apache and nginx as members: what they serve comes through unchanged.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import random
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.client import Answer, ask
from tests.integration.conftest import Starts
from tests.integration.process import BalancerProcess, until
from tests.peers import Peer, Peers, free_port

pytestmark = [pytest.mark.integration, pytest.mark.peers]

BIG = random.Random(7).randbytes(3_000_001)
TEXT = b"".join(b"line %d of a text that is worth compressing\n" % each for each in range(4000))
MODULES = ("headers", "deflate", "filter", "cgi", "dir", "alias", "env")
FRAMING = ("content-length", "transfer-encoding")
SINK = "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\nexec sha256sum\n"

# Of one connection, or of one moment; all others must be as the member has them.
OWN = ("date", "connection", "keep-alive", *FRAMING)


@dataclass(frozen=True, slots=True)
class Setup:
    """
    A balancer before two members, mounted at C{/NAME/} each.
    """

    process: BalancerProcess
    members: dict[str, Peer]
    logs: dict[str, Path]

    def through(self, name: str, path: str) -> str:
        """
        Return the URL of a member's document behind the balancer.
        """
        return f"http://127.0.0.1:{self.process.port}/{name}{path}"

    def direct(self, name: str, path: str) -> str:
        """
        Return the URL of a document at the member itself.
        """
        return self.members[name].url + path


def documents(folder: Path) -> None:
    """
    Write what both members serve.
    """
    (folder / "big.bin").write_bytes(BIG)
    (folder / "text.txt").write_bytes(TEXT)
    (folder / "empty.txt").write_bytes(b"")


@pytest.fixture(scope="module")
def setup(
    module_peers: Peers, module_balancer: Starts, tmp_path_factory: pytest.TempPathFactory
) -> Setup:
    """
    Start Apache, nginx and a balancer before both.
    """
    folder = tmp_path_factory.mktemp("nginx")
    log, documented = folder / "access.log", folder / "documents"
    documented.mkdir()
    documents(documented)
    nginx = module_peers.nginx(
        f"root {documented}; gzip on; gzip_types text/plain; client_max_body_size 0;\n"
        f"access_log {log} counted;\n"
        "location /gone { return 410; }\n"
        "location /moved { return 302 http://$http_host/gone; }\n"
        f"location /put/ {{ dav_methods PUT; create_full_put_path on; root {folder}; }}\n"
        'location /cookies { add_header Set-Cookie "a=1; Path=/"; add_header Set-Cookie "b=2";'
        ' return 200 "cookies"; }\n',
        "log_format counted '$connection $connection_requests $status $request_uri';\n",
    )
    apache = module_peers.apache2(
        'CustomLog access.log "%{c}a:%{remote}p %k %>s %U"\nKeepAlive On\n'
        "MaxKeepAliveRequests 0\nKeepAliveTimeout 60\nAddType text/plain .txt\n"
        "AddOutputFilterByType DEFLATE text/plain\n"
        "<Location /sink.cgi>\nSetHandler cgi-script\nOptions +ExecCGI\n</Location>\n",
        MODULES,
    )
    documents(apache.folder / "htdocs")
    (apache.folder / "htdocs/sink.cgi").write_text(SINK)
    (apache.folder / "htdocs/sink.cgi").chmod(0o755)
    process = module_balancer(
        f"[balancer:nginx]\nmembers = {nginx.url}\n[balancer:apache]\nmembers = {apache.url}\n"
        "[mount:/nginx]\nto = balancer://nginx\n[mount:/apache]\nto = balancer://apache\n"
    )
    members = {"nginx": nginx, "apache": apache}
    return Setup(process, members, {"nginx": log, "apache": apache.folder / "access.log"})


BOTH = pytest.mark.parametrize("name", ["nginx", "apache"])


def kept(answer: Answer) -> list[tuple[str, str]]:
    """
    Return the headers that must be the member's own.
    """
    return [each for each in answer.headers if each[0] not in OWN]


def same(setup: Setup, name: str, path: str, method: str = "GET", **headers: str) -> Answer:
    """
    Ask the member and the balancer for the same; the answers must not differ.
    """
    direct = ask(setup.direct(name, path), method, **headers)
    through = ask(setup.through(name, path), method, **headers)
    assert through.status == direct.status
    assert kept(through) == kept(direct)
    for framing in FRAMING:
        assert through.header(framing) == direct.header(framing)
    assert through.body == direct.body
    return through


@BOTH
@pytest.mark.parametrize("path", ["/big.bin", "/text.txt", "/empty.txt", "/text.txt?q=%2F+x"])
def test_documents_are_the_same(setup: Setup, name: str, path: str) -> None:
    """
    Status, headers and every byte of a document are the member's.
    """
    assert same(setup, name, path).status == 200


@BOTH
def test_head(setup: Setup, name: str) -> None:
    """
    HEAD tells the length of the document and sends nothing of it.
    """
    answer = same(setup, name, "/big.bin", "HEAD")
    assert answer.header("content-length") == str(len(BIG))
    assert answer.body == b""


@BOTH
@pytest.mark.parametrize(
    ("wanted", "status"),
    [("bytes=0-99", 206), ("bytes=-100", 206), ("bytes=2999999-", 206), ("bytes=9999999-", 416)],
)
def test_ranges(setup: Setup, name: str, wanted: str, status: int) -> None:
    """
    A range is answered by the member, with its Content-Range.
    """
    answer = same(setup, name, "/big.bin", Range=wanted)
    assert answer.status == status
    # Apache gives none with its 416.
    assert answer.header("content-range").startswith("bytes ") or status == 416


@BOTH
def test_several_ranges(setup: Setup, name: str) -> None:
    """
    More than one range gives one answer of several parts.
    """
    answer = ask(setup.through(name, "/big.bin"), Range="bytes=0-9,1000-1009")
    assert answer.status == 206
    assert answer.header("content-type").startswith("multipart/byteranges")
    assert BIG[:10] in answer.body
    assert BIG[1000:1010] in answer.body


@BOTH
def test_conditions(setup: Setup, name: str) -> None:
    """
    A client that has the document gets a 304 without a body, and one whose condition
    fails a 412.
    """
    answer = same(setup, name, "/big.bin")
    tag, changed = answer.header("etag"), answer.header("last-modified")
    assert same(setup, name, "/big.bin", If_None_Match=tag).status == 304
    assert same(setup, name, "/big.bin", If_Modified_Since=changed).status == 304
    assert same(setup, name, "/big.bin", If_None_Match='"other"').body == BIG
    assert same(setup, name, "/big.bin", If_Match='"other"').status == 412


@BOTH
def test_compressed_answers_stay_compressed(setup: Setup, name: str) -> None:
    """
    What the member compresses reaches the client as it is.
    """
    answer = same(setup, name, "/text.txt", Accept_Encoding="gzip")
    assert answer.header("content-encoding") == "gzip"
    assert gzip.decompress(answer.body) == TEXT


def logged(log: Path, marker: str, count: int) -> list[str]:
    """
    Wait for lines of a member's log that contain a marker.
    """

    def found() -> list[str]:
        return [each for each in log.read_text().splitlines() if marker in each]

    until(lambda: len(found()) >= count, f"{count} lines with {marker} in {log}")
    return found()


@BOTH
def test_connections_are_kept(setup: Setup, name: str) -> None:
    """
    Requests of many clients, one after the other, go over one connection to the member.
    """
    marker = f"/absent-{name}"
    for _ in range(20):
        assert ask(setup.through(name, marker)).status == 404
    lines = [each.split() for each in logged(setup.logs[name], marker, 20)]
    assert len({each[0] for each in lines}) == 1
    counts = [int(each[1]) for each in lines]
    assert counts == list(range(counts[0], counts[0] + 20))


@BOTH
def test_pipelined_requests_are_answered_in_order(setup: Setup, name: str) -> None:
    """
    A client may send its requests without waiting; the answers come in the same order.
    """
    with socket.create_connection(("127.0.0.1", setup.process.port), timeout=20) as client:
        paths = ["/text.txt", "/absent", "/empty.txt", "/big.bin"]
        asked = [f"GET /{name}{path} HTTP/1.1\r\nHost: x\r\n" for path in paths]
        client.sendall(("\r\n".join(asked) + "Connection: close\r\n\r\n").encode())
        came = b"".join(iter(lambda: client.recv(1 << 20), b""))
    assert came.startswith(b"HTTP/1.1 200 OK\r\n")
    assert came.count(b"HTTP/1.1 404 Not Found\r\n") == 1
    assert came.index(TEXT) < came.index(b"HTTP/1.1 404") < came.index(BIG)
    assert came.endswith(BIG)


def test_big_post_reaches_its_sink(setup: Setup) -> None:
    """
    A posted body of 20 MB reaches a program behind Apache byte by byte.
    """
    body = random.Random(8).randbytes(20_000_000)
    answer = ask(setup.through("apache", "/sink.cgi"), "POST", body)
    assert answer.status == 200
    assert answer.body.split()[0].decode() == hashlib.sha256(body).hexdigest()


def test_chunked_post_reaches_its_sink(setup: Setup) -> None:
    """
    So does a body whose length nobody knows beforehand.
    """
    pieces = [random.Random(each).randbytes(1 + each * 37) for each in range(300)]
    connection = http.client.HTTPConnection("127.0.0.1", setup.process.port, timeout=30)
    try:
        connection.request("POST", "/apache/sink.cgi", iter(pieces), encode_chunked=True)
        told = connection.getresponse().read()
    finally:
        connection.close()
    assert told.split()[0].decode() == hashlib.sha256(b"".join(pieces)).hexdigest()


def test_put_is_stored(setup: Setup) -> None:
    """
    A PUT of 5 MB is stored by nginx as it was sent.
    """
    body = random.Random(9).randbytes(5_000_000)
    answer = ask(setup.through("nginx", "/put/file.bin"), "PUT", body)
    assert answer.status == 201
    assert (setup.logs["nginx"].parent / "put/file.bin").read_bytes() == body


def test_location_is_mapped_back(setup: Setup) -> None:
    """
    A redirect that names the member is turned into one that names the mount.
    """
    answer = ask(setup.through("nginx", "/moved"))
    assert answer.status == 302
    assert answer.header("location") == setup.through("nginx", "/gone")


def test_repeated_headers_stay_apart(setup: Setup) -> None:
    """
    Two Set-Cookie lines arrive as two, in their order.
    """
    answer = ask(setup.through("nginx", "/cookies"))
    cookies = [value for each, value in answer.headers if each == "set-cookie"]
    assert cookies == ["a=1; Path=/", "b=2"]


def test_unix_socket(balancer: Starts, peers: Peers, tmp_path: Path) -> None:
    """
    A member may listen on a unix socket; its connections are kept too.
    """
    path, log = tmp_path / "n.sock", tmp_path / "log"
    peers.nginx(
        f"listen unix:{path};\naccess_log {log} counted;\n"
        'location / { return 200 "$http_host"; }',
        "log_format counted '$connection';\n",
    )
    process = balancer(
        f"[balancer:pool]\nmembers = unix:{path}|http://inside.example/\n"
        "[mount:/]\nto = balancer://pool/\n"
    )
    for _ in range(5):
        answer = ask(f"http://127.0.0.1:{process.port}/")
        assert (answer.status, answer.body) == (200, b"inside.example")
    assert len(set(logged(log, "", 5))) == 1


def has_ipv6() -> bool:
    """
    Tell whether this machine has an IPv6 loopback address.
    """
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6 loopback address here")
def test_ipv6(balancer: Starts, peers: Peers) -> None:
    """
    Listeners and members may have IPv6 addresses.
    """
    inner = free_port()
    peers.nginx(f'listen [::1]:{inner};\nlocation / {{ return 200 "$remote_addr $http_host"; }}')
    process = balancer(
        "[listener:six]\nendpoint = tcp6:PORT:interface=\\:\\:1\n"
        f"[balancer:pool]\nmembers = http://[::1]:{inner}\n[mount:/]\nto = balancer://pool/\n"
    )
    answer = ask(f"http://[::1]:{process.port}/")
    assert (answer.status, answer.body) == (200, f"::1 [::1]:{inner}".encode())
    until(process.records, "a line in the access log")
    assert process.records()[0]["client"] == "::1"
