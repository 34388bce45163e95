"""
Attacks on the manager's page: each is tried, and each changes nothing.
"""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path

import pytest

from tests.control.manager.boards import CONFIGURATION, HERE, Browser
from tests.threads import Threads
from txbalancer.core import crypts, flags
from txbalancer.core.health import ProbeResult

ROLES = CONFIGURATION.replace(
    "[mount:/only]", "operate = ip 192.0.2.1\n[mount:/only]\nrequire = all granted"
)
HTML = {"Accept": "text/html,*/*"}


class Person(Browser):
    """
    Somebody with a browser: accepts cookies and shows pages.
    """

    def __init__(self, text: str = CONFIGURATION, host: str = "192.0.2.1") -> None:
        super().__init__(text)
        self.address = host
        self.cookie = ""
        client = self.rig.client
        self.rig.client = lambda: client(self.address)  # type: ignore[method-assign]

    def send(self, method, target, body="", referer=HERE, **headers):
        """
        Send a request as a browser does.
        """
        if self.cookie:
            headers.setdefault("Cookie", self.cookie)
        page = super().send(method, target, body, referer, **{**HTML, **headers})
        found = re.search(r"Set-Cookie: ([^;\r]+)", self.head)
        if found:
            self.cookie = found[1]
        return page

    def nonce(self, name: str = "shop") -> str:
        """
        Return the nonce in the form.
        """
        return re.search('name="nonce" value="([^"]*)"', self.get(f"?b={name}"))[1]


@pytest.fixture
def person() -> Person:
    """
    Return somebody before the page.
    """
    return Person()


def factor(browser: Browser) -> int:
    """
    Return the load factor that attacks try to change.
    """
    return browser.members()[0].lbfactor


# -- sessions


def test_a_browser_has_a_session(person: Person) -> None:
    """
    Its cookie is for this page only, not for scripts, not sent from elsewhere; the nonce of its
    forms is the session's, and in no link.
    """
    page = person.get("?b=shop")
    cookie = re.search("Set-Cookie: (.*)\r\n", person.head)[1]
    name, *parts = cookie.split("; ")
    assert re.fullmatch("txbalancer-manager=[0-9a-f]{32}", name)
    assert {each.lower() for each in parts} == {"path=/bm", "httponly", "samesite=strict"}
    assert person.rig.targets.steering.nonce("shop") not in page
    assert "nonce=" not in page.replace('name="nonce"', "")
    assert person.post(w_lf="5").startswith("Changed")
    assert "Set-Cookie" not in person.head


def test_only_the_nonce_of_the_session_counts(person: Person) -> None:
    """
    Neither the balancer's own, nor another session's, nor the session's for another balancer.
    """
    person.get()
    other = Person()
    other.rig = person.rig
    nonces = [person.rig.targets.steering.nonce("shop"), other.nonce(), person.nonce("two")]
    for nonce in nonces:
        assert "another nonce" in person.post(nonce, w_lf="5")
    assert factor(person) == 150


def test_a_session_outlives_a_reload(person: Person) -> None:
    """
    A form that was open while the configuration was read again can be sent.
    """
    nonce = person.nonce()
    person.rig.targets.install(person.rig.spec)
    person.rig.site.table = person.rig.targets.table(person.rig.spec.listeners[0])
    assert person.post(nonce, w_lf="5").startswith("Changed")


def test_a_nonce_of_a_session_is_nothing_without_its_cookie(person: Person) -> None:
    """
    Who only saw the page cannot use it.
    """
    nonce = person.nonce()
    person.cookie = ""
    assert "another nonce" in Browser.send(
        person, "POST", "/bm", f"b=shop&w=http://10.0.0.1&w_lf=5&nonce={nonce}"
    )
    assert factor(person) == 150


@pytest.mark.parametrize("cookie", ["x", "", "A" * 32, "0" * 31, "0" * 33, "<script>"])
def test_a_cookie_that_we_never_gave(person: Person, cookie: str) -> None:
    """
    Is no session: a new one begins.
    """
    person.get(Cookie=f"txbalancer-manager={cookie}")
    assert re.search("txbalancer-manager=[0-9a-f]{32}", person.cookie)


def test_scripts_have_no_session(person: Person) -> None:
    """
    Who does not ask for HTML gets no cookie, and the balancer's nonce, as with Apache.
    """
    browser = Browser()
    assert browser.rig.targets.steering.nonce("shop") in browser.get()
    assert "Set-Cookie" not in browser.head


