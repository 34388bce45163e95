"""
Short ways to read a file in Apache's syntax in tests.
"""

from __future__ import annotations

import pytest

from tests.config.helpers import REGISTRY
from txbalancer.config import Loaded, loads
from txbalancer.config.render import render
from txbalancer.core.specs import ServiceSpec
from txbalancer.errors import ConfigErrors

BALANCER = "<Proxy balancer://b>\nBalancerMember http://10.0.0.9:1\n</Proxy>\n"


def loaded(text: str, listen: str = "Listen 8080\n", path: str = "f") -> Loaded:
    """
    Read text that has no fault, and see that it means the same as INI.
    """
    found = loads(listen + text, REGISTRY, path=path)
    assert loads(render(found.spec), REGISTRY).spec == found.spec
    return found


def spec_of(text: str, listen: str = "Listen 8080\n") -> ServiceSpec:
    """
    Return what a text without fault comes to.
    """
    return loaded(text, listen).spec


def warnings_of(text: str, listen: str = "Listen 8080\n") -> list[str]:
    """
    Return the warnings of a text without fault.
    """
    return loaded(text, listen).warnings


def errors_of(text: str, listen: str = "Listen 8080\n") -> str:
    """
    Return the faults of a text that has some.
    """
    with pytest.raises(ConfigErrors) as caught:
        loads(listen + text, REGISTRY, path="f")
    return str(caught.value)
