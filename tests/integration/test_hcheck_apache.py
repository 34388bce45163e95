"""
Health checks with real members, and beside the real Apache's of the same members.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import pytest

from tests.integration.conftest import Starts
from tests.integration.process import BalancerProcess, status, until
from tests.integration.scripted import Request, ScriptedMember
from tests.peers import Peer, Peers

pytestmark = pytest.mark.integration

MODULES = (
    "proxy",
    "proxy_http",
    "slotmem_shm",
    "proxy_balancer",
    "lbmethod_byrequests",
    "proxy_hcheck",
)
EXPRESSIONS = {
    "in_maint": "hc('body') !~ /Under maintenance/",
    "ok234": "%{REQUEST_STATUS} =~ /^[234]/",
}


class Checked:
    """
    A member that answers each check as it is told, and notes the requests.

    @ivar answer: status and body of the next checks.
    @ivar script: statuses of the coming checks, before C{answer} counts.
    @ivar seen: (request line without target, target, headers) of each check.
    """

    def __init__(self, answer: tuple[int, bytes] = (200, b"well"), script: str = "") -> None:
        self.answer = answer
        self.script = [200 if char == "+" else 500 for char in script]
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self._lock = threading.Lock()

    def reply(self, request: Request) -> bool:
        """
        Answer, and close if the request says so.
        """
        code, body = self.answer
        if not request.target.startswith("/page"):
            with self._lock:
                self.seen.append((request.method, request.target, request.headers))
                code = self.script.pop(0) if self.script else code
        request.connection.sendall(
            b"HTTP/1.1 %d X\r\nContent-Type: text/plain\r\nX-Load: 7\r\nX-Load: 9\r\n"
            b"Content-Length: %d\r\n\r\n"
            % (code, len(body))
            + (body if request.method != "HEAD" else b"")
        )
        return False


@pytest.fixture
def start() -> Iterator[Callable[[Checked], ScriptedMember]]:
    """
    Start members for one test.
    """
    with ExitStack() as stack:
        yield lambda member: stack.enter_context(ScriptedMember(member.reply))


_OURS = re.compile(r" (\S+) [a-z ,]+ -> (?:.*(failing health checks): |.*: health check passed: )")


def flips(log: str) -> list[tuple[str, str]]:
    """
    Return (ENABLING or DISABLING, member) from a log of either.
    """
    found = []
    for line in log.splitlines():
        _, words, rest = line.partition("Health check ")
        if words:
            word, url = rest.split()[:2]
            found.append((word, url.rstrip(":/")))
        elif ours := _OURS.search(line):
            found.append(("DISABLING" if ours[2] else "ENABLING", ours[1]))
    return found


def test_C14_the_example_of_the_documentation(
    balancer: Starts, start: Callable[[Checked], ScriptedMember]
) -> None:
    """
    www is in maintenance by its page, www2 by its status, www3 when nobody listens; www4 is not
    checked. Each goes and comes back, and the log says why.
    """
    one, two = Checked(), Checked((404, b""))
    www, www2, www4 = start(one), start(two), start(Checked())
    www3 = start(Checked())
    process = balancer(
        "[txbalancer]\naccess-log = off\nhcexpr =\n"
        + "".join(f"  {name} {{{text}}}\n" for name, text in EXPRESSIONS.items())
        + "[hctemplate:tcp5]\nhcmethod=TCP\nhcinterval=200ms\nhcpasses=2\nhcfails=3\n"
        "[listener:web]\nendpoint = tcp:PORT:interface=127.0.0.1\n"
        "[balancer:foo]\nhcinterval = 200ms\nhcpasses = 1\nhcfails = 1\nmembers =\n"
        f"  {www.url} hcmethod=GET hcexpr=in_maint hcuri=/status.php\n"
        f"  {www2.url} hcmethod=HEAD hcexpr=ok234 hcinterval=300ms hcuri=/\n"
        f"  {www3.url} hctemplate=tcp5\n"
        f"  {www4.url}\n"
        "[mount:/]\nto = balancer://foo/\n"
    )

    def flipped(word: str, member: ScriptedMember, finding: str, start: int) -> None:
        flip = word, member.url
        until(
            lambda: any(
                flip in flips(each) and f": {finding}" in each
                for each in process.log(start).splitlines()
            ),
            f"{word} {member.url}: {finding} in the log: {process.log(start)}",
        )

    until(lambda: one.seen and two.seen, "both are checked")
    assert [each[:2] for each in (one.seen[0], two.seen[0])] == [
        ("GET", "/status.php"),
        ("HEAD", "/"),
    ]
    assert flips(process.log()) == []
    place = len(process.log().encode())
    one.answer = 200, b"<h1>Under maintenance</h1>"
    flipped("DISABLING", www, "GET /status.php: status 200 in ", place)
    two.answer = 500, b""
    flipped("DISABLING", www2, "HEAD /: status 500 in ", place)
    www3.__exit__()
    flipped("DISABLING", www3, "connect: Connection refused", place)
    assert "in_maint is false" in process.log(place)
    assert {status(process, "/page") for _ in range(6)} == {200}
    one.answer = 500, b"fine"
    flipped("ENABLING", www, "GET /status.php: status 500 in ", place)
    two.answer = 302, b""
    flipped("ENABLING", www2, "HEAD /: status 302 in ", place)
    assert len(flips(process.log(place))) == 5


def apache(peers: Peers, directives: str) -> Peer:
    """
    Start a real Apache that checks members.
    """
    return peers.apache2(f"LogLevel warn proxy_hcheck:info\n{directives}", MODULES)


def both(
    peers: Peers, balancer: Starts, expressions: Sequence[str], members: Sequence[str]
) -> tuple[Peer, BalancerProcess]:
    """
    Start Apache with the first half of the members and txbalancer with the second, alike.
    """
    half = len(members) // 2
    theirs = apache(
        peers,
        "".join(f"ProxyHCExpr e{n} {{{text}}}\n" for n, text in enumerate(expressions))
        + "<Proxy balancer://shop>\n"
        + "".join(f"BalancerMember {each}\n" for each in members[:half])
        + "</Proxy>\nProxyPass / balancer://shop/\n",
    )
    ours = balancer(
        "[txbalancer]\naccess-log = off\ndefaults = apache\nhcexpr =\n"
        + "".join(f"  e{n} {text}\n" for n, text in enumerate(expressions))
        + "[listener:web]\nendpoint = tcp:PORT:interface=127.0.0.1\n[balancer:shop]\nmembers =\n"
        + "".join(f"  {each}\n" for each in members[half:])
        + "[mount:/]\nto = balancer://shop/\n"
    )
    return theirs, ours


def test_C9_sums_flip_as_often_as_apaches(
    peers: Peers, balancer: Starts, start: Callable[[Checked], ScriptedMember]
) -> None:
    """
    With the same results in the same order, both go in and out as often.
    """
    scripts = [("-+-+-+-+-+-+-+", 3, 3), ("--++-+---+++--", 2, 1)]
    checked = [Checked(script=script) for script, _, _ in 2 * scripts]
    members = [start(each) for each in checked]
    lines = [
        f"{each.url} hcmethod=GET hcuri=/up hcinterval=100ms hcfails={fails} hcpasses={passes}"
        for each, (_, fails, passes) in zip(members, 2 * scripts, strict=True)
    ]
    theirs, ours = both(peers, balancer, ["true"], lines)
    until(lambda: all(len(each.seen) > 16 for each in checked), "all are asked")
    told = flips((theirs.folder / "output.log").read_text()) + flips(ours.log())
    words = [[word for word, url in told if url == each.url] for each in members]
    assert words[:2] == words[2:]
    assert all(words)


QUESTIONS = {
    "%{REQUEST_STATUS} -eq 200": True,
    "hc('body') == 'well' && %{HC_BODY} == 'well'": True,
    "hc('body') =~ /sick/": False,
    "%{CONTENT_TYPE} == 'text/plain'": True,
    "%{resp:X-Load} == '7' && resp('x-load') == '7'": True,
    "%{resp:Content-Length} -eq 4": True,
    "%{HTTP:X-Load} == '7'": False,
    "-z %{HTTP:Host}": True,
    "false": False,
}


def test_C7_expressions_see_what_apaches_see(
    peers: Peers, balancer: Starts, start: Callable[[Checked], ScriptedMember]
) -> None:
    """
    Each expression about the same answer leaves the same members in.
    """
    checked = [Checked() for _ in range(2 * len(QUESTIONS))]
    members = [start(each) for each in checked]
    lines = [
        f"{each.url} hcmethod=GET hcuri=/up hcinterval=100ms hcexpr=e{number % len(QUESTIONS)}"
        for number, each in enumerate(members)
    ]
    theirs, ours = both(peers, balancer, list(QUESTIONS), lines)
    until(lambda: all(len(each.seen) >= 3 for each in checked), "each is asked")
    expected = {text for text, passed in QUESTIONS.items() if not passed}
    for log, own in (
        ((theirs.folder / "output.log").read_text(), members[: len(QUESTIONS)]),
        (ours.log(), members[len(QUESTIONS) :]),
    ):
        by_url = dict(zip([each.url for each in own], QUESTIONS, strict=True))
        assert {by_url[url] for word, url in flips(log) if word == "DISABLING"} == expected


def test_C5_requests_differ_from_apaches_in_what_is_said_only(
    peers: Peers, balancer: Starts, start: Callable[[Checked], ScriptedMember]
) -> None:
    """
    Method and target are the same; ours says who asks and that it closes (X19).
    """
    methods = ["GET", "HEAD", "OPTIONS", "GET11", "HEAD11", "OPTIONS11"]
    checked = [Checked() for _ in range(2 * len(methods))]
    members = map(start, checked)
    lines = [
        f"{member.url} hcmethod={method} hcinterval=100ms"
        + ("" if method.startswith("OPTIONS") else " hcuri=/up?a=b")
        for method, member in zip(2 * methods, members, strict=True)
    ]
    both(peers, balancer, ["true"], lines)
    until(lambda: all(each.seen for each in checked), "each is asked")
    half = len(methods)
    for theirs, ours in zip(checked[:half], checked[half:], strict=True):
        assert theirs.seen[0][:2] == ours.seen[0][:2]
        assert set(theirs.seen[0][2]) == {"host"}
        assert set(ours.seen[0][2]) == {"host", "user-agent", "connection"}
        hosts = [each.seen[0][2]["host"].partition(":")[0] for each in (theirs, ours)]
        assert hosts == ["127.0.0.1"] * 2


def test_members_that_are_real_servers(peers: Peers, balancer: Starts) -> None:
    """
    An Apache passes all methods, each in its version of HTTP; a page that is not there fails.
    """
    member = peers.apache2('LogFormat "%r %>s" short\nCustomLog access.log short')
    (member.folder / "htdocs/up").write_text("well")
    methods = ("get", "head", "options", "get11", "head11", "options11", "tcp")
    process = balancer(
        "[txbalancer]\naccess-log = off\nhcexpr =\n  well hc('body') == 'well'\n"
        "  ill hc('body') != 'well'\n"
        "[listener:web]\nendpoint = tcp:PORT:interface=127.0.0.1\n[balancer:shop]\n"
        "hcinterval = 200ms\nmembers =\n"
        + "".join(f"  {member.url}/{n} hcmethod={each}\n" for n, each in enumerate(methods))
        + f"  {member.url}/gone hcmethod=get hcuri=/gone\n"
        f"  {member.url}/well hcmethod=get11 hcuri=/../up hcexpr=well\n"
        f"  {member.url}/ill hcmethod=get11 hcuri=/../up hcexpr=ill\n"
        "[mount:/]\nto = balancer://shop/\n"
    )

    def lines() -> list[str]:
        return (member.folder / "access.log").read_text().splitlines()

    expected = {
        "GET /0/ HTTP/1.0 404",
        "HEAD /1/ HTTP/1.0 404",
        "OPTIONS * HTTP/1.0 200",
        "GET /3/ HTTP/1.1 404",
        "HEAD /4/ HTTP/1.1 404",
        "OPTIONS * HTTP/1.1 200",
        "GET /gone/gone HTTP/1.0 404",
        "GET /well/../up HTTP/1.1 200",
        "GET /ill/../up HTTP/1.1 200",
    }
    until(lambda: all(lines().count(each) > 1 for each in expected), f"{expected} in {lines()}")
    assert set(lines()) == expected
    out = {url.rpartition("/")[2] for word, url in flips(process.log()) if word == "DISABLING"}
    assert out == {"0", "1", "3", "4", "gone", "ill"}
