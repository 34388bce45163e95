"""
Passive health where people and programs look.
"""

from __future__ import annotations

import pytest

from tests.control.api.asking import Asker
from tests.control.manager.boards import CONFIGURATION, Browser
from tests.services.worlds import World
from txbalancer.control.manager.words import alarms, condition
from txbalancer.core import flags
from txbalancer.core.passive.ejection import Ejection
from txbalancer.core.passive.surge import CALM
from txbalancer.errors import ConnectFailed

OPTIONS = """[balancer:shop]
outlier-failures = 2
panic = 60
breaker-percent = 50
breaker-requests = 2
retry-budget = 20
member.slow-start = 100s
member.breaker-percent = 50
member.breaker-requests = 2
"""
TEXT = CONFIGURATION.replace("[balancer:shop]\n", OPTIONS).replace(" status=+D", "")
MEMBER = "/balancers/shop/members/a"
EJECTION = Ejection("failures", "2 failed answers in a row", 30.0, 1)


def eject(rig):
    lb = rig.balancer()
    lb.eject(lb.members[0], EJECTION, rig.runtime.now())
    return lb


def trip(rig, status=500):
    lb = rig.balancer()
    for _ in range(2):
        lb.answered(lb.members[0], status, 0.1, rig.runtime.now())
    return lb


def test_the_api_tells_everything() -> None:
    """
    Of a member why it is out and until when, of a balancer what holds for all.
    """
    asker = Asker(TEXT)
    lb = eject(asker.rig)
    found = asker.ask("GET", MEMBER)
    assert (found["status"]["words"], found["status"]["letters"]) == ("Init Ejct", "OJ")
    passive = found["passive"]
    assert passive["ejection"] == {
        "kind": "failures",
        "cause": "2 failed answers in a row",
        "until": asker.rig.runtime.wall() + 30.0,
        "times": 1,
    }
    assert (passive["ejections"]["failures"], passive["share"]) == (1, 100)
    assert passive["breaker"]["state"] == "closed"
    whole = asker.ask("GET", "/balancers/shop")["passive"]
    assert (whole["panic"], whole["panics"], whole["breaker"]["openings"]) == (True, 1, 0)
    assert whole["retries"] == {"in_progress": 0, "denied": 0}
    assert lb.panicking


@pytest.mark.parametrize("field", ["ejected", "tripped"])
def test_the_api_ends_what_traffic_did(field: str) -> None:
    """
    False is the only value; undo does not bring it back.
    """
    asker = Asker(TEXT)
    lb = eject(asker.rig) if field == "ejected" else trip(asker.rig)
    one = lb.members[0]
    one.flags |= flags.TRIPPED if field == "tripped" else 0
    asker.ask("PATCH", MEMBER, {field: True})
    assert asker.status == 422 or asker.status == 400
    asker.ask("PATCH", MEMBER, {field: False})
    assert asker.status == 200
    assert not one.flags & (flags.EJECTED if field == "ejected" else flags.TRIPPED)
    asker.board.undo("me", "shop")
    assert not one.flags & (flags.EJECTED if field == "ejected" else flags.TRIPPED)


def test_the_page_tells_and_forgives() -> None:
    """
    A banner for the balancer, a state for the member, and the button for errors.
    """
    browser = Browser(TEXT)
    lb = eject(browser.rig)
    page = browser.get(f"?b=shop&w={lb.members[0].name}")
    assert "Panic: less than 60 % of the members are healthy" in page
    words = "out for 0 s: ejected: 2 failed answers in a row, 1st time; back in 30 s"
    assert f"used in panic all the same; {words}" in page
    browser.post(w_clear="1")
    assert lb.members[0].flags == flags.INIT
    assert "Panic" not in browser.get()


def test_words_for_each_condition() -> None:
    """
    Open, half-open, slow start; and of the balancer its own breaker.
    """
    browser = Browser(TEXT.replace("panic = 60", "panic = 0").replace("outlier-failures = 2\n", ""))
    lb = trip(browser.rig)
    one, now = lb.members[0], browser.rig.runtime.now()
    assert condition(one, now).text == (
        "out: its circuit breaker is open: 2 of 2 requests failed; tried again in 10 s"
    )
    assert alarms(lb, now) == [
        "Circuit breaker open: 2 of 2 requests failed; requests get 503 for 10 s"
    ]
    lb.sweep(now + 10.0)
    assert condition(one, now).text == "out but for trials: its circuit breaker is half-open"
    assert alarms(lb, now) == ["Circuit breaker half-open: only trials get through"]
    for _ in range(3):
        lb.answered(one, 200, 0.1, now + 11.0)
    assert condition(one, now).text == "in use, starts slowly: 10 % of its share"
    assert alarms(lb, now) == []


def test_what_is_held_back_is_told_while_it_is() -> None:
    """
    A budget of retries that is spent and outliers that stay in use are alarms, for a while.
    """
    browser = Browser(TEXT)
    lb, now = browser.rig.balancer(), browser.rig.runtime.now()
    lb.denied(ConnectFailed("gone"))
    lb.denied(ConnectFailed("gone"))
    lb.spared += 1
    lb.sweep(now)
    assert alarms(lb, now) == [
        "Retry budget spent: 2 further attempts denied",
        "Outliers stay in use: 1 ejection not made, for outlier-most = 50 %",
    ]
    lb.sweep(now + CALM)
    assert alarms(lb, now) == []


def test_server_status_and_metrics_tell() -> None:
    """
    Lines that Apache has not are there in need only.
    """
    text = TEXT.replace("to = manager:\n", "to = server-status:\n", 1)
    world = World(f"[mount:/metrics]\nto = metrics:\n{text}").start()
    lb = world.service.targets.balancers["shop"].balancer

    def page(target: bytes) -> str:
        client = world.client(80, b"GET %b HTTP/1.1\r\nHost: lb.test\r\n\r\n" % target)
        return client.taken().decode()

    assert "Panic" not in page(b"/bm?auto")
    now = world.reactor.seconds()
    lb.eject(lb.members[0], EJECTION._replace(until=now + 30.0), now)
    for _ in range(2):
        lb.answered(lb.members[1], 500, 0.1, now)
    lines = page(b"/bm?auto")
    assert "ProxyBalancer[0]Panic: Yes" in lines
    assert "ProxyBalancer[0]Breaker: open" in lines
    assert "ProxyBalancer[0]Worker[0]Status: Init Ejct" in lines
    assert "health is ignored" in page(b"/bm")
    found = page(b"/metrics")
    first = 'balancer="shop",member="http://10.0.0.1"'
    for line in (
        f'txbalancer_member_ejections_total{{{first},rule="failures"}} 1',
        f'txbalancer_member_state{{{first},state="ejected"}} 1',
        'txbalancer_balancer_panic{balancer="shop"} 1',
        'txbalancer_balancer_breaker{balancer="shop",state="open"} 1',
        'txbalancer_balancer_breaker_openings_total{balancer="shop"} 1',
        'txbalancer_balancer_retries_denied_total{balancer="shop"} 0',
    ):
        assert any(each.startswith(line) for each in found.splitlines()), line
