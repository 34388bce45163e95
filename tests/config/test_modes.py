"""
Whether listeners, mounts and members fit together.
"""

from __future__ import annotations

import pytest

from txbalancer.config.render import render

from .helpers import errors, good, warnings

DB = "[listener:db]\nendpoint = tcp:1\nmode = tcp\n"
TO = "to = balancer://shop\n"
SHOP = "[balancer:shop]\nmembers =\n tcp://h:1\n tls://h:2\n"
WEB = "[listener:web]\nendpoint = tcp:80\n[mount:/]\nto = status:204\n"


def test_a_listener_of_connections() -> None:
    """
    It has a balancer of its own, whose members take connections; nothing is to be warned of.
    """
    loaded = good(DB + TO + SHOP + WEB)
    assert loaded.warnings == []
    listener, _ = loaded.spec.listeners
    assert (listener.mode, listener.to) == ("tcp", "shop")
    assert [each.scheme for each in loaded.spec.balancers[0].members] == ["tcp", "tls"]


def test_mounts_of_connections() -> None:
    """
    They name their listeners, need no path, and may ask for names, protocols and clients.
    """
    text = (
        DB
        + SHOP
        + "[mount:a]\nlistener = db\nhost = a.test *.b.test\nalpn = h2 http/1.1\n"
        + "client = 10.0.0.0/8\nto = balancer://shop\n"
        + "[mount:b]\nlistener = db\nto = tcp://h:9\n"
    )
    first, second = good(text).spec.mounts
    assert (first.path, second.path) == ("/", "/")
    assert first.conditions[2].allowed == ("h2", "http/1.1")
    assert second.target.member.port == 9


