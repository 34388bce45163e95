"""
What a page's script is told while somebody watches.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from tests.control.manager.boards import CONFIGURATION, Browser
from txbalancer.control.limitviews import LimitView
from txbalancer.control.manager.looking import difference
from txbalancer.control.processes import WorkerView
from txbalancer.control.slices import Slices
from txbalancer.core import flags
from txbalancer.core.commands import SetMember
from txbalancer.core.health import ProbeResult
from txbalancer.core.meters import Meter
from txbalancer.testing import MemoryTransport

WATCH = b"GET /bm?live=1 HTTP/1.1\r\nHost: lb.test\r\nReferer: http://lb.test/bm\r\n\r\n"


class Watcher:
    """
    Somebody who watches the page.
    """

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.transport: MemoryTransport = browser.rig.client()
        self.transport.send(WATCH)

    def events(self) -> list[tuple[str, dict]]:
        """
        Return the events since this was last asked.
        """
        text = self.transport.taken().decode()
        lines = [each for each in text.splitlines() if each.startswith(("event:", "data:"))]
        pairs = zip(lines[::2], lines[1::2], strict=True)
        return [(kind[7:], json.loads(data[6:])) for kind, data in pairs]


@pytest.fixture
def browser() -> Browser:
    """
    Return a browser before the page.
    """
    return Browser()


def test_first_all_and_then_what_is_other(browser: Browser) -> None:
    """
    Within a second of a change, and nothing while there is none.
    """
    watcher = Watcher(browser)
    ((kind, state),) = watcher.events()
    assert kind == "all"
    cells = state["balancers"]["shop"]["members"]["http://10.0.0.1"]["cells"]
    assert cells["Worker URL"]["text"] == "http://10.0.0.1"
    assert cells["Requests"] == {
        "text": "0/s",
        "tone": "",
        "paths": [""],
        "label": "0 requests in 1 min, at most 0/s",
    }
    browser.rig.advance(1.1)
    assert watcher.events() == []
    browser.rig.balancer().set_flags(
        browser.members()[0], flags.INIT | flags.DISABLED, "", browser.rig.runtime.now()
    )
    browser.rig.advance(1.1)
    ((kind, news),) = watcher.events()
    assert (kind, list(news)) == ("some", ["balancers", "events"])
    assert list(news["balancers"]) == ["shop"]
    (changed,) = news["balancers"]["shop"]["members"].values()
    assert (changed["tone"], sorted(changed["cells"])) == ("off", ["Changed", "State", "Status"])
    assert changed["cells"]["Status"] == {"text": "Init Dis ", "tone": "off"}


@pytest.mark.parametrize("checked", [False, True])
def test_columns_are_those_of_rows(checked: bool) -> None:
    """
    Headings have the names of the cells below them, with health checks and without.
    """
    more = "hcmethod = TCP\n" if checked else ""
    browser = Browser(CONFIGURATION.replace("growth = 2\n", f"growth = 2\n{more}"))
    ((_, state),) = Watcher(browser).events()
    name, columns, members = state["shape"][0]
    assert ("Last check" in columns) is checked
    for member in members:
        assert list(state["balancers"][name]["members"][member]["cells"]) == columns


def test_events_are_told_once(browser: Browser) -> None:
    """
    One that is new comes with those before it; without one there is no news of them.
    """
    watcher = Watcher(browser)
    watcher.events()
    for factor in "56":
        browser.post(w_lf=factor)
        browser.rig.advance(1.1)
        ((_, news),) = watcher.events()
        assert news["events"][0]["text"].endswith(f"-> {factor}")
        browser.rig.targets.telemetry.step()
        browser.rig.advance(10.0)
        assert all("events" not in news for _, news in watcher.events())


def test_watchers_share_the_work(browser: Browser) -> None:
    """
    Two of them are told the same; when the last has gone nothing is worked out any more.
    """
    before = len(browser.rig.reactor.getDelayedCalls())
    one, two = Watcher(browser), Watcher(browser)
    assert one.events() == two.events() != []
    browser.post(w_lf="5")
    browser.rig.advance(1.1)
    assert one.events() == two.events() != []
    one.transport.reset()
    browser.post(w_lf="6")
    browser.rig.advance(1.1)
    assert two.events() != []
    two.transport.reset()
    assert len(browser.rig.reactor.getDelayedCalls()) == before


def test_graphs_come_with_samples(browser: Browser) -> None:
    """
    They are sent when they are other, which is every five seconds at most.
    """
    watcher = Watcher(browser)
    watcher.events()
    telemetry = browser.rig.targets.telemetry
    history = telemetry.history("shop", "http://10.0.0.1")
    assert not history.steps
    telemetry.step()
    browser.rig.advance(1.1)
    assert "label" not in json.dumps(watcher.events())
    meter = Meter()
    meter.classes[2] = 50
    telemetry.history("shop", "http://10.0.0.1").step(meter)
    browser.rig.advance(1.1)
    ((_, news),) = watcher.events()
    cells = news["balancers"]["shop"]["members"]["http://10.0.0.1"]["cells"]
    assert cells["Requests"]["text"] == "5.0/s"
    assert cells["Requests"]["paths"][0] == "M59,20H59V0H60V20Z"


def test_limits_are_told(browser: Browser) -> None:
    """
    All of them when something about one is other; none where none is set.
    """
    watcher = Watcher(browser)
    ((_, state),) = watcher.events()
    assert state["limits"] == []
    used = [1]

    def limits() -> list[LimitView]:
        busy = LimitView("balancer shop", "max-requests", used[0], 9, 2, refused=4, dry_run=True)
        return [LimitView("service", "memory-limit", 2**30, 2**31), busy]

    browser.rig.targets.steering.facts.limits = limits
    browser.rig.advance(1.1)
    ((_, news),) = watcher.events()
    assert news["limits"] == [
        ["service", "memory-limit", "1.0G", "2.0G", "0", "0"],
        ["balancer shop", "max-requests", "1", "9", "2", "4 (dry run)"],
    ]
    browser.rig.advance(1.1)
    assert watcher.events() == []
    used[0] = 2
    browser.rig.advance(1.1)
    ((_, news),) = watcher.events()
    assert news["limits"][1][2] == "2"
    cells = '<td data-name="Option">max-requests</td><td data-name="Used">2</td>'
    assert f'{cells}<td data-name="Most">9</td>' in browser.get()


def test_a_drain_is_told_until_its_end(browser: Browser) -> None:
    """
    What is in progress, when it will be over, and that it is.
    """
    browser.post(w_status_N="1")
    watcher = Watcher(browser)
    ((_, state),) = watcher.events()
    drain = state["balancers"]["shop"]["members"]["http://10.0.0.1"]["drain"]
    assert "empty in about 1 min" in drain[0]
    for _ in range(13):
        browser.rig.targets.telemetry.step()
        browser.rig.advance(5)
    last = [each for _, each in watcher.events()][-1]
    drain = last["balancers"]["shop"]["members"]["http://10.0.0.1"]["drain"]
    assert drain[0].startswith("empty: no request of a session for 1 min")
    assert drain[2] == 1.0


def test_what_is_wrong_with_a_balancer_is_told_until_its_end(browser: Browser) -> None:
    """
    A banner while health is ignored, and none afterwards.
    """
    lb = browser.rig.balancer()
    lb.respec(replace(lb.spec, panic=100))
    watcher = Watcher(browser)
    ((_, state),) = watcher.events()
    assert state["balancers"]["shop"]["alarms"] == []
    for bits in (flags.INIT | flags.HC_FAILED, flags.INIT):
        lb.set_flags(browser.members()[0], bits, "", browser.rig.runtime.now())
        browser.rig.advance(1.1)
    first, last = (news["balancers"]["shop"]["alarms"] for _, news in watcher.events())
    assert first[0].startswith("Panic: less than 100 % of the members are healthy")
    assert last == []


def test_other_tables_are_told(browser: Browser) -> None:
    """
    With a member more the page has to be fetched anew, and can tell.
    """
    watcher = Watcher(browser)
    watcher.events()
    browser.post(b_nwrkr="http://10.0.0.7", b_wyes="1")
    browser.rig.advance(1.1)
    ((_, news),) = watcher.events()
    assert news["shape"][0][2][-1] == "http://10.0.0.7"
    assert news["events"][0]["text"].startswith("member (none) -> http://10.0.0.7")
    assert news["balancers"]["shop"]["undo"][0] == news["events"][0]["number"]


def test_a_fault_does_not_end_the_stream(browser: Browser) -> None:
    """
    The next second is another try.
    """
    watcher = Watcher(browser)
    watcher.events()
    steering = browser.rig.targets.steering
    names, steering.names = steering.names, lambda: ("nosuch",)  # type: ignore[method-assign]
    browser.rig.advance(1.1)
    steering.names = names  # type: ignore[method-assign]
    browser.post(w_lf="5")
    browser.rig.advance(1.1)
    assert watcher.events() != []


def test_too_many_watchers(browser: Browser) -> None:
    """
    They are told so, and to come again.
    """
    watchers = [Watcher(browser) for _ in range(100)]
    answer = browser.get("?live=1")
    assert (browser.status, "Retry-After: 30" in browser.head) == (503, True)
    assert "Too many" in answer
    del watchers


def crowd(number: int) -> Browser:
    """
    Return a browser before a page of many members.
    """
    members = "\n".join(f"    http://10.1.{n // 250}.{n % 250} route=r{n}" for n in range(number))
    return Browser(CONFIGURATION.replace("members = http://10.0.0.3", f"members =\n{members}"))


def test_who_comes_while_a_look_is_at_work() -> None:
    """
    They wait for the end of it at most, and are told everything; who left is not missed.
    """
    browser, clock = crowd(100), Clock()
    browser.rig.targets.steering.slices = Slices(clock)
    one, two, gone = Watcher(browser), Watcher(browser), Watcher(browser)
    assert one.events() == two.events() == []
    gone.transport.reset()
    clock.advance(0)
    (told,) = one.events()
    assert [told] == two.events()
    assert (told[0], len(told[1]["balancers"]["two"]["members"])) == ("all", 100)
    browser.rig.targets.steering.apply(SetMember("shop", "http://10.0.0.1", lbset=3), "me")
    browser.rig.advance(1.1)
    three = Watcher(browser)
    clock.advance(0)
    assert [kind for kind, _ in one.events()] == ["some"]
    assert three.events() == []
    browser.rig.advance(0)
    clock.advance(0)
    assert [kind for kind, _ in three.events()] == ["all"]


def test_who_leaves_while_a_look_is_at_work() -> None:
    """
    It is not finished for nobody.
    """
    browser, clock = crowd(100), Clock()
    browser.rig.targets.steering.slices = Slices(clock)
    before = len(browser.rig.reactor.getDelayedCalls())
    watcher = Watcher(browser)
    assert clock.getDelayedCalls()
    watcher.transport.reset()
    clock.advance(0)
    assert clock.getDelayedCalls() == []
    assert len(browser.rig.reactor.getDelayedCalls()) == before


def test_many_members_are_looked_at_less_often() -> None:
    """
    A thousand of them are a second's work, and graphs are drawn of a fifth in each look.
    """
    browser = crowd(2000)
    watcher = Watcher(browser)
    browser.rig.advance(0)
    telemetry, members = browser.rig.targets.telemetry, browser.rig.balancer("two").members
    for each in members:
        telemetry.history("two", each.name)
    telemetry.step()
    meter = Meter()
    meter.classes[2] = 50
    for each in members:
        telemetry.history("two", each.name).step(meter)
    watcher.events()
    browser.rig.advance(1.9)
    assert watcher.events() == []
    drawn = []
    for _ in range(5):
        browser.rig.advance(2.0)
        found = [news.get("balancers", {}).get("two", {}) for _, news in watcher.events()]
        drawn.append(sum("Requests" in r["cells"] for f in found for r in f["members"].values()))
    assert drawn == [400] * 5


def test_a_member_that_is_gone_and_comes_back(browser: Browser) -> None:
    """
    It is told of as one that was never there.
    """
    watcher = Watcher(browser)
    name = browser.members()[0].name
    for gone in (True, False):
        if gone:
            browser.post(w_remove="1", w_ryes="1")
        else:
            browser.rig.targets.steering.undo("me", "shop")
        watcher.events()
        browser.rig.advance(1.1)
        ((_, news),) = watcher.events()
        told = news["balancers"]["shop"].get("members", {})
        assert ("Worker URL" in told.get(name, {}).get("cells", {})) is not gone


def test_the_cost_of_a_hundred_members() -> None:
    """
    A page of them takes less than 30 ms, and so does what is told each second; here four times
    that is allowed, for this machine has other things to do.
    """
    browser = crowd(100)
    watcher = Watcher(browser)
    browser.get()

    def cost(call) -> float:
        """
        Return the least CPU time of some calls.
        """
        spent = []
        for _ in range(5):
            began = time.process_time()
            call()
            spent.append(time.process_time() - began)
        return min(spent)

    assert cost(browser.get) < 0.12
    assert cost(lambda: browser.rig.reactor.advance(1.0)) < 0.12
    del watcher


def test_difference() -> None:
    """
    What was told, and what is told next, make what there is.
    """
    old = {"a": {"b": 1, "c": [1]}, "d": 2}
    new = {"a": {"b": 1, "c": [2]}, "d": 2, "e": 3}
    assert difference(old, new) == {"a": {"c": [2]}, "e": 3}
    assert difference(new, new) == {}


# -- undo, factors for a time, checks by hand


def test_undo(browser: Browser) -> None:
    """
    The page names the change that would be undone; only that one is.
    """
    assert "b_undo" not in browser.get()
    browser.post(w_lf="5")
    number = browser.rig.targets.steering.past[-1].event.number
    assert f'name="b_undo" value="{number}"' in browser.page
    assert "http://10.0.0.1: loadfactor 1.5 -&gt; 5, by 192.0.2.1, 0 s ago" in browser.page
    browser.post(w_ls="3")
    assert "something else was changed since" in browser.post(b_undo=str(number))
    assert browser.members()[0].lbset == 3
    assert "Changed: lbset 3 → 0." in browser.post(b_undo="last")
    assert "Changed: loadfactor 5 → 1.5." in browser.post(b_undo=str(number))
    assert "there is nothing to undo" in browser.post(b_undo="last")
    assert "there is nothing to undo" in browser.post(b="two", w="http://10.0.0.3", b_undo="last")


def test_undo_that_is_not_possible(browser: Browser) -> None:
    """
    The page says why.
    """
    browser.post(w_lf="5")

    def undo(who: str, balancer: str = "") -> None:
        raise ValueError("the member is not there any more")

    browser.rig.targets.steering.undo = undo  # type: ignore[method-assign,assignment]
    assert "Nothing was changed: the member is not there any more." in browser.post(b_undo="last")


def test_a_factor_for_some_time(browser: Browser) -> None:
    """
    A number is of minutes; the page tells when the former one comes back, and how.
    """
    told = browser.post(w_lf="5", w_lasting="10")
    assert "loadfactor 1.5 → 5" in told
    temporary = browser.members()[0].temporary
    assert (temporary.loadfactor, temporary.until) == (150, browser.rig.runtime.now() + 600)
    assert "factor 1.50 again in 10 min" in browser.page
    browser.post(w_lasting="90s")
    assert browser.members()[0].temporary.until == browser.rig.runtime.now() + 90
    browser.post(w_lf="4")
    assert browser.members()[0].temporary is None
    assert "give another load factor" in browser.post(w_lasting="10")
    assert "w_lasting: " in browser.post(w_lf="3", w_lasting="soon")
    assert browser.members()[0].lbfactor == 400


def test_put_in_use(browser: Browser) -> None:
    """
    One field takes all away that holds a member back by hand.
    """
    browser.post(w_status_D="1", w_status_N="1", w_status_S="1", w_status_H="1")
    browser.post(w_enable="1")
    assert flags.describe(browser.members()[0].flags) == "Init Stby Ok "


def test_check_now(browser: Browser) -> None:
    """
    The page waits for the result, and has what was said.
    """
    asked: Deferred[ProbeResult] = Deferred()
    steering = browser.rig.targets.steering
    steering.probe_now = lambda balancer, member: asked  # type: ignore[assignment]
    client = browser.rig.client()
    body = f"b=shop&w=http://10.0.0.1&w_probe=1&nonce={browser.nonce()}"
    client.send(
        b"POST /bm HTTP/1.1\r\nHost: lb.test\r\nReferer: http://lb.test/\r\nContent-Length: %d\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n%b" % (len(body), body.encode())
    )
    assert client.taken() == b""
    result = ProbeResult(True, "GET /: status 200", 0.012, transcript="> GET /\n< 200 OK")
    browser.members()[0].probes.append((1_800_000_000.0, result))
    asked.callback(result)
    page = client.taken().decode()
    assert "http://10.0.0.1 is well: GET /: status 200, took 12 ms." in page
    assert "&gt; GET /\n&lt; 200 OK" in page
    assert "2027-01-15 08:00:00 UTC: passed: GET /: status 200, took 12 ms" in page


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            lambda: succeed(ProbeResult(False, "status 503", 0.1)),
            "is not well: status 503, took 100 ms",
        ),
        (lambda: succeed(ProbeResult(True, "GET /: status 200 in 3 ms")), "status 200 in 3 ms."),
        (lambda: succeed(ProbeResult(True, "", 0.001)), "is well: in 1 ms"),
        (lambda: fail(ValueError("a check is on its way")), "was not checked: a check is on its"),
    ],
)
def test_check_now_without_luck(browser: Browser, answer, told: str) -> None:
    """
    The page says what was found, or why nothing was.
    """
    browser.rig.targets.steering.probe_now = lambda balancer, member: answer()
    assert told in browser.post(w_probe="1")
    assert "name a member" in browser.post(w="-none-", w_probe="1")


def test_check_now_that_cannot_be(browser: Browser) -> None:
    """
    What is refused at once is told as well, and so is a fault of our own.
    """

    def refuse(balancer: str, member: str, who: str) -> None:
        raise ValueError("it has no address")

    steering = browser.rig.targets.steering
    steering.probe = refuse  # type: ignore[method-assign,assignment]
    assert "was not checked: it has no address." in browser.post(w_probe="1")
    steering.probe = lambda *_: fail(ZeroDivisionError("x"))  # type: ignore[method-assign]
    assert "was not checked: x." in browser.post(w_probe="1")


def test_the_last_twenty_events(browser: Browser) -> None:
    """
    The newest first; those of balancers that are not on the page are not told.
    """
    journal = browser.rig.targets.journal
    for number in range(30):
        journal.note("warning", f"number {number}", balancer="shop" if number % 2 else "")
    page = browser.get()
    assert page.count("<li class=") == 20
    assert page.index("number 29") < page.index("number 28")
    assert "number 9<" not in page
    only = browser.send("GET", "/only")
    assert "number 28<" in only
    assert "number 29<" not in only


def test_a_pool_with_a_queue() -> None:
    """
    What is busy, idle, opening, and who waits.
    """
    browser = Browser(
        CONFIGURATION.replace("http://10.0.0.3", "http://10.0.0.3 max=1").replace(
            "to = balancer://shop/", "to = balancer://two/"
        )
    )
    for _ in range(2):
        browser.rig.client().send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert "0 busy, 0 idle, 1 opening of 1, 1 wait" in browser.get()
    browser.rig.accept()
    assert "1 busy, 0 idle of 1, 1 wait" in browser.get()


def test_workers_are_live(browser: Browser) -> None:
    """
    Their table comes as a whole when any of them is other, appears or is gone.
    """
    board = browser.rig.targets.steering
    one = WorkerView(1, 71, browser.rig.runtime.wall() - 60.0, 1.0, 0.5, 1 << 26, 10, 3, 1)
    shown = [one, one._replace(number=2, pid=72)]
    board.facts.workers = lambda: shown
    watcher = Watcher(browser)
    ((_, state),) = watcher.events()
    assert [(each["Worker"], each["Process"]) for each in state["workers"]] == [
        ("1", "71"),
        ("2", "72"),
    ]
    assert state["workers"][0]["Connections"] == "3"
    shown[1] = one._replace(number=2, pid=73, requests=0)
    browser.rig.advance(1.1)
    ((_, news),) = watcher.events()
    assert list(news) == ["workers"]
    assert [each["Process"] for each in news["workers"]] == ["71", "73"]
    del shown[0]
    browser.rig.advance(1.1)
    ((_, news),) = watcher.events()
    assert [each["Worker"] for each in news["workers"]] == ["2"]
    shown.clear()
    browser.rig.advance(1.1)
    ((_, news),) = watcher.events()
    assert news == {"workers": []}
