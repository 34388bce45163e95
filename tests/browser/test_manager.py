"""
The manager's page in a browser: every form, what is live, how it looks, who can use it.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import urllib.request
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import Member
from tests.integration.process import BalancerProcess

pytestmark = [pytest.mark.integration, pytest.mark.peers]

LIMITED = ("serious", "critical")


def ask(process: BalancerProcess, path: str, cookie: str = "") -> bytes:
    """
    Send a request through the balancer.
    """
    request = urllib.request.Request(f"http://127.0.0.1:{process.port}{path}")
    if cookie:
        request.add_header("Cookie", cookie)
    with urllib.request.urlopen(request, timeout=25) as answer:
        return answer.read()


def cell(page: Any, member: Member, name: str, balancer: str = "shop") -> Any:
    """
    Return a cell of a member's row.
    """
    row = f'section[data-balancer="{balancer}"] tr[data-member="{member.url}"]'
    return page.locator(f'{row} td[data-name="{name}"]')


def message(page: Any, text: str) -> None:
    """
    Wait for a message.
    """
    page.locator("#messages .message", has_text=text).first.wait_for()


def has(found: Any, text: str) -> None:
    """
    Wait until something says something.
    """
    expect(found).to_contain_text(text, timeout=8000)


def undo(page: Any) -> None:
    """
    Undo the last change of the first balancer.
    """
    page.locator("[name=b_undo]").first.click()
    message(page, "Changed:")


def test_a_member_is_changed_without_losing_ones_place(screen, members) -> None:
    """
    Factor, set, route, redirect and flags: the page stays, the focus is where it was, the table
    shows it, and one button undoes it.
    """
    shown = screen()
    page = shown.open(f"?b=shop&w={members[0].url}")
    page.evaluate("window.stayed = true")
    form = page.locator("form.edit").first
    form.locator("[name=w_lf]").fill("2.5")
    form.locator("[name=w_ls]").fill("1")
    form.locator("[name=w_wr]").fill("x")
    form.locator("[name=w_rr]").fill("b")
    form.locator("[name=w_status_H][type=checkbox]").check()
    form.locator("[name=w_rr]").press("Enter")
    message(page, "loadfactor 1 → 2.5")
    assert page.evaluate("window.stayed")
    assert page.locator("#said").text_content().startswith("Changed: ")
    for name, text in (
        ("Factor", "2.50"),
        ("Set", "1"),
        ("Route", "x"),
        ("RouteRedir", "b"),
        ("Status", "Init Stby Ok"),
        ("State", "hot standby"),
        ("Changed", "loadfactor, lbset, route, redirect"),
    ):
        has(cell(page, members[0], name), text)
    form = page.locator("form.edit").first
    form.locator("text=Back to the configuration").click()
    message(page, "loadfactor 2.5 → 1")
    undo(page)
    has(cell(page, members[0], "Factor"), "2.50")
    undo(page)
    has(cell(page, members[0], "Factor"), "1.00")
    shown.picture("member")


def test_what_is_wrong_is_told_and_typed_text_stays(screen, members) -> None:
    """
    Nothing has to be typed again for a fault in a part of it.
    """
    page = screen().open(f"?b=shop&w={members[0].url}")
    form = page.locator("form.edit").first
    form.locator("[name=w_lf]").fill("1000")
    form.locator("[name=w_rr]").fill("typed")
    form.locator("[name=w_status_I][type=checkbox]").check()
    form.locator("text=Apply").click()
    message(page, "Nothing was changed. w_lf: '1000'")
    assert form.locator("[name=w_rr]").input_value() == "typed"
    assert form.locator("[name=w_status_I][type=checkbox]").is_checked()


def test_a_factor_for_some_time(screen, members) -> None:
    """
    It is shown for how long, and ends by itself.
    """
    page = screen().open(f"?b=shop&w={members[0].url}")
    page.locator("[name=w_lf]").fill("3")
    page.locator("[name=w_lasting]").fill("2s")
    page.locator("form.edit >> text=Apply").first.click()
    message(page, "loadfactor 1 → 3")
    has(cell(page, members[0], "Changed"), "factor 1.00 again in")
    has(cell(page, members[0], "Factor"), "1.00")


def test_checks_of_a_member(screen, members) -> None:
    """
    Their fields, a check at once with its transcript, a member that is ill and well again.
    """
    shown = screen()
    page = shown.open(f"?b=shop&w={members[1].url}")
    page.locator("[name=w_hi]").fill("500")
    page.locator("[name=w_hp]").fill("1")
    page.locator("[name=w_hf]").fill("1")
    page.locator("[name=w_he]").select_option("fine")
    page.locator("form.edit >> text=Apply").first.click()
    message(page, "hcinterval 1s → 500ms")
    members[1].ill = True
    has(cell(page, members[1], "State"), ": its health checks fail")
    has(page.locator(".panel .state"), ": its health checks fail")
    has(cell(page, members[1], "Last check"), "failed: ")
    has(page.locator("#events"), "failing health checks")
    page.get_by_role("button", name="Check now").click()
    message(page, "is not well")
    page.locator(".probes > summary").click()
    page.locator(".probes details summary").first.click()
    has(page.locator(".probes details").first, "failed: ")
    has(page.locator(".probes pre").first, "< HTTP/1.1 503")
    shown.picture("ill")
    members[1].ill = False
    has(cell(page, members[1], "State"), "in use")
    undo(page)


def test_a_balancer_is_changed(screen) -> None:
    """
    Method, waiting, attempts, sessions, failover; and back.
    """
    page = screen().open("?b=shop")
    form = page.locator("form.edit")
    form.locator("[name=b_lbm]").select_option("bybusyness")
    form.locator("[name=b_tmo]").fill("3")
    form.locator("[name=b_max]").fill("4")
    form.locator("[name=b_ss]").fill("T|t")
    form.locator("[name=b_sforce][type=checkbox]").check()
    form.locator("text=Apply").click()
    message(page, "lbmethod byrequests → bybusyness")
    facts = page.locator('section[data-balancer="shop"] table.facts')
    has(facts, "bybusyness")
    has(facts, "T|t")
    page.locator("form.edit >> text=Back to the configuration").click()
    message(page, "lbmethod bybusyness → byrequests")


def test_a_member_comes_and_goes(screen, members) -> None:
    """
    Added, put in use, checked, removed; others who watch see it, too.
    """
    watching = screen().open()
    page = screen().open("?b=shop")
    form = page.locator("form.edit")
    form.locator("[name=b_nwrkr]").fill("http://127.0.0.1:9 route=new")
    form.locator("text=Apply").click()
    message(page, "tick the box")
    form.locator("[name=b_wyes]").check()
    form.locator("text=Apply").click()
    message(page, "member none → http://127.0.0.1:9")
    watching.locator('tr[data-member="http://127.0.0.1:9"]').wait_for()
    page.goto("/bm?b=shop&w=http://127.0.0.1:9", referer=page.url)
    page.locator("text=Put in use").click()
    message(page, "state disabled → in use")
    page.locator("[name=w_ryes]").check()
    page.locator("text=remove this member").click()
    message(page, "member http://127.0.0.1:9 → none")
    watching.locator('tr[data-member="http://127.0.0.1:9"]').wait_for(state="detached")


def test_traffic_is_live(screen, process, members) -> None:
    """
    Requests, times and graphs come by themselves, and stop while the page is paused.
    """
    page = screen().open()
    for _ in range(20):
        ask(process, "/api")
    has(cell(page, members[1], "Elected", "api"), "20")
    graph = cell(page, members[1], "Requests", "api").locator("path")
    page.wait_for_function("path => path.getAttribute('d') !== ''", arg=graph.element_handle())
    has(cell(page, members[1], "p50 / p95 / p99", "api"), "ms")
    page.keyboard.press("p")
    has(page.locator("#live"), "Paused")
    ask(process, "/api")
    page.wait_for_timeout(1500)
    assert cell(page, members[1], "Elected", "api").text_content() == "20"
    page.keyboard.press("p")
    has(cell(page, members[1], "Elected", "api"), "21")


def test_limits_are_live(screen, process) -> None:
    """
    The table of limits follows: with more connections there is another number in it.
    """
    page = screen().open()
    most = page.locator("#limits td").nth(3)
    has(most, "10000")
    page.locator("#live", has_text="Live").wait_for()
    most.evaluate("each => (each.textContent = '?')")
    # More than the browser may close of its own at the same time.
    with contextlib.ExitStack() as clients:
        for _ in range(10):
            clients.enter_context(socket.create_connection(("127.0.0.1", process.port)))
        has(most, "10000")
    # On a phone there are no headings but these.
    assert most.get_attribute("data-name") == "Most"


def test_a_drain_to_its_end(screen, process, members, steps) -> None:
    """
    What is in progress is seen, then that nothing is and when the sessions will be over, and then
    that they are.
    """
    members[0].held.clear()
    waiting = threading.Thread(target=ask, args=(process, "/slow", "S=x.a"))
    waiting.start()
    shown = screen()
    page = shown.open(f"?b=shop&w={members[0].url}")
    has(cell(page, members[0], "Busy"), "1")
    page.locator("form.quick >> text=Drain").click()
    message(page, "state in use → draining")
    drain = page.locator(".drain")
    has(drain, "1 in progress")
    has(cell(page, members[0], "State"), "draining")
    assert ask(process, "/") == b"b"
    members[0].held.set()
    waiting.join()
    steps(1)
    has(drain, "0 in progress, 1 request of sessions in the last minute")
    # Half a minute without any.
    steps(6)
    has(drain, "1 request of sessions in the last minute, empty in about 2 s")
    assert drain.locator("progress").is_visible()
    shown.picture("draining")
    steps(6)
    has(drain, "empty: no request of a session for")
    has(cell(page, members[0], "State"), "empty: no request of a session for")
    assert drain.locator("progress").evaluate("bar => bar.value") == 1
    page.locator("text=Put in use").click()
    message(page, "state draining → in use")
    page.locator(".drain").wait_for(state="hidden")


def test_keys(screen, members) -> None:
    """
    Members are found, walked through and opened without a mouse; the keys can be put off.
    """
    page = screen().open()
    page.keyboard.press("/")
    page.keyboard.type("standby")
    assert page.locator("tr[data-member]:visible").count() == 0
    page.locator("#find input").fill("in use")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == members[1].url
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_selector("form.edit")
    page.keyboard.press("e")
    assert page.evaluate("document.activeElement.name") == "w_lf"
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    assert page.locator("#columns").is_checked()
    assert page.locator('th[data-name="HC Method"]').first.is_visible()
    page.reload()
    assert page.locator("#columns").is_checked()
    page.keyboard.press("c")
    page.keyboard.press("?")
    page.locator("#keys").uncheck()
    page.keyboard.press("c")
    assert not page.locator("#columns").is_checked()


def test_who_may_only_look(screen) -> None:
    """
    Sees all of it live, and no form.
    """
    page = screen().open("?b=shop", "/looking")
    assert page.locator("form").count() == 0
    has(page.locator("main"), "You may look at this page")


def test_without_script(screen, members) -> None:
    """
    The same forms work, by loading the page.
    """
    shown = screen(java_script_enabled=False)
    page = shown.page
    page.goto("/bm")
    page.locator(f'section[data-balancer="shop"] a[href*="{members[0].url}"]').click()
    page.locator("[name=w_ls]").fill("7")
    page.locator("form.edit >> text=Apply").first.click()
    message(page, "lbset 0 → 7")
    assert page.locator("#find").is_hidden()
    page.locator("[name=b_undo]").first.click()
    message(page, "lbset 7 → 0")


def test_after_a_restart(screen, process) -> None:
    """
    The page comes back to life by itself, and its forms have the nonce of the new process.
    """
    shown = screen()
    page = shown.open("?b=shop")
    nonce = page.locator("form.edit input[name=nonce]").get_attribute("value")
    process.terminate()
    has(page.locator("#live"), "No connection")
    process.start()
    page.wait_for_selector("#live.on", timeout=15000)
    page.wait_for_function(
        "old => document.querySelector('input[name=nonce]').value !== old", arg=nonce
    )
    page.locator("[name=b_tmo]").fill("4")
    page.locator("form.edit >> text=Apply").click()
    message(page, "timeout 0 → 4s")
    undo(page)
    # While nobody listened the browser said so.
    assert all("ERR_" in each for each in shown.complaints)
    shown.complaints.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_how_it_looks(screen, members, scheme: str, width: int) -> None:
    """
    On a desktop and a phone, light and dark: nothing sticks out, and axe-core finds nothing
    serious.
    """
    shown = screen(width, color_scheme=scheme, bypass_csp=True)
    page = shown.open()
    shown.picture(f"all-{scheme}-{width}")
    page = shown.open(f"?b=shop&w={members[0].url}")
    shown.picture(f"form-{scheme}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    found = Axe().run(page).response["violations"]
    serious = [
        (each["id"], [node["html"][:200] for node in each["nodes"]])
        for each in found
        if each["impact"] in LIMITED
    ]
    assert serious == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    red = int(re.search(r"\d+", dark)[0])
    assert (red < 60) is (scheme == "dark")


def test_those_that_are_out_are_linked(screen) -> None:
    """
    Of thirty members those that are out are named at the top, with links to them, as it is now.
    """
    page = screen().open(path="/many")
    line = page.locator("[data-live=out]")
    has(line, "Out: http://127.0.0.1:20, http://127.0.0.1:12")
    line.locator("a").first.click()
    page.wait_for_selector("#live.on")
    page.locator("form.quick >> text=Disable").click()
    message(page, "Dis")
    has(line, "Out: http://127.0.0.1:12, http://127.0.0.1:20")
    assert line.locator("a").count() == 2
    undo(page)
    has(line, "Out: http://127.0.0.1:20, http://127.0.0.1:12")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_how_many_members_look(screen, scheme: str, width: int) -> None:
    """
    On a phone members come before what is configured; axe-core finds nothing serious.
    """
    shown = screen(width, color_scheme=scheme, bypass_csp=True)
    page = shown.open(path="/many")
    shown.picture(f"many-{scheme}-{width}")
    members, facts = page.locator("table.members"), page.locator("table.facts").first
    first = members.bounding_box()["y"] < facts.bounding_box()["y"]
    assert first is (width == 390)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found if each["impact"] in LIMITED] == []


def test_other_media(screen) -> None:
    """
    More contrast, less motion and paper are served as well.
    """
    shown = screen(contrast="more", reduced_motion="reduce", forced_colors="active")
    page = shown.open()
    row = page.locator("table.members tbody tr").first
    assert row.evaluate("row => getComputedStyle(row).transitionDuration") in ("0s", "")
    page.emulate_media(media="print")
    assert page.locator(".tools").is_hidden()
    shown.picture("print")
