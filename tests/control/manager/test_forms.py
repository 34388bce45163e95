"""
Forms of the manager and what they change (APACHE section 8.3).
"""

from __future__ import annotations

import pytest
from twisted.logger import globalLogPublisher

from tests.control.manager.boards import CONFIGURATION, Browser
from txbalancer.core import flags
from txbalancer.core.specs import StickyNames
from txbalancer.testing import MemoryRig

LETTERS = {
    "I": flags.IGNORE_ERRORS,
    "N": flags.DRAIN,
    "D": flags.DISABLED,
    "H": flags.STANDBY,
    "R": flags.SPARE,
    "C": flags.HC_FAILED,
    "S": flags.STOPPED,
}


@pytest.fixture
def browser() -> Browser:
    """
    Return a browser before the page.
    """
    return Browser()


def test_the_last_member_in_use(browser: Browser) -> None:
    """
    To take it away is done, and told; the form is not as after a fault.
    """
    told = browser.post(w_status_D="1").splitlines()
    assert told[0].endswith("state in use → disabled.")
    assert told[1:] == ["shop has no member in use now."]
    assert 'class="message watch"' in browser.page
    assert "shop has" not in browser.post(w_status_D="0")


@pytest.mark.parametrize("letter", LETTERS)
def test_w_status(browser: Browser, letter: str) -> None:
    """
    A number sets the flag, 0 clears it, and what it was on the way is told.
    """
    (member, _), bit = browser.members(), LETTERS[letter]
    assert "state in use → " in browser.post(**{f"w_status_{letter}": "1"})
    assert member.flags & bit
    assert "Nothing to change" in browser.post(**{f"w_status_{letter}": "9"})
    browser.post(**{f"w_status_{letter}": "0"})
    assert not member.flags & bit


@pytest.mark.parametrize(
    ("fields", "attribute", "value"),
    [
        ({"w_ls": "99"}, "lbset", 99),
        ({"w_wr": "node1"}, "route", b"node1"),
        ({"w_wr": ""}, "route", b""),
        ({"w_rr": ""}, "redirect", b""),
        ({"w_rr": "x" * 63}, "redirect", b"x" * 63),
    ],
)
def test_ranking(browser: Browser, fields: dict, attribute: str, value: object) -> None:
    """
    Set and Route as they are written, an empty route is none.
    """
    assert browser.post(**fields).startswith("Changed:")
    assert getattr(browser.members()[0], attribute) == value


def test_w_lf_starts_all_anew(browser: Browser) -> None:
    """
    Every member's lbstatus becomes its factor; the same factor again is no change.
    """
    balancer = browser.rig.balancer()
    balancer.members[0].base = 7
    assert browser.post(w_lf="2.5") == "Changed: loadfactor 1.5 → 2.5."
    assert [balancer.lbstatus(each) for each in balancer.members] == [250, 100]
    balancer.members[0].base = 7
    assert "Nothing to change" in browser.post(w_lf="2.50")
    assert balancer.lbstatus(balancer.members[0]) == 7


def test_w_lf_of_a_lone_member(browser: Browser) -> None:
    """
    The factor is what was posted; Apache would say 1.00 whatever that was.
    """
    browser.post(b="two", w="http://10.0.0.3", w_lf="5")
    assert browser.members("two")[0].lbfactor == 500


def test_health_checks(browser: Browser) -> None:
    """
    Method, interval in milliseconds, counts, path and expression; a method that asks for a path
    gets one, one that asks nothing loses its expression.
    """
    told = browser.post(w_hm="GET", w_hi="250", w_hp="3", w_hf="4", w_he="ok2")
    spec = browser.members()[0].spec
    assert "hcinterval 5s → 250ms" in told
    assert (spec.hcmethod, spec.hcinterval, spec.hcpasses, spec.hcfails) == ("get", 0.25, 3, 4)
    assert (spec.hcuri, spec.hcexpr) == ("/", "ok2")
    browser.post(w_hu="/health", w_hi="2s")
    spec = browser.members()[0].spec
    assert (spec.hcuri, spec.hcinterval) == ("/health", 2.0)
    browser.post(w_hm="TCP")
    assert (browser.members()[0].spec.hcmethod, browser.members()[0].spec.hcexpr) == ("tcp", "")
    browser.post(w_hm="NONE", w_he="")
    assert browser.members()[0].spec.hcmethod == "none"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("S", StickyNames("S", "S")),
        ("S|s", StickyNames("S", "s")),
        ("-", None),
    ],
)
def test_PR69510_b_ss(browser: Browser, text: str, names: StickyNames | None) -> None:
    """
    One name is for cookie and URL, two are one for each, and a dash is for none: each time anew.
    """
    browser.post(b_ss="old|older")
    browser.post(b_ss=text)
    assert browser.rig.balancer().spec.stickysession == names