def test_nonce_none_holds_for_sessions() -> None:
    """
    Where the configuration forbids every change, no session can make one.
    """
    person = Person(CONFIGURATION.replace("growth = 2", "nonce = None"))
    assert "forbids it" in person.post(person.nonce(), w_lf="5")
    assert "forbids it" in person.post("", w_lf="5")
    assert factor(person) == 150


# -- roles


def test_who_may_only_look() -> None:
    """
    Sees everything but forms and nonces, and is refused with 403 whatever is sent.
    """
    looker, operator = Person(ROLES, "192.0.2.9"), Person(ROLES)
    page = looker.get("?b=shop&w=http://10.0.0.1")
    assert "<form" not in page
    assert "You may look at this page" in page
    assert looker.rig.targets.steering.nonce("shop") not in page
    assert looker.rig.targets.steering.nonce("shop") not in looker.get("?xml=1")
    assert "Set-Cookie" not in looker.head
    for nonce in ("", looker.rig.targets.steering.nonce("shop"), operator.nonce()):
        for field in ("w_lf", "w_probe", "b_undo", "b_revert", "w_remove"):
            told = looker.post(nonce, **{field: "1"})
            assert (looker.status, "not change anything" in told) == (403, True)
    assert factor(looker) == 150
    assert operator.post(w_lf="5").startswith("Changed")


def test_a_password_makes_an_operator(tmp_path: Path) -> None:
    """
    Who may look is asked for a password where it helps, and with it may change things; the
    wrong user may not.
    """
    users = tmp_path / "users"
    users.write_text(f"bob:{crypts.sha1(b'secret', '')}\neve:{crypts.sha1(b'secret', '')}\n")
    text = ROLES.replace("operate = ip 192.0.2.1", f"operate = user bob\nauth-file = {users}")
    person = Person(text)
    threads = Threads()
    person.rig.targets.guards.hashing.in_thread = threads.run
    page = person.get("?b=shop")
    assert "<form" not in page
    assert 'href="/bm?login=1"' in page
    person.get("?login=1")
    assert person.status == 401
    assert "WWW-Authenticate: Basic" in person.head
    person.send("POST", "/bm", "b=shop&w_lf=5&nonce=x")
    assert person.status == 401
    assert factor(person) == 150

    def log_in(user: str) -> Person:
        """
        Let somebody send a password with all that follows.
        """
        found = Person(text)
        found.rig = person.rig
        token = b64encode(f"{user}:secret".encode()).decode()
        send = found.send
        found.send = lambda *a, **k: send(*a, Authorization=f"Basic {token}", **k)
        client = found.rig.client()
        client.send(
            f"GET /bm HTTP/1.1\r\nHost: lb.test\r\nAuthorization: Basic {token}\r\n\r\n".encode()
        )
        threads.finish()
        return found

    bob, eve = log_in("bob"), log_in("eve")
    bob.get("?login=1")
    assert (bob.status, "Location: /bm" in bob.head) == (303, True)
    assert bob.post(w_lf="5").startswith("Changed")
    assert person.rig.targets.steering.past[-1].event.who == "bob at 192.0.2.1"
    assert "<form" not in eve.get("?b=shop")
    eve.post("x", w_lf="6")
    assert eve.status == 403
    assert factor(person) == 500


# -- requests from elsewhere


@pytest.mark.parametrize(
    "headers",
    [
        {"referer": None},
        {"referer": "http://evil.test/bm"},
        {"referer": "http://lb.test@evil.test/"},
        {"referer": "http://lb.test.evil.test/"},
        {"Origin": "null"},
        {"Origin": "http://evil.test"},
        {"Origin": "http://lb.test:8080"},
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/json"},
    ],
)
def test_a_form_of_another_site(person: Person, headers: dict) -> None:
    """
    Is refused even with the right cookie and the right nonce.
    """
    body = f"b=shop&w=http://10.0.0.1&w_lf=5&nonce={person.nonce()}"
    page = person.send("POST", "/bm", body, **headers)
    assert "Nothing was changed or chosen" in page
    assert factor(person) == 150


def test_a_name_that_leads_here(person: Person) -> None:
    """
    DNS rebinding: a page of evil.test, whose name is resolved to this machine, has the right
    Referer and Origin; a request from this machine has to use a name of this machine.
    """
    person.address = "127.0.0.1"
    client = person.rig.client()
    body = f"b=shop&w=http://10.0.0.1&w_lf=5&nonce={person.rig.targets.steering.nonce('shop')}"
    for host, changed in (("evil.test", False), ("localhost:80", True)):
        lines = (
            f"POST /bm HTTP/1.1\r\nHost: {host}\r\nReferer: http://{host}/bm\r\nOrigin: http://{host}"
            f"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}"
        )
        client.send(f"{lines}\r\n\r\n{body}".encode())
        told = client.taken().decode()
        assert ("is no name of this machine" in told) is not changed
        assert (factor(person) == 500) is changed