def test_round_trip() -> None:
    """
    What is rendered is read back as the same.
    """
    text = (
        DB.replace("mode", "idle-timeout = 5min\nlifetime = 1d\ntcp-keepalive = off\nmode")
        + "alpn = redis h2\n"
        + SHOP
        + "stickysource = 30min\nstickysource-most = 5\nhcmethod = tcp\nhcsend = PING\\r\\n\n"
        + "hcexpect = ~^\\+PONG;\n"
        + "[mount:a]\nlistener = db\nhost = a.test\nalpn = h2\nto = balancer://shop\n"
        + "[mount:b]\nlistener = db\nto = unix:/run/x|tcp:\n"
    )
    spec = good(text).spec
    assert good(render(spec)).spec == spec
    assert good(render(spec, defaults=True)).spec == spec


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (DB + SHOP, "f:1: [listener:db] to: is missing: balancer://NAME, or give mounts with"),
        (
            DB + "to = balancer://shap\n" + SHOP,
            "f:4: [listener:db] to: no [balancer:shap]; use shop (did you mean shop?)",
        ),
        (
            DB + TO + SHOP + "[mount:x]\nlistener = db\nto = balancer://shop\n",
            "f:4: [listener:db] to: takes all connections: [mount:x] is never reached",
        ),
        (
            "[listener:web]\nendpoint = tcp:80\nto = balancer://shop\n" + SHOP,
            "f:3: [listener:web] to: is for mode = tcp: HTTP requests find their balancer by",
        ),
        (
            DB + TO + "[balancer:shop]\nmembers = http://h\n",
            "f:6: [balancer:shop] members: http://h: http:// cannot be used where"
            " [listener:db] leads: use tcp:// or tls://",
        ),
        (
            WEB + "[balancer:shop]\nmembers = tcp://h:1\n[mount:/x]\nto = balancer://shop/\n",
            "f:6: [balancer:shop] members: tcp://h:1: tcp:// cannot be used where"
            " [mount:/x] leads: use http://",
        ),
        (
            WEB + "[balancer:shop]\nmembers =\n http://h\n tcp://h:1\n",
            "f:8: [balancer:shop] members: tcp://h:1: tcp:// cannot be used where http://h",
        ),
        (
            WEB + "[mount:/x]\nto = tcp://h:1\n",
            "f:6: [mount:/x] to: tcp:// cannot be used where the listener leads: use http://",
        ),
        (
            DB + SHOP + "[mount:x]\nlistener = db\nto = http://h\n",
            "f:10: [mount:x] to: http:// cannot be used where the listener leads: use tcp://",
        ),
        (
            DB + SHOP + "[mount:x]\nlistener = db\nto = status:204\n",
            "f:10: [mount:x] to: needs HTTP: for mode = tcp use balancer://NAME or tcp://",
        ),
        (
            DB + SHOP + "[mount:x]\nlistener = db\nto = balancer://shop/x\n",
            "f:10: [mount:x] to: '/x': there are no paths in connections",
        ),
        (
            DB + SHOP + WEB + "[mount:x]\npath = /\nlistener = db web\nto = status:204\n",
            "f:14: [mount:x] listener: these have mode http and tcp: each needs mounts of its own",
        ),
        (
            DB + SHOP + "[mount:x]\nlistener = db\nto = balancer://shop\nvia = on\n",
            "f:11: [mount:x] via: needs HTTP: mounts of such listeners take to, host, alpn,",
        ),
        (
            WEB + "[mount:/x]\nalpn = h2\nto = status:204\n",
            "f:6: [mount:/x] alpn: is for the mounts of a listener with mode = tcp",
        ),
        (
            DB + SHOP + '[mount:x]\nlistener = db\nalpn = "\xe4"\nto = balancer://shop\n',
            "f:10: [mount:x] alpn: 'ä' is not a protocol's name, such as h2",
        ),
        (
            DB + TO + SHOP + "stickysession = s\n",
            "f:9: [balancer:shop] stickysession: needs HTTP requests: [listener:db] has none",
        ),
        (
            DB + TO + SHOP + "failonstatus = 500\n",
            "f:9: [balancer:shop] failonstatus: needs HTTP requests: [listener:db] has none",
        ),
        (
            DB + TO + SHOP + "lbmethod = bytraffic\n",
            "f:9: [balancer:shop] lbmethod: bytraffic needs HTTP requests: [listener:db] has none",
        ),
        (
            DB + TO + SHOP + "lbmethod = hash\nhashkey = path\n",
            "f:10: [balancer:shop] hashkey: path needs HTTP requests: [listener:db] has none",
        ),
        (
            DB + TO + "[balancer:shop]\nmembers = tcp://h\n",
            "f:6: [balancer:shop] members: the port is missing: tcp://HOST:PORT is expected",
        ),
        (
            DB + TO + "[balancer:shop]\nmembers = tls://h:1/x\n",
            "f:6: [balancer:shop] members: 'tls://h:1/x' has a path: tls:// takes a host and",
        ),
        (
            DB + "to = shop\n" + SHOP,
            "f:4: [listener:db] to: 'shop' must be balancer://NAME",
        ),
        (
            DB + TO + SHOP + "hcexpect = ~(\n",
            "f:9: [balancer:shop] hcexpect: '(' is not a regular expression",
        ),
        (
            DB + TO + SHOP + "hcexpect = a\\q\n",
            "f:9: [balancer:shop] hcexpect: '\\\\q' is no escape",
        ),
        (
            DB + TO + SHOP + "hcsend = a\\q\n",
            "f:9: [balancer:shop] hcsend: '\\\\q' is no escape",
        ),
    ],
)
def test_what_does_not_fit(text: str, fault: str) -> None:
    """
    Each fault names its place and the remedy, and is the only one.
    """
    (found,) = errors(text)
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            DB + TO + SHOP + "ping = 5\n",
            "f:9: [balancer:shop] ping: has no effect without HTTP or AJP",
        ),
        (
            WEB.replace("80\n", "80\nlifetime = 1h\n"),
            "f:3: [listener:web] lifetime: has no effect without mode = tcp",
        ),
        (
            DB + TO + SHOP + "hcsend = x\n",
            "f:9: [balancer:shop] hcsend: has no effect without hcmethod=expect",
        ),
        (
            DB + TO + SHOP + "stickysource-most = 9\n",
            "f:9: [balancer:shop] stickysource-most: has no effect without stickysource",
        ),
    ],
)
def test_what_has_no_effect(text: str, warning: str) -> None:
    """
    It is warned of.
    """
    assert warnings(text) == [warning]


def test_mounts_of_one_kind_do_not_hide_those_of_another() -> None:
    """
    A mount of all requests takes no connection.
    """
    text = WEB + DB + SHOP + "[mount:x]\nlistener = db\nto = balancer://shop\n"
    assert warnings(text) == []