def test_options_of_a_balancer(browser: Browser) -> None:
    """
    All of them, where empty leaves as is and a dash unsets.
    """
    browser.post(b_lbm="bytraffic", b_tmo="30", b_max="5", b_sforce="1", b_ss="X|y")
    spec = browser.rig.balancer().spec
    assert (spec.lbmethod, spec.timeout, spec.maxattempts) == ("bytraffic", 30.0, 5)
    assert (spec.nofailover, spec.stickysession) == (True, StickyNames("X", "y"))
    assert "Nothing to change" in browser.post(b_lbm="", b_tmo="", b_max="", b_sforce="", b_ss="")
    browser.post(b_max="-", b_sforce="0", b_ss="-", b_tmo="0")
    spec = browser.rig.balancer().spec
    assert (spec.maxattempts, spec.nofailover, spec.stickysession) == (None, False, None)
    assert "Nothing to change" in browser.post(b_max="-", b_ss="-")


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"w_lf": "0.5"}, "w_lf: &#39;0.5&#39; is not a number from 1 to 100"),
        ({"w_lf": "junk"}, "w_lf"),
        ({"w_ls": "100"}, "w_ls"),
        ({"w_wr": "x" * 64}, "w_wr: "),
        ({"w_wr": "a;b"}, "w_wr: "),
        ({"w_hi": "99"}, "w_hi: &#39;99&#39; is out of range: 100ms to"),
        ({"w_hp": "0"}, "w_hp"),
        ({"w_hf": "-1"}, "w_hf"),
        ({"w_hm": "CPING"}, "hcmethod=cping does not ask http:// members: use tcp"),
        ({"w_hm": "nosuch"}, "there is no health check &#39;nosuch&#39;"),
        ({"w_hu": "x"}, "w_hu: "),
        ({"w_he": "nosuch"}, "there is no expression &#39;nosuch&#39;; use ok2"),
        ({"w_status_D": "On"}, "1 sets, 0 clears"),
        ({"w_status_E": "0"}, "w_clear=1 ends an error"),
        ({"b_lbm": "nosuch"}, "there is no lbmethod &#39;nosuch&#39;; use bybusyness"),
        ({"b_tmo": "7201"}, "b_tmo: "),
        ({"b_max": "100"}, "b_max: "),
        ({"b_sforce": "yes"}, "b_sforce: "),
        ({"b_ss": "a b"}, "b_ss: "),
        ({"w_remove": "1"}, "w_remove: tick the box"),
        ({"b_nwrkr": "http://10.0.0.7"}, "b_nwrkr: tick the box"),
        ({"w": "http://10.0.0.100"}, "shop has no member http://10.0.0.100"),
        ({"w": "x"}, "shop has no member x"),
    ],
)
def test_X31_a_fault_changes_nothing_at_all(browser: Browser, fields: dict, fault: str) -> None:
    """
    The page says what is wrong, with 200, as scripts expect; nothing else of the form is done
    and what was typed is still there.
    """
    told = browser.post(**{"w_rr": "typed", "b_tmo": "5", **fields})
    assert browser.status == 200
    assert fault in told
    assert "Nothing was changed" in told
    assert browser.members()[0].redirect == b"b"
    assert browser.rig.balancer().spec.timeout == 0
    if fields.get("w") is None:
        assert 'value="typed"' in browser.page


