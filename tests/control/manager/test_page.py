"""
The manager's page: what it shows, how it is found, and what else it lets in.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.control.manager.boards import CONFIGURATION, Browser, Table
from txbalancer.core import flags
from txbalancer.core.health import ProbeResult


@pytest.fixture
def browser() -> Browser:
    """
    Return a browser before the page.
    """
    return Browser()


def test_M1_methods(browser: Browser) -> None:
    """
    GET, HEAD, POST and OPTIONS; anything else is 405 and told what would be right.
    """
    page = browser.get(referer=None)
    assert browser.status == 200
    assert "Content-Type: text/html; charset=utf-8" in browser.head
    assert "Cache-Control: no-store" in browser.head
    assert browser.send("HEAD", "/bm") == ""
    assert f"Content-Length: {len(page.encode())}" in browser.head
    assert (browser.send("OPTIONS", "/bm"), browser.status) == ("", 200)
    assert "Allow: GET, HEAD, POST, OPTIONS" in browser.head
    for method in ("PUT", "DELETE", "PATCH"):
        browser.send(method, "/bm")
        assert browser.status == 405
        assert "Allow: GET, HEAD, POST, OPTIONS" in browser.head


def test_M1_below_the_mount(browser: Browser) -> None:
    """
    Sub-paths are the same page, with links to themselves.
    """
    page = browser.send("GET", "/bm/deeper/")
    assert "/bm/deeper/?b=shop&amp;nonce=" in page
    assert "balancer://two" in page


def test_only_some_balancers(browser: Browser) -> None:
    """
    A page may be for a few; the others are not there, by any name.
    """
    page = browser.send("GET", "/only?b=shop")
    assert "balancer://two" in page
    assert "shop" not in page.replace("balancer://two", "")
    assert "shop" not in browser.send("GET", "/only?xml=1")


def test_M3_head(browser: Browser) -> None:
    """
    The server's version, in the form that scripts look for, and whether changes outlive a restart.
    """
    page = browser.get()
    assert "Server Version: Apache/2.4." in page
    assert "Balancer changes will NOT be persisted on restart." in page
    kept = Browser(CONFIGURATION.replace("[txbalancer]", "[txbalancer]\nstate = /tmp/x"))
    assert "Balancer changes will be persisted on restart." in kept.get()


def test_M4_M5_tables(browser: Browser) -> None:
    """
    Apache's columns with its words, in its order; ours come after them.
    """
    table = Table(browser.get())
    assert table.rows(0) == [
        {
            "MaxMembers": "4 [2 Used]",
            "StickySession": "A|b",
            "DisableFailover": "Off",
            "Timeout": "0",
            "FailoverAttempts": "1",
            "Method": "byrequests",
            "Path": "/",
            "Active": "Yes",
        }
    ]
    first, second = table.rows(1)
    assert list(first.items())[:11] == [
        ("Worker URL", "http://10.0.0.1"),
        ("Route", "a"),
        ("RouteRedir", "b"),
        ("Factor", "1.50"),
        ("Set", "0"),
        ("Status", "Init Ok "),
        ("Elected", "0"),
        ("Busy", "0"),
        ("Load", "0"),
        ("To", "  0 "),
        ("From", "  0 "),
    ]
    assert list(first.items())[11:] == [
        ("Requests", "0/s"),
        ("Errors", "0 %"),
        ("p50 / p95 / p99", None),
        ("Pool", "0 busy, 0 idle"),
        ("Changed", None),
        ("State", "in use"),
    ]
    assert (second["Status"], second["State"]) == ("Init Dis ", "out: disabled")
    assert table.rows(2)[0]["StickySession"] == " (None) "
    assert table.rows(4) == [{"Expr name": "ok2", "Expression": "%{REQUEST_STATUS} =~ /^2/"}]


def test_M4_a_cookie_of_the_balancers_own() -> None:
    """
    Sessions that are kept by stickycookie are not shown as none.
    """
    own = Browser(CONFIGURATION.replace("[balancer:two]", "[balancer:two]\nstickycookie = R"))
    assert Table(own.get()).rows(2)[0]["StickySession"] == "R (set here)"


def test_M5_health_checks(browser: Browser) -> None:
    """
    Columns of checks where there are any, with the result of the last.
    """
    browser.post(w_hm="get", w_he="ok2", w_hf="1")
    rig = browser.rig
    resource = rig.targets.balancers["shop"]
    resource.checked("http://10.0.0.1", ProbeResult(False, "status 503", 0.012))
    rig.advance(65)
    row = Table(browser.get()).rows(1)[0]
    assert row["Status"] == "Init HcFl "
    assert [row[key] for key in ("HC Method", "HC Interval", "Passes", "Fails")] == [
        "GET",
        "5000ms",
        "2 (0)",
        "1 (1)",
    ]
    assert (row["HC uri"], row["HC Expr"]) == ("/", "ok2")
    assert row["Last check"] == "failed: status 503, took 12 ms; 1 min ago"
    assert row["State"] == (
        "out for 1 min: its health checks fail: status 503; back after 2 passes in a row"
        " (0 so far), next check in 5 s"
    )
    assert row["Changed"] == "hcmethod, hcuri, hcexpr, hcfails"


def test_C9_sums_are_shown_as_such() -> None:
    """
    Where checks are counted as in Apache, the page has its sums.
    """
    text = CONFIGURATION.replace(
        "route=a", "route=a hcmethod=get hcuri=/ hccounting=sums hcfails=5"
    )
    browser = Browser(text)
    for passed in (False, True, False):
        browser.rig.targets.balancers["shop"].checked("http://10.0.0.1", ProbeResult(passed))
    row = Table(browser.get()).rows(1)[0]
    health = browser.members()[0].health
    assert (row["Passes"], row["Fails"]) == (f"2 ({health.passes})", f"5 ({health.fails})")
    assert health.fails == 2


def test_M6_forms(browser: Browser) -> None:
    """
    Those of a balancer with b, of a member with w too; the nonce need not be right for that.
    """
    assert "<form" not in browser.get()
    page = Table(browser.get("?b=SHOP&nonce=wrong"))
    names = ["b", "nonce", "b_tmo", "b_max", "b_ss", "b_sforce", "b_nwrkr", "b_wyes"]
    assert set(page.inputs) == set(names)
    page = Table(browser.get("?b=shop&w=http://10.0.0.10:8080/app"))
    assert page.ticked == ["w_status_D"]
    assert {
        "w_lf": ["1.00"],
        "w_ls": ["0"],
        "w_wr": ["b"],
        "w_rr": [""],
    }.items() <= page.inputs.items()
    assert {f"w_status_{each}" for each in "INDHRCS"} <= set(page.inputs)
    assert page.inputs["w_status_N"] == ["0", "1"]
    assert "<form" not in browser.get("?b=nosuch")
    assert browser.status == 200
    assert "w_lf" not in Table(browser.get("?b=shop&w=http://nosuch")).inputs


def test_M11_without_referer_the_plain_page(browser: Browser) -> None:
    """
    200 and no forms, nor XML.
    """
    for query in ("?b=shop", "?xml=1"):
        page = browser.get(query, referer=None)
        assert (browser.status, "<form" in page) == (200, False)
        assert page.startswith("<!DOCTYPE html>")
        assert "no Referer header" in page


def test_the_chosen_balancer_comes_first(browser: Browser) -> None:
    """
    For people, and for scripts that look no further than the second table.
    """
    assert Table(browser.get("?b=two")).rows(1)[0]["Worker URL"] == "http://10.0.0.3"


def test_nothing_but_the_page_itself(browser: Browser) -> None:
    """
    No script but our one, no inline style, nothing from elsewhere; the policy says the same to
    browsers.
    """
    page = browser.get("?b=shop&w=http://10.0.0.1")
    policy = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self';"
    assert policy in browser.head
    assert "unsafe" not in browser.head
    assert "frame-ancestors 'none'" in browser.head
    assert "Referrer-Policy: same-origin" in browser.head
    assert "X-Content-Type-Options: nosniff" in browser.head
    assert re.findall("<script.*", page) == re.findall(
        r'<script src="\?script=\w+" defer></script>', page
    )
    assert not re.search(r"<style|style=\"| on\w+=", page)
    assert re.findall(r'<link rel="(\w+)" href="(\?style=\w+)">', page)
    assert not re.search(r'(href|action)="(?!/bm|\?)', page)


def test_the_style_sheet_is_where_the_page_is(browser: Browser) -> None:
    """
    Found by a link relative to the page, and kept, as its address names its content; so is the
    script.
    """
    link = re.search(r'href="(\?style=\w+)"', browser.get())[1]
    assert "color-scheme: light dark" in browser.get(link, referer=None)
    assert "Content-Type: text/css" in browser.head
    assert "immutable" in browser.head
    link = re.search(r'src="(\?script=\w+)"', browser.get())[1]
    assert "EventSource" in browser.get(link, referer=None)
    assert "Content-Type: text/javascript" in browser.head
    assert "immutable" in browser.head


def test_everything_is_escaped(browser: Browser) -> None:
    """
    What a request says, and what members and checks say, is text.
    """
    evil = "<script>alert(1)</script>"
    member = browser.members()[0]
    browser.rig.balancer().set_flags(member, flags.INIT | flags.IN_ERROR, evil, 0.0)
    page = browser.get("?b=shop", referer=f"http://{evil}/")
    page += browser.post(w_lf=evil.replace("<", "%3C")) + browser.page
    page += browser.send("GET", "/bm/%3Cscript%3E\"'?b=shop")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"&(?!amp;|lt;|gt;|#\d+;)", browser.get("?b=shop&w=http://10.0.0.1"))


def test_links_stay_on_this_host(browser: Browser) -> None:
    """
    A path of two slashes would be another host to a browser.
    """
    page = browser.send("GET", "//bm?b=shop")
    assert 'href="//' not in page
    assert 'href="/bm?b=two' in page


def test_a_member_of_a_unix_socket() -> None:
    """
    Its link leads to its form.
    """
    text = CONFIGURATION.replace("http://10.0.0.3", "unix:/run/a.sock|http://localhost")
    browser = Browser(text)
    link = next(each for each in Table(browser.get()).links if "unix" in each)
    page = browser.send("GET", link)
    assert "w_lf" in Table(page).inputs


def test_each_condition_in_words(browser: Browser) -> None:
    """
    What a member's flags mean for requests.
    """
    balancer, member = browser.rig.balancer(), browser.members()[0]
    for bits, words in (
        (
            flags.INIT | flags.DRAIN,
            "draining for 0 s: takes the requests of its sessions only; 0 in progress, no request"
            " of a session for 0 s, empty in about 1 min",
        ),
        (flags.INIT | flags.STANDBY, "hot standby for 0 s: takes requests when all others are out"),
        (flags.INIT | flags.SPARE, "hot spare for 0 s: takes requests when another is out"),
        (flags.INIT | flags.STOPPED, "out for 0 s: stopped, takes no requests and no checks"),
        (
            flags.INIT | flags.HC_FAILED,
            "out for 0 s: its health checks fail; nothing checks it now",
        ),
        (0, "out for 0 s: not ready"),
    ):
        balancer.set_flags(member, bits, "", browser.rig.runtime.now())
        assert Table(browser.get()).rows(1)[0]["State"].startswith(words)
    balancer.set_flags(member, flags.INIT | flags.IN_ERROR, "", browser.rig.runtime.now())
    row = Table(browser.get()).rows(1)[0]
    assert row["State"] == "out for 0 s: in error; tried again with the next request"
    bits = flags.INIT | flags.IN_ERROR | flags.IGNORE_ERRORS
    balancer.set_flags(member, bits, "x", browser.rig.runtime.now())
    assert "in error: x; tried all the same" in browser.get()


@pytest.mark.parametrize(
    ("options", "results", "words"),
    [
        ({}, "-", "status 500; back after 2 passes in a row (0 so far), next check in 5 s"),
        ({}, "-+", "status 500; back after 2 passes in a row (1 so far), next check in 5 s"),
        ({"w_hp": "1"}, "-", "status 500; back after the first that passes, next check in 5 s"),
    ],
)
def test_what_has_to_happen_after_failed_checks(
    browser: Browser, options: dict[str, str], results: str, words: str
) -> None:
    """
    What failed, how many have to pass, and when the next one is due: no C{retry} ends it.
    """
    rig, name = browser.rig, "http://10.0.0.1"
    browser.post(w_hm="get", w_hf="1")
    rig.balancer().force_error(browser.members()[0], "refused", rig.runtime.now())
    for each in results:
        passed = each == "+"
        rig.targets.balancers["shop"].checked(name, ProbeResult(passed, f"status {500 - passed}"))
    if options:
        browser.post(**options)
    state = Table(browser.get()).rows(1)[0]["State"]
    assert state.startswith(f"out for 0 s: its health checks fail: {words}")
    rig.advance(5.2)
    assert Table(browser.get()).rows(1)[0]["State"].endswith("next check now")


def test_a_command_is_not_why_a_member_is_in_error(browser: Browser) -> None:
    """
    What people change about one that is out says nothing of how it came to that.
    """
    browser.rig.balancer().force_error(browser.members()[0], "refused", browser.rig.runtime.now())
    browser.post(w_status_N="1")
    state = Table(browser.get()).rows(1)[0]["State"]
    assert state.startswith("out for 0 s: in error; tried again in 10 s")


def test_an_error_that_checks_may_end(browser: Browser) -> None:
    """
    Passed checks bring a member back before C{retry} does.
    """
    member, now = browser.members()[0], browser.rig.runtime.now
    browser.post(w_hm="get")
    browser.rig.balancer().force_error(member, "refused", now())
    member.spec = replace(member.spec, retry=30.0)
    state = Table(browser.get()).rows(1)[0]["State"]
    assert state == ("out for 0 s: in error: refused; tried again in 30 s, or when its checks pass")


def test_without_balancers() -> None:
    """
    The page says that there are none.
    """
    browser = Browser("[listener:web]\nendpoint = tcp:80\n[mount:/bm]\nto = manager:\n")
    assert "There is no balancer to show." in browser.get()


def test_those_that_are_out_are_named_first() -> None:
    """
    Of many members one line tells which are out, the faulty ones first, and not by links, which
    scripts take for more members; a few are seen anyway.
    """
    members = "".join(f"    http://10.1.0.{n}\n" for n in range(20))
    browser = Browser(CONFIGURATION.replace("members = http://10.0.0.3", f"members =\n{members}"))
    page = browser.get()
    before = [each.partition("&nonce")[0] for each in Table(page).links]
    shop, two = re.findall('<p class="out"[^>]*>', page)
    assert "hidden" in shop  # one of its two is disabled
    assert "hidden" in two
    found = browser.rig.balancer("two").members
    found[3].flags |= flags.DISABLED
    found[7].flags |= flags.IN_ERROR
    page = browser.get()
    told = re.findall('<p class="out" data-live="out">(.*)</p>', page)
    assert [re.sub("<[^>]*>", "", each) for each in told] == [
        "Out: http://10.1.0.7, http://10.1.0.3"
    ]
    assert '<b class="tone bad">http://10.1.0.7</b>' in told[0]
    assert [each.partition("&nonce")[0] for each in Table(page).links] == before
    for each in found:
        each.flags |= flags.DISABLED
    assert re.findall("10.1.0.9</b></span><span> and 10 more", browser.get())


def test_a_thousand_members_are_shown_quickly() -> None:
    """
    The page of a big balancer does not hold up requests for long.
    """
    import time

    members = "\n".join(f"    http://10.1.{n // 250}.{n % 250}" for n in range(1000))
    text = CONFIGURATION.replace("members = http://10.0.0.3", f"members =\n{members}")
    browser = Browser(text)
    browser.get()
    began = time.process_time()
    assert browser.get().count("<tr") > 1000
    assert time.process_time() - began < 1.0
