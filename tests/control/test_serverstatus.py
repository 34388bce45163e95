"""
The server's status, for people and for programs.
"""

from __future__ import annotations

import re

import pytest

from tests.control.manager.boards import Browser, Table
from tests.services.worlds import OK, World

CONFIGURATION = """
[txbalancer]
access-log = off
[listener:web]
endpoint = tcp:80
max-connections = 50
[balancer:shop]
stickysession = A|b
timeout = 2
members =
    http://10.0.0.1 route=a redirect=b loadfactor=1.5
    https://10.0.0.2:8443/app route=b status=+D
[balancer:two]
members = http://10.0.0.3
[mount:/bm]
to = server-status:
[mount:/]
to = balancer://shop/
"""


def test_M50_auto() -> None:
    """
    Lines as mod_status has them; a connection with a request is a busy worker.
    """
    world = World(CONFIGURATION).start()
    served = world.client(80, b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    member = world.accept()
    world.members()[0].transferred = 3000
    member.send(OK)
    assert served.taken().endswith(b"ok")
    world.client()
    asking = world.client(80, b"GET /bm?auto HTTP/1.1\r\nHost: lb.test:80\r\n\r\n")
    head, _, body = asking.taken().decode().partition("\r\n\r\n")
    assert "Content-Type: text/plain; charset=utf-8" in head
    first, *lines = body.splitlines()
    assert first == "lb.test"
    found = dict(line.split(": ", 1) for line in lines)
    expected = {
        "Total Accesses": "1",
        "Total kBytes": "0",
        "Uptime": "1",
        "ReqPerSec": "1",
        "BytesPerSec": "2",
        "BytesPerReq": "2",
        "BusyWorkers": "1",
        "IdleWorkers": "47",
        "ConnsTotal": "3",
        "ConnsAsyncKeepAlive": "2",
        "ProxyBalancer[0]Name": "balancer://shop",
        "ProxyBalancer[0]Worker[0]Name": "http://10.0.0.1",
        "ProxyBalancer[0]Worker[0]Status": "Init Ok ",
        "ProxyBalancer[0]Worker[0]Elected": "1",
        "ProxyBalancer[0]Worker[0]Busy": "0",
        "ProxyBalancer[0]Worker[0]Rcvd": "0K",
        "ProxyBalancer[0]Worker[1]Status": "Init Dis ",
        "ProxyBalancer[1]Name": "balancer://two",
        "ProxyBalancer[1]Worker[0]Name": "http://10.0.0.3",
    }
    assert expected.items() <= found.items()
    assert re.fullmatch(r"[23]K", found["ProxyBalancer[0]Worker[0]Sent"])
    assert found["ServerVersion"].startswith("Apache/2.4.71 (compatible; txbalancer/")
    assert re.fullmatch(r"\w+day, \d\d-\w{3}-\d{4} \d\d:\d\d:\d\d UTC", found["RestartTime"])


def test_the_page() -> None:
    """
    The same in tables, with mod_proxy's columns for balancers.
    """
    browser = Browser(CONFIGURATION)
    page = browser.get(referer=None)
    tables = Table(page)
    assert tables.rows(0) == [{"SSes": "A | b", "Timeout": "2", "Method": "byrequests"}]
    assert tables.rows(1)[1] == {
        "Sch": "https",
        "Host": "10.0.0.2",
        "Stat": "Init Dis ",
        "Route": "b",
        "Redir": None,
        "F": "1.00",
        "Set": "0",
        "Acc": "0",
        "Busy": "0",
        "Wr": "  0 ",
        "Rd": "  0 ",
    }
    assert tables.rows(2)[0]["SSes"] == " - "
    assert "default-src 'none'" in browser.head
    assert "<script" not in page
    assert "Refresh" not in browser.head


def test_the_page_tells_how_requests_ended() -> None:
    """
    By status class, further attempts, and failures by reason.
    """
    world = World(CONFIGURATION.replace("timeout = 2\n", "")).start()
    client = world.client(80, b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    while openings := world.openings():
        openings[0].fail()
    assert client.taken().startswith(b"HTTP/1.1 503")
    page = world.client(80, b"GET /bm HTTP/1.1\r\nHost: a\r\n\r\n").taken().decode()
    assert "<dt>5xx</dt><dd>1</dd>" in page
    assert '<dt>connect-failed</dt><dd class="tone bad">1</dd>' in page


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("refresh=5", "5"),
        ("refresh", "10"),
        ("refresh=0", "1"),
        ("refresh=x&auto", "10"),
        ("auto&refresh=99999999999999", "3600"),
    ],
)
def test_refresh(query: str, seconds: str) -> None:
    """
    The page loads itself anew, in bounds.
    """
    browser = Browser(CONFIGURATION)
    browser.get(f"?{query}")
    assert f"Refresh: {seconds}\r\n" in browser.head


def test_nothing_can_be_sent_there() -> None:
    """
    It is for looking at.
    """
    browser = Browser(CONFIGURATION)
    assert "GET or HEAD" in browser.send("POST", "/bm", "x=1")
    assert browser.status == 405
    assert "Allow: GET, HEAD" in browser.head
    assert browser.send("HEAD", "/bm?auto") == ""
    assert "color-scheme" in browser.get("?style=1")
