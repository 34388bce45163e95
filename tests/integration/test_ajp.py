"""
Tomcat over AJP as a member.
"""

from __future__ import annotations

import hashlib
import http.client
import random
import re
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.certificates import Authority
from tests.integration.client import Answer, ask
from tests.integration.conftest import Starts
from tests.integration.load import CLIENTS, Load
from tests.integration.process import BalancerProcess, until
from tests.peers import Peer, Peers, free_port, require

pytestmark = [pytest.mark.integration, pytest.mark.peers]

ROUTES = ("web1", "web2")
SECRET = "open sesame".replace(" ", "-")
SESSION = "/examples/servlets/servlet/SessionExample"

# A page would answer GET and POST only; so it takes the whole of a servlet's work over.
PAGE = """<%@ page import="java.io.*, java.security.*, jakarta.servlet.*, jakarta.servlet.http.*" %>
<%! public void service(ServletRequest q, ServletResponse s) throws ServletException, IOException {{
    HttpServletRequest request = (HttpServletRequest) q;
    {body}
}} %>"""
ECHO = """
    long size = 0;
    byte[] buffer = new byte[65536];
    try {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        InputStream in = request.getInputStream();
        for (int n; (n = in.read(buffer)) > 0; size += n) digest.update(buffer, 0, n);
        s.setContentType("text/plain");
        s.getWriter().print(size + " " + java.util.HexFormat.of().formatHex(digest.digest()));
    } catch (NoSuchAlgorithmException e) { throw new ServletException(e); }
"""
SHOW = """
    s.setContentType("text/plain");
    PrintWriter out = s.getWriter();
    out.println(request.getMethod() + " " + request.getRequestURI() + " "
        + request.getQueryString() + " " + request.getRemoteAddr() + " "
        + request.getServerName() + " " + request.getServerPort() + " " + request.getScheme() + " "
        + request.getHeader("X-Mine") + " " + (request.getRemotePort() > 1024));
"""
TLS = """
    s.setContentType("text/plain");
    s.getWriter().print(request.isSecure() + " " + request.getScheme() + " "
        + request.getServerPort() + " "
        + request.getAttribute("jakarta.servlet.request.cipher_suite") + " "
        + request.getAttribute("jakarta.servlet.request.key_size") + " "
        + (request.getAttribute("jakarta.servlet.request.X509Certificate") != null));
"""
BIG = """
    byte[] data = new byte[70001];
    s.setContentType("application/octet-stream");
    OutputStream out = s.getOutputStream();
    for (int i = 0; i < 100; i++) { java.util.Arrays.fill(data, (byte) i); out.write(data); }
"""
ID = """
    request.getInputStream().readAllBytes();
    s.setContentType("text/plain");
    s.getWriter().print(request.getParameter("id") + " NAME\\n");
"""
PAGES = {"echo": ECHO, "show": SHOW, "big": BIG, "id": ID, "tls": TLS}


def tomcat(peers: Peers, route: str) -> Peer:
    """
    Start a Tomcat that wants to be told the secret.
    """
    folder = peers.folder()
    for name, text in PAGES.items():
        page = PAGE.format(body=text.replace("NAME", route))
        (folder / f"{name}.jsp").write_text(page)
    return peers.tomcat10(
        route,
        ajp=f'secretRequired="true" secret="{SECRET}"',
        apps=f'<Context path="/app" docBase="{folder}"/>',
    )


@pytest.fixture(scope="module")
def tomcats(module_peers: Peers) -> dict[str, Peer]:
    """
    Start two Tomcats at the same time, since each takes seconds.
    """
    with ThreadPoolExecutor(2) as pool:
        return dict(
            zip(ROUTES, pool.map(lambda each: tomcat(module_peers, each), ROUTES), strict=True)
        )


@pytest.fixture(scope="module")
def configuration(tomcats: dict[str, Peer]) -> Callable[..., str]:
    """
    Write a balancer of the Tomcats.
    """

    def write(options: str = "", secret: str = SECRET) -> str:
        lines = [
            f"    ajp://127.0.0.1:{tomcats[each].port} route={each} secret={secret} {options}"
            for each in ROUTES
        ]
        return (
            "[balancer:cats]\nstickysession = JSESSIONID|jsessionid\nscolonpathdelim = on\n"
            "members =\n" + "\n".join(lines) + "\n"
            "[mount:/app]\nto = balancer://cats/app\n"
            "[mount:/examples]\nto = balancer://cats/examples\n"
        )

    return write


@pytest.fixture(scope="module")
def process(module_balancer: Starts, configuration: Callable[..., str]) -> BalancerProcess:
    """
    Start a balancer of both.
    """
    return module_balancer(configuration())


def got(process: BalancerProcess, path: str, *how: object, **headers: str) -> Answer:
    """
    Ask for a page.
    """
    return ask(f"http://127.0.0.1:{process.port}{path}", *how, **headers)  # type: ignore[arg-type]


def test_what_an_application_sees(process: BalancerProcess) -> None:
    """
    Client and service are told by the protocol.
    """
    answer = got(process, "/app/show.jsp?q=a%20b", "PATCH", None, X_Mine="yes", Host="shop.test:81")
    assert answer.status == 200
    assert answer.body.split() == (
        b"PATCH /app/show.jsp q=a%20b 127.0.0.1 shop.test 81 http yes true".split()
    )


