"""
Balancers of virtual hosts: what they share with the main server, as observed on Apache 2.4.71.
"""

from __future__ import annotations

import pytest

from tests.config.httpd.collecting import balancer, collect, good, host
from txbalancer.config import loads
from txbalancer.config.render import render
from txbalancer.core.specs import (
    BalancerSpec,
    ListenerSpec,
    MountSpec,
    ServiceSpec,
    StickyNames,
    ToBalancer,
)

MAIN = balancer("BalancerMember http://a route=a", "BalancerMember http://b route=b")
OFF = ("BalancerInherit Off", "ProxyPassInherit Off")


def urls(spec: BalancerSpec) -> list[str]:
    """
    Return the URLs of a balancer's members.
    """
    return [each.url for each in spec.members]


def test_0_8_a_balancer_of_the_main_server_is_shared() -> None:
    """
    Virtual hosts that say nothing else have one balancer together with the main server.
    """
    found = good(
        MAIN
        + "ProxyPass / balancer://c/ stickysession=S\n"
        + host("ProxyPass / balancer://c/")
        + host("ProxyPass /x balancer://c/x")
    )
    assert [each.name for each in found.specs] == ["c"]
    assert found.targets == ["c/", "c/", "c/x"]
    assert found["c"].stickysession == StickyNames("S", "S")
    assert found.warnings == []
    assert found.hosts[0].names() == {"c": "c"}


def test_0_8_parameters_of_the_only_user() -> None:
    """
    What the only server that uses a balancer says of it is the balancer's.
    """
    found = good(MAIN + host("ProxyPass / balancer://c/ stickysession=S"))
    assert [each.name for each in found.specs] == ["c"]
    assert found["c"].stickysession == StickyNames("S", "S")
    assert found.warnings == []


def test_0_8_users_that_agree() -> None:
    """
    Two virtual hosts that say the same of a balancer, as those of port 80 and 443, share it.
    """
    line = "ProxyPass / balancer://c/ stickysession=S"
    found = good(MAIN + host(line) + host(line))
    assert [each.name for each in found.specs] == ["c"]
    assert found.targets == ["c/", "c/"]


def test_0_8_users_that_differ() -> None:
    """
    What a virtual host says of a shared balancer holds for its own requests only: it has a copy.
    """
    found = good(
        MAIN
        + "ProxyPass / balancer://c/\n"
        + host("ProxyPass / balancer://c/ stickysession=S timeout=3")
        + host("ProxyPass / balancer://c/")
    )
    assert found.targets == ["c/", "c.v1/", "c/"]
    assert [each.name for each in found.specs] == ["c", "c.v1"]
    assert [each.stickysession for each in found.specs] == [None, StickyNames("S", "S")]
    assert found.warnings == [
        "f:7: ProxyPass: balancer://c differs from that of another server in stickysession, "
        "timeout: it elects and checks members by itself here, where Apache shares counters"
    ]
    assert found.places["balancer:c.v1 http://b"] == ("f", 3)


def test_W50_timeouts_of_servers_that_differ() -> None:
    """
    ProxyTimeout is that of the server whose request it is.
    """
    found = good(
        MAIN + host("ProxyPass / balancer://c/") + host("ProxyPass / balancer://c/"),
        [{}, {"timeout": 300.0}, {"timeout": 5.0}],
    )
    assert [each.members[0].timeout for each in found.specs] == [300.0, 5.0]
    assert found.targets == ["c/", "c.v2/"]
    assert "in connectiontimeout, timeout, tunneltimeout:" in found.warnings[0]


def test_0_8_the_main_servers_members_go_first() -> None:
    """
    Of a balancer that both have members for, the main server's are used, as in Apache.
    """
    found = good(
        MAIN
        + host(
            "<Proxy balancer://c>",
            "BalancerMember http://d",
            "ProxySet stickysession=S",
            "</Proxy>",
            "ProxyPass / balancer://c/",
        )
    )
    assert [urls(each) for each in found.specs] == [["http://a", "http://b"]]
    assert found["c"].stickysession == StickyNames("S", "S")
    assert found.warnings == [
        "f:6: Proxy: the members of balancer://c here are not used, as in Apache: those of the "
        "main server's balancer of that name, in line 1, are. Give it another name, or "
        "BalancerInherit Off and ProxyPassInherit Off"
    ]


