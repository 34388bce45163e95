"""
Rendering: what is written is read back as the same.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from txbalancer.config import loads
from txbalancer.config.render import Style, render, shown_options
from txbalancer.core import specs
from txbalancer.core.specs import ServiceSpec

from .generated import services
from .helpers import BALANCER, LISTENER, MOUNT, REGISTRY, good


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(services(), st.booleans())
def test_what_is_rendered_is_read_back(spec: ServiceSpec, defaults: bool) -> None:
    """
    Rendering and loading is the identity, with and without the defaults written out.
    """
    assert loads(render(spec, defaults=defaults), REGISTRY).spec == spec


def test_what_is_rendered_is_short() -> None:
    """
    Options that have their default are left out.
    """
    spec = good(LISTENER + BALANCER + "lbmethod = hash\nroute = r1\n" + MOUNT).spec
    assert render(spec) == (
        "[txbalancer]\n\n"
        "[listener:web]\nendpoint = tcp:8080\n\n"
        "[balancer:shop]\nlbmethod = hash\nmembers =\n    http://h:1 route=r1\n\n"
        "[mount:/]\nto = balancer://shop/\n"
    )


def test_defaults_are_written_on_demand() -> None:
    """
    With defaults, every option that has a value is there, but those whose default would be doubted.
    """
    spec = good(LISTENER + BALANCER + MOUNT).spec
    text = render(spec, defaults=True)
    for attribute, option in specs.options(specs.ListenerSpec):
        value = getattr(spec.listeners[0], attribute)
        if value is None:
            continue
        if option.name in ("http2", "trusted-header"):
            assert f"\n{option.name} = " not in text
            continue
        shown = option.kind.show(value)
        assert f"{option.name} = {shown}".rstrip() in text.split("\n")
    assert "\nmember.retry = 10s\n" in text
    assert "maxattempts" not in text


def test_unset_options_are_never_shown() -> None:
    """
    None has no text.
    """
    assert "maxattempts" not in dict(shown_options(specs.BalancerSpec("b"), Style(every=True)))


@pytest.mark.parametrize("log", ["off", "-"])
@pytest.mark.parametrize("defaults", ["apache", "modern"])
def test_what_is_written_whole_is_not_doubted(log: str, defaults: str) -> None:
    """
    Of all options with their defaults none is told to have no effect.
    """
    text = f"[txbalancer]\naccess-log = {log}\ndefaults = {defaults}\n"
    spec = loads(
        f"{text}[listener:a]\nendpoint = tcp:1\n[mount:/]\nto = status:204\n", REGISTRY
    ).spec
    found = loads(render(spec, defaults=True), REGISTRY)
    assert (found.spec, found.warnings) == (spec, [])