def test_what_it_sees_of_tls(
    balancer: Starts, configuration: Callable[..., str], tmp_path: Path
) -> None:
    """
    Cipher and key of the client's connection, whatever the version of HTTP in it.
    """
    authority, secure = Authority(tmp_path), free_port()
    pair = authority.issue("127.0.0.1")
    process = balancer(
        configuration() + f"[listener:tls]\nendpoint = tcp:{secure}:interface=127.0.0.1\n"
        f"tls-certificate = {pair.certificate}\ntls-key = {pair.key}\n"
    )
    url = f"https://127.0.0.1:{secure}/app/tls.jsp"
    for version in ("--http1.1", "--http2"):
        command = [require("curl"), "-s", version, "--cacert", str(authority.file), url]
        body = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
        told = body.decode().split()
        assert told[:3] == ["true", "https", str(secure)]
        assert told[3].startswith("TLS_")
        assert told[4] == re.findall(r"AES_(\d+)", told[3])[0]
        assert told[5] == "false"
    assert got(process, "/app/tls.jsp").body.split()[3:] == [b"null", b"null", b"false"]


def test_without_the_secret_nothing_is_served(
    balancer: Starts, configuration: Callable[..., str]
) -> None:
    """
    Tomcat refuses, and says so to the client.
    """
    assert got(balancer(configuration(secret="wrong")), "/app/show.jsp").status == 403


@pytest.mark.parametrize("in_url", [False, True], ids=["cookie", "url"])
def test_sessions_stick(process: BalancerProcess, in_url: bool) -> None:
    """
    A session comes back to the Tomcat that has it, by cookie and by C{;jsessionid=} alike.
    """
    routes = set()
    for number in range(6):
        first = got(process, SESSION)
        found = re.match(r"JSESSIONID=([^;]+)", first.header("set-cookie"))
        assert found is not None
        session = found[1]
        routes.add(session.rpartition(".")[2])
        path = f"{SESSION};jsessionid={session}" if in_url else SESSION
        cookie = {} if in_url else {"Cookie": f"JSESSIONID={session}"}
        got(process, f"{path}?dataname=thing&datavalue=v{number}", **cookie)
        for _ in range(3):
            assert f"thing = v{number}".encode() in got(process, path, **cookie).body
    assert routes == set(ROUTES)


@pytest.mark.parametrize("options", ["", "ping=2 iobuffersize=8192"], ids=["plain", "ping"])
def test_large_bodies_both_ways(
    balancer: Starts, configuration: Callable[..., str], options: str
) -> None:
    """
    Some MiB up and down arrive as they were sent, with a length and without.
    """
    process = balancer(configuration(options))
    data = random.Random(1).randbytes(3_000_001)
    expected = f"{len(data)} {hashlib.sha256(data).hexdigest()}".encode()
    for _ in range(3):
        assert got(process, "/app/echo.jsp", "PUT", data).body.strip() == expected
        body = got(process, "/app/big.jsp").body
        assert body[-7000100:] == b"".join(bytes((number,)) * 70001 for number in range(100))
        connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=30)
        pieces = (data[at : at + 30_000] for at in range(0, len(data), 30_000))
        connection.request("POST", "/app/echo.jsp", pieces, encode_chunked=True)
        assert connection.getresponse().read().strip() == expected
        connection.request("POST", "/app/echo.jsp", iter(()), encode_chunked=True)
        assert connection.getresponse().read().startswith(b"0 ")
        connection.close()


def test_connections_are_kept(process: BalancerProcess, tomcats: dict[str, Peer]) -> None:
    """
    One after another, requests go over the same few connections.
    """
    for _ in range(30):
        assert got(process, "/app/show.jsp").status == 200
    ports = {each.port for each in tomcats.values()}
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    found = [
        line for line in lines if int(line.split()[2].partition(":")[2], 16) in ports
        and line.split()[3] == "01"
    ]  # fmt: skip
    assert 1 <= len(found) <= 6


def test_cping_finds_a_container_that_hangs(
    balancer: Starts, configuration: Callable[..., str], tomcats: dict[str, Peer]
) -> None:
    """
    It still accepts connections; the check puts it out, and brings it back.
    """
    check = "hcmethod=cping hcinterval=500ms hctimeout=400ms hcfails=2 hcpasses=1"
    process = balancer(configuration(check))

    def served() -> set[str]:
        return {got(process, "/app/id.jsp?id=1").body.decode().split()[1] for _ in range(4)}

    until(lambda: served() == set(ROUTES), "both members", 20.0)
    told = len(process.log())
    tomcats["web2"].signal(signal.SIGSTOP)
    url = f"ajp://127.0.0.1:{tomcats['web2'].port}"
    verdict = f"{url} in use -> failing health checks: no answer within 0.4 s"
    try:
        until(lambda: verdict in process.log(told), verdict, 20.0)
        assert served() == {"web1"}
    finally:
        tomcats["web2"].signal(signal.SIGCONT)
    until(lambda: served() == set(ROUTES), "both members again", 20.0)


def test_a_member_that_crashes_under_load(
    balancer: Starts, configuration: Callable[..., str], tomcats: dict[str, Peer]
) -> None:
    """
    No request fails that may be sent twice, and the member is used again when it is back. A
    container sends heads by themselves, so that an answer of each client may be cut short.
    """
    process = balancer(configuration("retry=1 maxfails=1"))
    for _ in range(4):
        got(process, "/app/id.jsp?id=1")
    with Load(process.port, "/app/id.jsp") as load:
        tomcats["web2"].kill()
        load.more_from("web1", 200)
        tomcats["web2"].start()
        load.more_from("web2", 50)
    assert load.lost == []
    assert len(load.failures) <= CLIENTS