def test_X40_b_nwrkr_adds_a_member(browser: Browser) -> None:
    """
    Disabled at first, with options if some are given after the URL.
    """
    told = browser.post(b_nwrkr="HTTP://10.0.0.7:80", b_wyes="1")
    assert told == "Changed: member none → http://10.0.0.7."
    browser.post(b_nwrkr="http://10.0.0.8:81/x+route=c+loadfactor=3+hcmethod=get", b_wyes="1")
    *_, first, second = browser.members()
    assert flags.describe(first.flags) == "Init Dis "
    assert first.spec.retry == 10.0
    assert (second.name, second.route, second.lbfactor) == ("http://10.0.0.8:81/x", b"c", 300)
    assert (second.spec.hcuri, second.pool is not None) == ("/", True)
    browser.post(w="http://10.0.0.8:81/x", w_status_D="0")
    assert second.usable


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("http://10.0.0.1:80", "has a member http://10.0.0.1 already"),
        ("ftp://x", "ftp:// is not available"),
        ("10.0.0.7:80", "did you mean http://10.0.0.7:80?"),
        ("http://10.0.0.7 speed=9", "speed: is not known here"),
        ("http://10.0.0.7 hcmethod=get hcexpr=nosuch", "no expression"),
        ("https://10.0.0.7 sslproxycacertificatepath=/etc", "belongs in the configuration"),
    ],
)
def test_b_nwrkr_refused(browser: Browser, text: str, fault: str) -> None:
    """
    What cannot be a member is told; 400 in Apache as well, where it is not one's URL.
    """
    assert fault in browser.post(b_nwrkr=text.replace(" ", "+"), b_wyes="1", b_tmo="9")
    assert len(browser.members()) == 2
    assert browser.rig.balancer().spec.timeout == 0


def test_M42_growth(browser: Browser) -> None:
    """
    No more than the configuration allows: 400, and the form does not offer it.
    """
    for number in (7, 8):
        browser.post(b_nwrkr=f"http://10.0.0.{number}", b_wyes="1")
    assert "b_nwrkr" not in browser.page
    assert "growth = 2" in browser.post(b_nwrkr="http://10.0.0.9", b_wyes="1")
    assert browser.status == 400


def test_X31_remove_and_bring_back(browser: Browser) -> None:
    """
    A removed member is gone; added again it has what the configuration says.
    """
    told = browser.post(w="http://10.0.0.10:8080/app", w_remove="1", w_ryes="1")
    assert told == "Changed: member http://10.0.0.10:8080/app → none."
    assert [each.name for each in browser.members()] == ["http://10.0.0.1"]
    assert "removed at run time: http://10.0.0.10:8080/app" in browser.page
    browser.post(b_nwrkr="http://10.0.0.10:8080/app", b_wyes="1")
    assert browser.members()[1].route == b"b"


def test_revert(browser: Browser) -> None:
    """
    The page shows what is other than configured, and gives it back.
    """
    browser.post(w_lf="9", b_tmo="5")
    assert "<b>loadfactor</b> is 9, configured 1.5" in browser.page
    assert "changed at run time: timeout" in browser.page
    browser.post(w_revert="1", b_revert="1")
    assert browser.members()[0].lbfactor == 150
    assert browser.rig.balancer().spec.timeout == 0
    assert "at run time" not in browser.page


def test_X13_an_error_can_be_forgiven(browser: Browser) -> None:
    """
    There is a button for it while a member is in error.
    """
    member = browser.members()[0]
    browser.rig.balancer().force_error(member, "connect-failed", browser.rig.runtime.now())
    page = browser.get(f"?b=shop&w={member.name}")
    assert "w_clear" in page
    assert "out for 0 s: in error: connect-failed; tried again in 10 s" in page
    browser.post(w_clear="1")
    assert member.usable
    assert "w_clear" not in browser.page


def test_enabling_keeps_lbstatus(browser: Browser) -> None:
    """
    A member that is enabled goes on with its old value (M25).
    """
    member = browser.members()[1]
    member.base = -300
    browser.post(w=member.name, w_status_D="0")
    assert browser.rig.balancer().lbstatus(member) == -300


@pytest.mark.parametrize("nonce", ["", "wrong", "-none-"])
def test_M20_no_change_without_the_nonce(browser: Browser, nonce: str) -> None:
    """
    200, the page, and a new nonce in it.
    """
    assert "another nonce" in browser.post(nonce, w_lf="5")
    assert (browser.status, browser.members()[0].lbfactor) == (200, 150)
    assert browser.nonce() in browser.page


def test_M20_each_balancer_has_its_own_nonce(browser: Browser) -> None:
    """
    That of one is no good for another.
    """
    assert "another nonce" in browser.post(browser.nonce("two"), w_lf="5")
    assert browser.nonce() != Browser().nonce()


