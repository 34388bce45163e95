"""
Scripts that steer Apache's balancer-manager steer this one.

The requests are those of Ansible's module for it and of shell scripts with curl, and what
they find in the page is found in the same way.
"""

from __future__ import annotations

import re

from tests.control.manager.boards import HERE, Browser, Table

LINK = re.compile(
    r"(b=([\w.\-]+)&w=(https?|ajp|wss?|ftp|[sf]cgi)://([\w.\-]+):?(\d*)([/\w.\-]*)&?[\w\-=]*)"
)


class Playbook:
    """
    Reads the page once, and then each member's own, which it finds by the links in it.
    """

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        page = browser.get(referer=None)
        version = re.search(r"SERVER VERSION: APACHE/([\d.]+)", page.upper())
        assert re.search(r"2\.4\.\d*", version[1])
        # The first link is the balancer's; those that follow are taken for members.
        self.links = [link for link in Table(page).links[1:] if LINK.search(link)]

    def link(self, host: str) -> str:
        """
        Return the link of the member on a host.
        """
        return next(link for link in self.links if LINK.search(link)[4] == host)

    def attributes(self, host: str) -> dict[str, str | None]:
        """
        Look a member up in the second table of its own page, by its host.
        """
        tables = Table(self.browser.send("GET", self.link(host), referer=HERE)).tables
        keys, *rows = tables[1]
        found = next(row for row in rows if any(host in (cell or "") for cell in row))
        return {keys[place]: found[place] for place in range(len(keys))}

    def set(self, host: str, **wanted: int) -> None:
        """
        Post the state of a member, to its link and with the link's own fields.
        """
        link = self.link(host)
        body = LINK.search(link)[1] + "".join(f"&w_status_{k}={v}" for k, v in wanted.items())
        self.browser.send("POST", link, body)
        assert self.browser.status == 200

    def state(self, host: str) -> list[str]:
        """
        Tell which of the four states of a playbook a member has.
        """
        status = self.attributes(host)["Status"]
        return [word for word in ("Dis", "Drn", "Stby", "Ign") if word in status]


def test_members_are_found() -> None:
    """
    With protocol, host, port and path.
    """
    playbook = Playbook(Browser())
    found = [LINK.search(link).groups()[1:] for link in playbook.links]
    assert found == [
        ("shop", "http", "10.0.0.1", "", ""),
        ("shop", "http", "10.0.0.10", "8080", "/app"),
        ("two", "http", "10.0.0.3", "", ""),
    ]


def test_attributes_of_a_member() -> None:
    """
    All of Apache's columns have a text of their own.
    """
    playbook = Playbook(Browser())
    found = playbook.attributes("10.0.0.10")
    assert {
        "Worker URL": "http://10.0.0.10:8080/app",
        "Route": "b",
        "RouteRedir": None,
        "Factor": "1.00",
        "Set": "0",
        "Status": "Init Dis ",
        "Elected": "0",
        "Busy": "0",
        "Load": "0",
        "To": "  0 ",
        "From": "  0 ",
    }.items() <= found.items()
    assert playbook.attributes("10.0.0.3")["Status"] == "Init Ok "


def test_states_are_set_and_cleared() -> None:
    """
    Absent, drained, hot standby and so on, each seen in the page afterwards.
    """
    playbook = Playbook(Browser())
    playbook.set("10.0.0.1", D=0, N=1, H=1, I=0)
    assert playbook.state("10.0.0.1") == ["Drn", "Stby"]
    playbook.set("10.0.0.1", D=1, N=0, H=0, I=1)
    assert playbook.state("10.0.0.1") == ["Dis", "Ign"]
    playbook.set("10.0.0.10", D=0, N=0, H=0, I=0)
    assert playbook.state("10.0.0.10") == []
    assert playbook.state("10.0.0.1") == ["Dis", "Ign"]


def test_a_shell_script() -> None:
    """
    It cuts the nonce out of the page, posts one field, and looks for the word.
    """
    browser = Browser()
    page = browser.get(referer=None)
    nonce = re.search(r"nonce=([-0-9a-f]+)", page)[1]
    worker = "http%3A%2F%2F10.0.0.1"
    page = browser.send(
        "POST", "/bm", f"w={worker}&b=shop&w_status_D=1&nonce={nonce}", referer="http://lb.test/bm"
    )
    row = re.search(r"<tr[^>]*>\s*<td[^>]*><a[^>]*>http://10\.0\.0\.1</a></td>.*?</tr>", page, re.S)
    assert "Init Dis" in row[0]


def test_the_scenario_of_apaches_own_test() -> None:
    """
    The page is read and its nonce taken; a member is refused without Referer, added with it, and
    enabled; then it has its share of the traffic.
    """
    browser = Browser()
    nonce = re.search(r"b=shop&amp;nonce=([-0-9a-f]+)", browser.get(referer=None))[1]
    body = f"b=shop&nonce={nonce}&b_nwrkr=http%3A%2F%2F10.0.0.7&b_wyes=1"
    browser.send("POST", "/bm", body, referer=None)
    assert "10.0.0.7" not in browser.get()
    page = browser.send("POST", "/bm", body)
    assert "Changed: member none → http://10.0.0.7." in page
    enable = f"b=shop&w=http%3A%2F%2F10.0.0.7&nonce={nonce}&w_status_D=0"
    browser.send("POST", "/bm", enable)
    asked = set()
    for _ in range(4):
        browser.rig.client().send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        (opening,) = browser.rig.openings()
        asked.add(opening.address)
        opening.accept()
    assert asked == {("10.0.0.1", 80), ("10.0.0.7", 80)}
