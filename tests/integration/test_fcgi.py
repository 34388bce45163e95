"""
php-fpm as a member.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import random
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.load import Load
from tests.integration.process import BalancerProcess, environment, twistd
from tests.peers import Peer, Peers, free_port

pytestmark = [pytest.mark.integration, pytest.mark.peers]

PAGES = {
    "index.php": "<?php echo json_encode($_SERVER);",
    "show.php": "<?php header('X-Twice: 1'); header('X-Twice: 2', false);"
    " echo json_encode($_SERVER);",
    "a b.php": "<?php echo json_encode($_SERVER);",
    "body.php": "<?php $h = hash_init('sha256'); $f = fopen('php://input', 'r'); $n = 0;"
    " while (!feof($f)) { $d = fread($f, 65536); $n += strlen($d); hash_update($h, $d); }"
    " echo $n, ' ', hash_final($h);",
    "big.php": "<?php $h = hash_init('sha256'); mt_srand(1);"
    " for ($i = 0; $i < 160; $i++) { $d = str_repeat(chr($i), 65537); hash_update($h, $d);"
    " echo $d; } echo hash_final($h);",
    "id.php": "<?php echo $_GET['id'], ' ', $_ENV['NAME'], \"\\n\";",
    "status.php": "<?php http_response_code(418); echo 'tea';",
    "die.php": '<?php error_log("it broke\\n"); http_response_code(500);',
    "slow.php": "<?php file_put_contents($_GET['to'], 'begun');"
    " for ($i = 0; $i < 600; $i++) { echo str_repeat('x', 8192); flush(); usleep(10000); }"
    " file_put_contents($_GET['to'], 'ended');",
}


@pytest.fixture(scope="module")
def php(module_peers: Peers) -> Peer:
    """
    Start php-fpm.
    """
    return module_peers.php_fpm(PAGES)


def written(*members: Peer, options: str = "", mount: str = "") -> str:
    """
    Write a balancer of members.
    """
    lines = [f"    fcgi://127.0.0.1:{each.port}{each.folder}/htdocs {options}" for each in members]
    return (
        "[balancer:php]\nmembers =\n" + "\n".join(lines) + "\n"
        f"[mount:/app]\nto = balancer://php/\n{mount}\n"
    )


@pytest.fixture(scope="module")
def process(module_balancer: Starts, php: Peer) -> BalancerProcess:
    """
    Start a balancer of one php-fpm.
    """
    return module_balancer(written(php))


def url(process: BalancerProcess, path: str) -> str:
    """
    Return the URL of a page.
    """
    return f"http://127.0.0.1:{process.port}/app/{path}"


@pytest.mark.parametrize(
    ("path", "name", "info"),
    [
        ("", "/app/index.php", None),
        ("show.php?q=1", "/app/show.php", None),
        ("show.php/more/x?q", "/app/show.php", "/more/x"),
        ("a%20b.php/m%20n", "/app/a b.php", "/m n"),
    ],
)
def test_what_php_sees(
    process: BalancerProcess, php: Peer, path: str, name: str, info: str | None
) -> None:
    """
    Script, PATH_INFO, root and client are as with any web server of its own.
    """
    found = json.loads(ask(url(process, path), X_Forwarded_For="9.9.9.9").body)
    root = str(php.folder / "htdocs")
    assert found["SCRIPT_NAME"] == name
    assert found.get("PATH_INFO") == info
    assert found["PHP_SELF"] == name + (info or "")
    assert found["SCRIPT_FILENAME"] == root + name.removeprefix("/app")
    assert found["REQUEST_URI"] == f"/app/{path}"
    assert found["DOCUMENT_ROOT"] == root
    assert found["REMOTE_ADDR"] == "127.0.0.1"
    assert found["SERVER_PORT"] == str(process.port)
    assert found["HTTP_X_FORWARDED_FOR"] == "9.9.9.9"


def test_with_apaches_form_php_sees_the_same(balancer: Starts, php: Peer) -> None:
    """
    C{fcgitype = fpm} leaves the work to php-fpm.
    """
    process = balancer(written(php, mount="fcgitype = fpm"))
    found = json.loads(ask(url(process, "show.php/more/x?q=1")).body)
    assert found["SCRIPT_NAME"] == "/app/show.php"
    assert found["PATH_INFO"] == "/more/x"
    assert found["SCRIPT_FILENAME"] == f"{php.folder}/htdocs/show.php"


def test_a_unix_socket(balancer: Starts, php: Peer) -> None:
    """
    As people write it; the host says nothing.
    """
    process = balancer(
        f"[mount:/app]\nto = unix:{php.folder}/php.sock|fcgi://localhost{php.folder}/htdocs\n"
    )
    found = json.loads(ask(url(process, "show.php/x")).body)
    assert found["SCRIPT_FILENAME"] == f"{php.folder}/htdocs/show.php"
    assert found["PATH_INFO"] == "/x"


SAME = [
    "SCRIPT_NAME",
    "SCRIPT_FILENAME",
    "PATH_INFO",
    "PATH_TRANSLATED",
    "PHP_SELF",
    "REQUEST_URI",
    "QUERY_STRING",
    "REQUEST_METHOD",
    "DOCUMENT_ROOT",
    "ORIG_SCRIPT_NAME",
    "ORIG_SCRIPT_FILENAME",
    "HTTP_X_A",
    "HTTP_HOST",
    "SERVER_NAME",
    "REQUEST_SCHEME",
    "REMOTE_ADDR",
    "HTTP_AUTHORIZATION",
    "PHP_AUTH_USER",
    "GATEWAY_INTERFACE",
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
    "SERVER_PROTOCOL",
    "FCGI_ROLE",
]


@pytest.mark.parametrize("socket", [False, True], ids=["tcp", "unix"])
@pytest.mark.parametrize("kind", ["FPM", "GENERIC"])
def test_php_sees_the_same_from_apache(
    peers: Peers, php: Peer, tmp_path: Path, socket: bool, kind: str
) -> None:
    """
    One file, read by the real Apache and by txbalancer, before one php-fpm.
    """
    root = f"{php.folder}/htdocs"
    place = f"unix:{php.folder}/php.sock|fcgi://localhost" if socket else ""
    place = place or f"fcgi://127.0.0.1:{php.port}"
    rules = (
        f'ProxyFCGIBackendType {kind}\nProxyPassMatch "^/(.*\\.php(/.*)?)$" "{place}{root}/$1"\n'
    )
    apache = peers.apache2(
        f"DocumentRoot {root}\n{rules}", modules=("proxy", "proxy_fcgi", "authz_core")
    )
    port = free_port()
    (tmp_path / "httpd.conf").write_text(f"Listen 127.0.0.1:{port}\nServerName 127.0.0.1\n{rules}")
    command = twistd("--nodaemon", "--pidfile=", "txbalancer", "-c", "httpd.conf")
    peers.start("txbalancer", command, port, tmp_path, environment())
    paths = ["show.php", "show.php?a=b"] + ["show.php/more/x?q"] * (kind == "FPM")
    for path in paths:
        seen = []
        for each in (apache.port, port):
            answer = ask(
                f"http://127.0.0.1:{each}/{path}",
                "POST",
                b"a=b",
                X_A="1",
                Host="shop.test",
                Authorization="Basic eDp5",
                Content_Type="application/x-www-form-urlencoded",
            )
            found = json.loads(answer.body)
            seen.append({name: found.get(name) for name in SAME})
        assert seen[0] == seen[1], path


def test_answers(process: BalancerProcess) -> None:
    """
    Status, repeated headers and Location as PHP makes them; HEAD has no body.
    """
    answer = ask(url(process, "show.php"))
    assert [value for name, value in answer.headers if name == "x-twice"] == ["1", "2"]
    answer = ask(url(process, "status.php"))
    assert (answer.status, answer.body) == (418, b"tea")
    answer = ask(url(process, "show.php"), "HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert ask(url(process, "none.php")).status == 404


def test_errors_of_php_are_logged(balancer: Starts, php: Peer) -> None:
    """
    What it complains of is in our log, with the member's name.
    """
    process = balancer(written(php))
    assert ask(url(process, "die.php")).status == 500
    process.stop()
    (line,) = [each for each in process.log().splitlines() if "it broke" in each]
    assert f"fcgi://127.0.0.1:{php.port}{php.folder}/htdocs says: " in line


@pytest.mark.parametrize("options", ["", "disablereuse=off max=4"], ids=["once", "kept"])
def test_large_bodies_both_ways(balancer: Starts, php: Peer, options: str) -> None:
    """
    Some MiB up and down arrive as they were sent, many times over one connection too.
    """
    process = balancer(written(php, options=options))
    data = random.Random(1).randbytes(5_000_001)
    expected = f"{len(data)} {hashlib.sha256(data).hexdigest()}".encode()
    for _ in range(3):
        assert ask(url(process, "body.php"), "POST", data).body == expected
        body = ask(url(process, "big.php")).body
        assert len(body) == 160 * 65537 + 64
        assert hashlib.sha256(body[:-64]).hexdigest().encode() == body[-64:]


def test_chunked_bodies(process: BalancerProcess) -> None:
    """
    Small ones arrive with their length; for large ones the client has to tell it.
    """
    for size, status in ((50_000, 200), (100_000, 411)):
        connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=30)
        pieces = (bytes(10_000) for _ in range(size // 10_000))
        connection.request("POST", "/app/body.php", pieces, encode_chunked=True)
        with closing(connection), connection.getresponse() as answer:
            assert answer.status == status
            if status == 200:
                assert answer.read().startswith(b"50000 ")


def test_a_client_that_leaves_ends_the_script(process: BalancerProcess, peers: Peers) -> None:
    """
    php-fpm notices by the connection, and does not work for nobody.
    """
    mark = peers.folder() / "mark"
    mark.touch()
    mark.chmod(0o666)
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=30)
    connection.request("GET", f"/app/slow.php?to={mark}")
    with closing(connection), connection.getresponse() as answer:
        answer.read(20000)
    assert mark.read_text() == "begun"
    # With as many children as this the others would have to wait for it.
    for _ in range(8):
        assert ask(url(process, "show.php")).status == 200
    assert mark.read_text() == "begun"


@pytest.mark.parametrize("options", ["", "disablereuse=off max=8"], ids=["once", "kept"])
def test_a_member_that_crashes_under_load(balancer: Starts, peers: Peers, options: str) -> None:
    """
    No request fails that may be sent twice, and the member is used again when it is back.
    """
    one, two = (peers.php_fpm(PAGES, 8, name) for name in ("one", "two"))
    text = written(one, two, options=f"{options} retry=1 maxfails=1")
    process = balancer(text)
    with Load(process.port, "/app/id.php") as load:
        one.kill()
        load.more_from("two", 200)
        one.start()
        load.more_from("one", 100)
    assert load.failures == []
