"""
Plans: what a reload has to do, and the lines that tell of it.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings

from txbalancer.config.diff import Change, plan
from txbalancer.core.specs import ServiceSpec

from .generated import services
from .helpers import BALANCER, LISTENER, MOUNT, good

SECRET = "stickycookie = R\nstickycookie-secret = "
MORE = "[balancer:more]\nmembers =\n  http://a\n  http://b\n  http://c\n"


def spec(text: str) -> ServiceSpec:
    """
    Read a configuration.
    """
    return good(text).spec


def test_nothing_changes() -> None:
    """
    The same configuration needs no plan.
    """
    found = plan(spec(LISTENER + BALANCER + MOUNT), spec(LISTENER + BALANCER + MOUNT))
    assert not found
    assert found.lines == ()


def test_listeners() -> None:
    """
    Listeners come, go, get other limits or other endpoints.
    """
    text = "[listener:{}]\nendpoint = tcp:{}\nmax-head = {}\n"
    old = spec(text.format("a", 1, "1K") + text.format("b", 2, "1K") + text.format("c", 3, "1K"))
    new = spec(text.format("c", 4, "1K") + text.format("b", 2, "2K") + text.format("d", 1, "1K"))
    found = plan(old, new)
    a, b, c = old.listeners
    assert found.listeners.added == (new.listeners[2],)
    assert found.listeners.removed == (a,)
    assert found.listeners.changed == (Change(b, new.listeners[1]),)
    assert found.rebound == (Change(c, new.listeners[0]),)
    assert found.lines == (
        "listener d added",
        "listener a removed",
        "listener c: endpoint changed",
        "listener b: max-head 1K -> 2K",
        "order of listeners changed",
    )


def test_balancers_and_members() -> None:
    """
    Members are known by their URL; options are told with both values, secrets with none.
    """
    old = spec(LISTENER + BALANCER + SECRET + "x" * 16 + "\nmaxattempts = 3\n" + MORE)
    new = spec(
        LISTENER
        + "[balancer:new]\nmembers = http://n\n"
        + "[balancer:more]\nmembers =\n  http://d\n  http://c\n  http://a retry=5\n"
        + BALANCER
        + SECRET
        + "y" * 16
        + "\n"
    )
    found = plan(old, new)
    assert found.balancers.added == (new.balancers[0],)
    assert found.balancers.removed == found.balancers.changed == ()
    assert found.balancers.moved
    assert found.lines == (
        "balancer new added",
        "balancer more: member http://d added",
        "balancer more: member http://b removed",
        "balancer more: member http://a: retry 10s -> 5s",
        "balancer more: order of members changed",
        "balancer shop: stickycookie-secret changed",
        "balancer shop: maxattempts 3 -> unset",
        "order of balancers changed",
    )


def test_mounts_and_service() -> None:
    """
    Mounts are known by their label; what the service does has names, too.
    """
    old = spec(LISTENER + BALANCER + "[mount:a]\npath = /a\nto = !\n" + MOUNT)
    new = spec(
        "[txbalancer]\ngraceful-timeout = 0\n"
        + LISTENER
        + BALANCER
        + MOUNT
        + "[mount:a]\npath = /b\nto = status:500\nhost = x\nmatch =\nvia = on\n"
    )
    found = plan(old, new)
    assert found.service == ("graceful-timeout",)
    assert found.mounts.changed == (Change(old.mounts[0], new.mounts[1]),)
    assert found.mounts.moved
    assert found.lines == (
        "txbalancer: graceful-timeout 30s -> 0",
        "mount a: via off -> on",
        "mount a: path changed",
        "mount a: target changed",
        "mount a: conditions changed",
        "order of mounts changed",
    )
    listed = spec(
        "[txbalancer]\ngraceful-timeout = 0\n"
        + LISTENER
        + BALANCER
        + MOUNT
        + "[mount:a]\npath = /b\nto = status:500\nhost = x\nmatch =\nvia = on\n"
        "require =\n    local\n    ip 192.0.2.0/24\n"
    )
    assert plan(new, listed).lines == ("mount a: require empty -> local | ip 192.0.2.0/24",)
    assert plan(new, replace(new, mounts=())).lines == ("mount / removed", "mount a removed")


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(services(), services())
def test_a_plan_is_empty_only_for_equals(old: ServiceSpec, new: ServiceSpec) -> None:
    """
    There is a line exactly when something differs, and no secret is in one.
    """
    found = plan(old, new)
    assert bool(found) is (old != new)
    secrets = {
        text for each in (*old.balancers, *new.balancers) for text in each.stickycookie_secret
    }
    assert not any(secret in line for secret in secrets for line in found.lines)
    assert not plan(new, new)