def test_M20_a_configured_nonce() -> None:
    """
    It is the same in every run; None forbids every change.
    """
    fixed = Browser(CONFIGURATION.replace("growth = 2", "nonce = 0123456789abcdef"))
    assert fixed.nonce() == "0123456789abcdef"
    assert fixed.post(w_lf="5").startswith("Changed")
    none = Browser(CONFIGURATION.replace("growth = 2", "nonce = None"))
    assert "nonce = None in the configuration forbids it" in none.post("None", w_lf="5")


def test_M11_a_form_from_elsewhere(browser: Browser) -> None:
    """
    It changes nothing, and the page says why.
    """
    body = f"b=shop&w=http://10.0.0.1&w_lf=5&nonce={browser.nonce()}"
    for more in (
        {"referer": None},
        {"referer": "http://evil.test/"},
        {"Origin": "http://evil.test"},
        {"Content_Type": "text/plain"},
    ):
        page = browser.send("POST", "/bm", body, **more)
        assert browser.status == 200
        assert "Nothing was changed or chosen" in page
    assert browser.members()[0].lbfactor == 150
    browser.send("POST", "/bm", body, Origin="http://lb.test")
    assert browser.members()[0].lbfactor == 500


def test_M10_a_get_changes_nothing(browser: Browser) -> None:
    """
    Whatever its query has.
    """
    browser.get(f"?b=shop&w=http://10.0.0.1&w_lf=5&nonce={browser.nonce()}")
    assert browser.members()[0].lbfactor == 150


def test_a_form_for_no_balancer(browser: Browser) -> None:
    """
    One that is not there, or not on this page, is not changed.
    """
    assert "names no balancer" in browser.send("POST", "/bm", "b=nosuch&w_lf=5")
    nonce = browser.nonce()
    assert "names no balancer" in browser.post(nonce, "/only", w_lf="5")
    assert browser.members()[0].lbfactor == 150


def test_M6_below_a_member(browser: Browser) -> None:
    """
    The longest member's URL that the given one is below of counts, at a slash only.
    """
    browser.post(b="SHOP", nonce=browser.nonce(), w="http://10.0.0.10:8080/app/deep", w_ls="3")
    assert [each.lbset for each in browser.members()] == [0, 3]


def test_too_long_a_form(browser: Browser) -> None:
    """
    It is refused as a whole, with the limit.
    """
    page = browser.send("POST", "/bm", "b=shop&x=" + "x" * 20000)
    assert (browser.status, page) == (413, "A form of 20009 bytes: 16384 are allowed.\n")


def test_every_change_is_logged(browser: Browser) -> None:
    """
    Who, what, before and after; refused requests as well.
    """
    events: list[dict] = []
    globalLogPublisher.addObserver(events.append)
    try:
        browser.post(w_lf="2", w_wr="")
        browser.post(w_lf="2")
        browser.get("?b=shop", referer=None)
    finally:
        globalLogPublisher.removeObserver(events.append)
    (told,) = [each for each in events if "who" in each]
    assert told["log_level"].name == "info"
    assert (told["who"], told["balancer"]) == ("192.0.2.1", "shop")
    assert told["member"] == " http://10.0.0.1"
    assert told["changes"] == "loadfactor 1.5 -> 2, route a -> (empty)"
    assert (told["before"], told["after"]) == (
        {"loadfactor": "1.5", "route": "a"},
        {"loadfactor": "2", "route": ""},
    )
    assert [each["why"] for each in events if "why" in each] == [
        "the request has no Referer header that names this host: follow a link of this page,"
        " or have the script send one"
    ]


def test_apache_defaults_for_a_new_member() -> None:
    """
    Where the file has Apache's defaults, a member that is added has them, too.
    """
    browser = Browser(CONFIGURATION.replace("[txbalancer]", "[txbalancer]\ndefaults = apache"))
    browser.post(b_nwrkr="http://10.0.0.7", b_wyes="1")
    assert browser.members()[-1].spec.retry == 60.0


def test_requests_that_wait_are_served(browser: Browser) -> None:
    """
    An enabled member takes the requests that found nobody.
    """
    rig: MemoryRig = browser.rig
    browser.post(w_status_D="1", b_tmo="30")
    client = rig.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert rig.openings() == []
    browser.post(w_status_D="0")
    rig.advance(0.1)
    assert rig.accept().taken().startswith(b"GET / HTTP/1.1")