def test_0_8_a_virtual_host_that_does_not_inherit() -> None:
    """
    With both switches off, a virtual host has its own balancers only.
    """
    own = ("<Proxy balancer://c>", "BalancerMember http://d", "</Proxy>")
    found = good(
        MAIN
        + "ProxyPass / balancer://c/\n"
        + host(*own, *OFF, "ProxyPass / balancer://c/")
        + host(*OFF, "ProxyPass / balancer://c/")
        + host(*own, OFF[0], "ProxyPass / balancer://c/")
    )
    assert found.targets == ["c/", "c.v1/", "c.v2/", "c/"]
    assert [urls(each) for each in found.specs] == [["http://a", "http://b"], ["http://d"], []]
    assert found.hosts[0].names() == {"c": "c.v1"}


def test_a_balancer_that_only_the_virtual_host_has() -> None:
    """
    The main server naming a balancer without members does not hide that of a virtual host.
    """
    found = good(
        "ProxyPass /x balancer://c\n"
        + host(
            "<Proxy balancer://c>",
            "BalancerMember http://d",
            "</Proxy>",
            "ProxyPass / balancer://c/",
        )
    )
    assert found.targets == ["c", "c.v1/"]
    assert [urls(each) for each in found.specs] == [[], ["http://d"]]


def test_a_likely_balancer_of_the_main_server() -> None:
    """
    A slip in a virtual host is told with the main server's name.
    """
    found = good(MAIN + host("ProxyPass / balancer://cc/"))
    assert found.specs[1].members == ()
    assert "balancer://cc has no members (did you mean balancer://c?)" in found.warnings[0]


def test_a_balancer_that_nobody_leads_to() -> None:
    """
    A balancer without a rule is there under its name, for the manager.
    """
    found = good(MAIN + host("<Proxy balancer://c>", "ProxySet stickysession=S", "</Proxy>"))
    assert [each.name for each in found.specs] == ["c"]
    assert found["c"].stickysession is None
    assert found.hosts[0].names() == {"c": "c"}


def test_single_members_of_virtual_hosts() -> None:
    """
    Sections of the main server hold for rules of virtual hosts; a host's own go before them.
    """
    found = good(
        "<Proxy http://h>\nProxySet ttl=5 keepalive=On\n</Proxy>\n"
        + host("ProxyPass / http://h/x", "<Proxy http://h>", "ProxySet ttl=6", "</Proxy>"),
        [{}, {"timeout": 7.0}],
    )
    (made,) = found.targets
    assert not isinstance(made, str | None)
    assert (made.ttl, made.keepalive, made.timeout) == (6.0, True, 7.0)


@pytest.mark.parametrize(
    "text",
    [
        MAIN + "ProxyPass / balancer://c/ stickysession=S|s nonce=None growth=3\n",
        "ProxyPass / balancer://c/\n",
        balancer("BalancerMember unix:/s|http: hcmethod=GET hcuri=/ status=+H-E retry=0"),
        "# txbalancer: defaults modern\n" + MAIN,
    ],
)
def test_specs_can_be_written_as_ini(text: str) -> None:
    """
    An INI file can hold every balancer that Apache's syntax can describe.
    """
    found = collect(text)
    spec = ServiceSpec(
        listeners=(ListenerSpec("web", ("tcp:8080",)),),
        balancers=found.specs,
        mounts=tuple(
            MountSpec(f"/{each.name}", f"/{each.name}", ToBalancer(each.name))
            for each in found.specs
        ),
    )
    from tests.config.httpd.collecting import PROBES

    assert loads(render(spec), PROBES).spec == spec
    assert loads(render(spec, defaults=True), PROBES).spec == spec
