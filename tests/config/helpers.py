"""
Short ways to read a configuration in tests.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from txbalancer.config import Loaded, loads
from txbalancer.core.registry import Registry
from txbalancer.errors import ConfigErrors

REGISTRY = Registry(
    lbmethods={
        "byrequests": SimpleNamespace(needs=frozenset()),
        "bytraffic": SimpleNamespace(needs=frozenset({"http"})),
        "byudp": SimpleNamespace(needs=frozenset({"udp", "http"})),
        "hash": SimpleNamespace(),
    },
    sticky={"learned": SimpleNamespace()},
    probes={
        "tcp": SimpleNamespace(),
        **{name: SimpleNamespace(schemes={"http", "https"}) for name in ("options", "head", "get")},
        "cping": SimpleNamespace(schemes={"ajp"}),
    },
    resources={"hello": SimpleNamespace()},
)

LISTENER = "[listener:web]\nendpoint = tcp:8080\n"
BALANCER = "[balancer:shop]\nmembers = http://h:1\n"
MOUNT = "[mount:/]\nto = balancer://shop/\n"


def good(text: str) -> Loaded:
    """
    Read text that has no error.
    """
    return loads(text, REGISTRY, path="f")


def errors(text: str) -> list[str]:
    """
    Return the errors of a text that has some.
    """
    with pytest.raises(ConfigErrors) as caught:
        loads(text, REGISTRY, path="f")
    return str(caught.value).split("\n")


def warnings(text: str) -> list[str]:
    """
    Return the warnings of a text without errors.
    """
    return good(text).warnings
