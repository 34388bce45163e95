"""
Listeners with mode = udp in configuration files: what goes together.
"""

from __future__ import annotations

import pytest

from txbalancer.config import loads
from txbalancer.errors import ConfigErrors
from txbalancer.services.plugins import load_registry

GOOD = """
[listener:dns]
mode = udp
endpoint = udp:53
    udp:53:interface=\\:\\:1
to = balancer://dns
responses = 1
[balancer:dns]
members =
    udp://127.0.0.1:5301 hcmethod=expect hcsend=x sendproxy=v2
    udp://127.0.0.1:5302
"""


def test_what_goes_together():
    """
    Endpoints, members and options of datagrams.
    """
    loaded = loads(GOOD, load_registry())
    assert not loaded.warnings
    (listener,) = loaded.spec.listeners
    assert (listener.mode, listener.responses, listener.to) == ("udp", 1, "dns")
    assert loaded.spec.balancers[0].members[0].port == 5301


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("udp:53\n", "tcp:53\n", "tcp:53: mode = udp needs udp:PORT or udp:PORT:interface=ADDRESS"),
        ("mode = udp", "mode = tcp", "udp:53 needs mode = udp"),
        ("responses = 1", "accept-proxy = 10.0.0.1", "accept-proxy: is for connections"),
        ("responses = 1", "responses = one", "responses: 'one' is not a whole number"),
        ("udp:53\n", "udp:53\n    udp:53\n", "udp:53 is there already, in line 4"),
        ("udp:53\n", "udp:53:backlog=5\n", "udp: 'backlog=5' is not known"),
        ("udp://127.0.0.1:5301", "tcp://127.0.0.1:5301", "tcp:// cannot be used where"),
        ("udp://127.0.0.1:5301", "udp://127.0.0.1", "the port is missing: udp://HOST:PORT"),
        ("sendproxy=v2", "sendproxy=v1", "sendproxy=v1 is for connections"),
        ("hcsend=x", "", "hcmethod=expect needs hcsend"),
        ("hcmethod=expect", "hcmethod=tcp", "hcmethod=tcp does not ask udp:// members: use expect"),
        ("hcmethod=expect", "hcmethod=get hcuri=/", "hcmethod=get does not ask udp:// members"),
        ("udp://127.0.0.1:5301", "unix:/run/x|udp://localhost:1", "a unix socket takes no"),
        ("[balancer:dns]\n", "[balancer:dns]\nstickysession = S\n", "needs HTTP requests"),
    ],
)
def test_what_does_not(before, after, text):
    """
    The fault names place and remedy.
    """
    assert before in GOOD
    with pytest.raises(ConfigErrors, match=text.replace("(", r"\(")):
        loads(GOOD.replace(before, after, 1), load_registry())


def test_options_of_the_other_modes_do_nothing():
    """
    They are warned of.
    """
    text = GOOD.replace("responses = 1", "idle-timeout = 5s")
    (warning,) = loads(text, load_registry()).warnings
    assert "idle-timeout: has no effect without mode = tcp" in warning
    text = "[listener:web]\nendpoint = tcp:80\nresponses = 1\n[mount:/]\nto = status:204\n"
    (warning,) = loads(text, load_registry()).warnings
    assert "responses: has no effect without mode = udp" in warning


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ("trusted-header = x-real-ip", "trusted-header: has no effect without trusted-proxies"),
        ("trusted-proto = off", "trusted-proto: has no effect without trusted-proxies"),
    ],
)
def test_whom_to_believe_in_what(more, text):
    """
    A header to be believed needs proxies to be believed.
    """
    listener = f"[listener:web]\nendpoint = tcp:80\n{more}\n[mount:/]\nto = status:204\n"
    (warning,) = loads(listener, load_registry()).warnings
    assert text in warning
    listener = listener.replace(more, f"{more}\nexternal-proxies = 192.0.2.1")
    assert not loads(listener, load_registry()).warnings


def test_there_are_no_headers_in_datagrams():
    """
    Nor in connections.
    """
    text = GOOD.replace("responses = 1", "trusted-proxies = 10.0.0.1")
    (warning,) = loads(text, load_registry()).warnings
    assert "trusted-proxies: has no effect without mode = http" in warning