@pytest.mark.parametrize("value", ["<script>x</script>", 'a"b', "a b", "%3Cscript%3E", "["])
def test_a_host_that_is_none(person: Person, value: str) -> None:
    """
    Nothing of a strange Host gets into the page, and no form that says it is from there counts.
    """
    client = person.rig.client()
    client.send(
        f"GET /bm?b=shop HTTP/1.1\r\nHost: {value}\r\nReferer: http://{value}/\r\n\r\n".encode()
    )
    answer = client.taken().decode()
    assert "<form" not in answer
    assert "<script>" not in answer


@pytest.mark.parametrize(
    "path",
    [
        "//bm",
        "/bm/..;/bm",
        "/bm/%2e%2e/bm",
        '/bm/"onload="x',
        "/bm/%22%3E%3Cscript%3E",
        "/bm/a%0d%0ab",
    ],
)
def test_paths(person: Person, path: str) -> None:
    """
    Whatever the path is, links and forms stay on this host and in their quotes.
    """
    page = person.send("GET", f"{path}?b=shop")
    assert not re.search(r'(?:href|action)="(?!/bm|\?)', page)
    assert "<script>" not in page
    assert 'onload="' not in page
    assert "\r\nb" not in person.head.partition("\r\n\r\n")[2]


# -- markup


def test_markup_in_everything_that_is_shown() -> None:
    """
    Members, routes, causes, what checks found and said, who changed what: all is text, on the
    page and in what the script is told.
    """
    evil = "<img src=x onerror=alert(1)>"
    person = Person()
    member = person.members()[0]
    rig = person.rig
    member.route = evil.encode()
    member.redirect = evil.encode()
    rig.targets.balancers["shop"].checked(
        "http://10.0.0.1", ProbeResult(False, evil, transcript=f"> GET {evil}")
    )
    rig.targets.journal.note("change", evil, balancer="shop", member=evil, who=evil)
    rig.balancer().set_flags(member, flags.INIT | flags.IN_ERROR, evil, 0.0)
    page = person.get("?b=shop&w=http://10.0.0.1", referer=HERE)
    page += person.get(f"?b=shop&w={evil.replace(' ', '%20')}")
    page += person.post(w_wr=evil.replace("<", "%3C").replace("=", "%3D")) + person.page
    assert "<img" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") > 4


# -- guesses


def test_nonces_cannot_be_guessed_for_long() -> None:
    """
    After ten wrong ones 429, even for the right one; others are not held up.
    """
    browser = Browser()
    right = browser.nonce()
    for number in range(10):
        assert "another nonce" in browser.post(f"wrong{number}", w_lf="5")
    told = browser.post(right, w_lf="5")
    assert (browser.status, "too many wrong nonces" in told) == (429, True)
    client = browser.rig.client
    browser.rig.client = lambda: client("192.0.2.2")  # type: ignore[method-assign]
    assert browser.post(right, w_lf="3").startswith("Changed")
    browser.rig.client = client  # type: ignore[method-assign]
    browser.rig.advance(7)
    assert browser.post(right, w_lf="5").startswith("Changed")


# -- GET


def test_a_get_that_may_change() -> None:
    """
    Only where C{legacyget} is on; it needs nonce and Referer as a POST does, and a HEAD never
    changes anything.
    """
    query = "?b=shop&w=http://10.0.0.1&w_lf=5&nonce="
    plain = Browser()
    plain.get(query + plain.nonce())
    assert factor(plain) == 150
    legacy = Browser(CONFIGURATION.replace("[mount:/only]", "legacyget = on\n[mount:/only]"))
    legacy.get(query + legacy.nonce(), referer=None)
    legacy.get(query + legacy.nonce(), referer="http://evil.test/")
    legacy.send("HEAD", "/bm" + query + legacy.nonce())
    assert "another nonce" in legacy.get(query + "wrong")
    assert factor(legacy) == 150
    assert "Changed: loadfactor 1.5 → 5." in legacy.get(query + legacy.nonce())
    assert factor(legacy) == 500
    assert "Changed: " not in legacy.get("?b=shop&w=http://10.0.0.1")


def test_a_stream_is_not_for_others(person: Person) -> None:
    """
    What happens is told to this page only.
    """
    page = person.get("?live=1", referer="http://evil.test/")
    assert "Nothing was changed or chosen" in page
    assert "text/event-stream" not in person.head
