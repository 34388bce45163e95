"""
The helpers that start real programs, since other tests trust them.
"""

from __future__ import annotations

import urllib.request

import pytest

from tests import peers as peers_module
from tests.peers import Peers, is_listening, require

pytestmark = [pytest.mark.peers, pytest.mark.integration]

HAPROXY = """\
defaults
    mode http
    timeout client 5s
    timeout connect 5s
    timeout server 5s
frontend web
    bind 127.0.0.1:PORT
    http-request return status 200 content-type text/plain string "haproxy"
"""


def fetch(url: str) -> bytes:
    """
    GET a URL within ten seconds.
    """
    with urllib.request.urlopen(url, timeout=10) as response:
        return bytes(response.read())


def test_nginx_answers_and_is_gone_afterwards() -> None:
    """
    nginx runs inside the block, restarts on its port after a kill, and ends with the block.
    """
    with Peers() as peers:
        nginx = peers.nginx('location / { return 200 "nginx"; }')
        assert fetch(nginx.url) == b"nginx"
        nginx.kill()
        assert not is_listening(nginx.port)
        nginx.start()
        assert fetch(nginx.url) == b"nginx"
    assert not is_listening(nginx.port)
    assert not nginx.folder.exists()


def test_apache2_serves_its_documents(peers: Peers) -> None:
    """
    Apache runs in one process and serves files of its folder.
    """
    apache = peers.apache2("KeepAlive On")
    (apache.folder / "htdocs/index.txt").write_text("apache")
    assert fetch(apache.url + "/index.txt") == b"apache"


def test_haproxy_answers(peers: Peers) -> None:
    """
    HAProxy runs on the port put in for PORT.
    """
    assert fetch(peers.haproxy(HAPROXY).url) == b"haproxy"


def test_tomcat_puts_its_route_into_sessions(peers: Peers) -> None:
    """
    Tomcat's session example sets a JSESSIONID that ends in the route.
    """
    tomcat = peers.tomcat10(route="web1")
    page = tomcat.url + "/examples/servlets/servlet/SessionExample"
    with urllib.request.urlopen(page, timeout=30) as response:
        cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("JSESSIONID=")
    assert cookie.split(";")[0].endswith(".web1")


@pytest.mark.parametrize(
    ("required", "outcome"), [("0", pytest.skip.Exception), ("1", pytest.fail.Exception)]
)
def test_absent_program_skips_or_fails(
    required: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A program that is not there skips the test, unless TXB_REQUIRE_PEERS makes it a failure.
    """
    monkeypatch.setattr(peers_module, "which", lambda name: None)
    monkeypatch.setenv("TXB_REQUIRE_PEERS", required)
    with pytest.raises(outcome, match="nginx is not installed"):
        require("nginx")
