"""
C{<VirtualHost>}s: who answers which request, and what is inherited.
"""

from __future__ import annotations

import pytest

from tests.config.httpd.reading import BALANCER, errors_of, spec_of, warnings_of
from txbalancer.config.httpd import servers
from txbalancer.core.mounts import Mount, MountTable
from txbalancer.core.request import Peer
from txbalancer.core.specs import (
    Condition,
    FixedStatus,
    NotProxied,
    ServiceSpec,
    ToBalancer,
    ToManager,
    ToMember,
)
from txbalancer.testing import FakeRequest


def host(address: str, name: str, inside: str = "", alias: str = "") -> str:
    aliases = f"ServerAlias {alias}\n" if alias else ""
    target = f"ProxyPass / http://{name or 'nameless'}/\n"
    server = f"ServerName {name}\n" if name else ""
    return f"<VirtualHost {address}>\n{server}{aliases}{inside}{target}</VirtualHost>\n"


def answering(spec: ServiceSpec, listener: str, name: str, path: str = "/") -> str:
    """
    Return the host of the member that a request comes to, or the kind of its target.
    """
    table = MountTable(Mount(each, order) for order, each in enumerate(spec.mounts))
    request = FakeRequest(
        path=path.encode(), host=name.encode(), peer=Peer("10.0.0.1", listener=listener)
    )
    found = table.find(request)
    if found is None:
        return "nothing"
    target = found[0].spec.target
    return target.member.host if isinstance(target, ToMember) else type(target).__name__


def test_the_first_name_that_fits_answers_else_the_first_host() -> None:
    """
    Names are tried in file order, with their globs; a host of nobody gets the first.
    """
    spec = spec_of(
        host("*:8080", "one", alias="*.one two")
        + host("*:8080", "two", alias="a.one o?e b*")
        + host("*:8080", "three")
    )
    asked = ["one", "two", "a.one", "ode", "bob", "three", "nobody", "", "ONE", "one:99"]
    assert [answering(spec, "port-8080", name) for name in asked] == [
        *("one", "one", "one", "two", "two", "three", "one", "one", "one", "one")
    ]


def test_addresses_are_told_apart_before_names() -> None:
    """
    A request for another address's name stays at its own address; the main server answers
    where no host is.
    """
    text = host("10.0.0.1:80", "one") + host("*:81", "two") + "ProxyPass / http://main/\n"
    listen = "Listen 10.0.0.1:80\nListen 81\nListen 10.0.0.2:80\n"
    spec = spec_of(text, listen)
    names = [each.name for each in spec.listeners]
    assert names == ["10-0-0-1-80", "port-81", "10-0-0-2-80"]
    assert [answering(spec, name, "two") for name in names] == ["main", "main", "main"]
    spec = spec_of(host("10.0.0.1:80", "one") + host("*:81", "two"), listen)
    assert [answering(spec, name, "two") for name in names] == ["one", "two", "nothing"]


def test_an_exact_address_goes_before_any() -> None:
    """
    `_default_` and `*` are any address, and a port of `*` any port.
    """
    text = host("10.0.0.1:*", "one") + host("_default_:80", "two") + host("*", "three")
    spec = spec_of(text, "Listen 10.0.0.1:80\nListen 10.0.0.2:80\nListen [::1]:81\n")
    assert [answering(spec, each.name, "nobody") for each in spec.listeners] == [
        *("one", "two", "three")
    ]
    assert spec.listeners[2].name == "ip6-1-81"


def test_what_a_host_does_not_serve_is_404_and_nobody_elses() -> None:
    """
    A request for a named host never gets to the mounts of the first.
    """
    spec = spec_of(
        host("*:8080", "one")
        + "<VirtualHost *:8080>\nServerName two\nProxyPass /app http://two/\n</VirtualHost>\n"
    )
    assert answering(spec, "port-8080", "two", "/app") == "two"
    assert answering(spec, "port-8080", "two", "/other") == "NotProxied"
    assert answering(spec, "port-8080", "nobody", "/other") == "one"
    last = spec.mounts[1]
    assert (last.target, last.conditions) == (NotProxied(), (Condition("host", "", ("two",)),))


def test_labels_tell_whose_a_mount_is() -> None:
    """
    Hosts that differ by name have it in their labels, by port too.
    """
    spec = spec_of(host("*:80", "one") + host("*:81", "one"), "Listen 80\nListen 81\n")
    assert [each.label for each in spec.mounts] == ["one:80/", "one:81/"]
    assert [each.conditions for each in spec.mounts] == [
        (Condition("listener", "", (name,)),) for name in ("port-80", "port-81")
    ]


def test_one_host_at_two_ports_has_its_mounts_once() -> None:
    """
    Listeners with the same hosts share their mounts.
    """
    spec = spec_of(host("*:80 *:81", "one"), "Listen 80\nListen 81\n")
    assert [each.label for each in spec.mounts] == ["/"]


def test_the_name_of_each_host_is_told_to_members() -> None:
    """
    H5, H6: the listener has the first host's name, mounts of others their own.
    """
    spec = spec_of(host("*:8080", "one") + host("*:8080", "two"))
    assert spec.listeners[0].server_name == "one"
    assert {each.label: each.server_name for each in spec.mounts} == {"two/": "two", "one/": ""}


def test_a_host_without_a_name_has_the_main_servers() -> None:
    """
    As in Apache.
    """
    spec = spec_of("ServerName https://main:443\n" + host("*:8080", "one") + host("*:8080", ""))
    assert answering(spec, "port-8080", "main") == "nameless"


def test_main_rules_come_before_a_hosts_own() -> None:
    """
    Seen at Apache 2.4.71: rules of the main server hold in every host, and first, with
    ProxyPassInherit Off too.
    """
    text = "ProxyPass /both http://main/\n<VirtualHost *:8080>\n{}ProxyPass /both http://own/\n"
    text += "ProxyPass /own http://own/\n</VirtualHost>\n"
    spec = spec_of(text.format(""))
    assert answering(spec, "port-8080", "x", "/both") == "main"
    assert answering(spec, "port-8080", "x", "/own") == "own"
    told = warnings_of(text.format("ProxyPassInherit Off\n"))
    assert any("hold nevertheless" in each for each in told)
    assert any("is never reached: line 2 takes all of /both" in each for each in told)


def test_ProxyPassReverse_names_the_balancer_of_its_own_server() -> None:
    """
    Where two hosts have balancers of one name, redirects of each one's members are its own.
    """
    text = "Listen 80\n"
    for name in ("a.test", "b.test"):
        text += (
            f"<VirtualHost *:80>\nServerName {name}\n"
            f"<Proxy balancer://own>\nBalancerMember http://{name}:81\n</Proxy>\n"
            "ProxyPass / balancer://own/\nProxyPassReverse / balancer://Own/x\n</VirtualHost>\n"
        )
    for each in spec_of(text).mounts:
        assert isinstance(each.target, ToBalancer)
        ((_, url),) = each.proxypassreverse
        assert url == f"balancer://{each.target.name}/x"


def test_balancers_of_the_main_server_are_shared_unless_both_switches_are_off() -> None:
    """
    0.8: one rotation for all hosts; a host that shuts itself off answers 503, or has its own.
    """
    rule = "ProxyPass /main balancer://b/\n"
    inside = "<VirtualHost *:8080>\n{}</VirtualHost>\n"
    spec = spec_of(BALANCER + rule + inside.format("ProxyPass /own balancer://b/\n"))
    assert [each.name for each in spec.balancers] == ["b"]
    assert [each.target for each in spec.mounts] == [ToBalancer("b")] * 2
    off = "BalancerInherit Off\nProxyPassInherit Off\n"
    spec = spec_of(BALANCER + rule + inside.format(off))
    assert [each.target for each in spec.mounts] == [FixedStatus(503)]
    spec = spec_of(off + BALANCER + rule + inside.format("ProxyPass /own balancer://b/\n"))
    assert ToBalancer("b") not in [each.target for each in spec.mounts]
    spec = spec_of(BALANCER + rule + inside.format(off + BALANCER.replace("0.9", "0.8") + rule))
    assert spec.mounts[0].target != ToBalancer("b")


def test_a_manager_shows_what_its_host_can_see() -> None:
    """
    M1: balancers of the host and of the main server, not of other hosts.
    """
    manager = "<Location /m>\nSetHandler balancer-manager\n</Location>\n"
    own = BALANCER.replace("balancer://b", "balancer://own") + "ProxyPass /o balancer://own/\n"
    text = BALANCER + host("*:8080", "one", manager.replace("/m", "/x/m"))
    text = text.replace("ProxyPass / http", "ProxyPass /x/y http")
    text += f"<VirtualHost *:8080>\nServerName two\n{own}{manager}</VirtualHost>\n"
    spec = spec_of(text + "ProxyPass /q balancer://b/\n")
    shown = [each.target for each in spec.mounts if isinstance(each.target, ToManager)]
    assert shown == [ToManager(), ToManager(("b",))]


def test_a_wide_listen_is_divided_where_hosts_have_addresses() -> None:
    """
    What is served at an inner address must not be had at others: each gets a listener, or the
    file is refused.
    """
    text = host("10.0.0.1:80", "one") + host("[::1]:80", "two")
    spec = spec_of(text, "Listen 80\n")
    assert [(each.name, each.endpoint) for each in spec.listeners] == [
        ("10-0-0-1-80", ("tcp:80:interface=10.0.0.1",)),
        ("ip6-1-80", ("tcp6:80:interface=\\:\\:1",)),
    ]
    assert "only 10.0.0.1:80, [::1]:80 is listened on" in warnings_of(text, "Listen 80\n")[0]
    for more in (host("*:80", "three"), "ProxyPass / http://main/\n"):
        assert "write a Listen for each address" in errors_of(text + more, "Listen 80\n")


def test_hosts_that_get_no_request_are_told() -> None:
    """
    An address that nobody listens on, and names that others have.
    """
    assert any("no Listen has *:81" in each for each in warnings_of(host("*:81", "one")))
    told = warnings_of(host("10.0.0.1", "one"), "Listen 10.0.0.2:1\n")
    assert any("no Listen has 10.0.0.1:*" in each for each in told)
    told = warnings_of(host("*:8080", "one", alias="*.x") + host("*:8080", "a.x"))
    assert "other <VirtualHost>s of its address have all its names" in told[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<VirtualHost>\n</VirtualHost>\n", "needs an address and port"),
        ("<VirtualHost *:http>\n</VirtualHost>\n", "'*:http' is no ADDRESS:PORT"),
        ("<VirtualHost *:99999>\n</VirtualHost>\n", "'*:99999' is no ADDRESS:PORT"),
        ("<VirtualHost no.such.invalid:80>\n</VirtualHost>\n", "no.such.invalid is not found"),
        ("ServerName a b\n", "ServerName takes [SCHEME://]NAME[:PORT]"),
        ("ServerName http://\n", "must be [SCHEME://]NAME[:PORT]"),
        ("<VirtualHost *:8080>\nServerAlias a/b\n</VirtualHost>\n", "'a/b' is not a host"),
        (
            "<VirtualHost *:8080>\nBalancerInherit Maybe\n</VirtualHost>\n",
            "'Maybe' is not a switch",
        ),
    ],
)
def test_faults_of_hosts(text: str, told: str) -> None:
    """
    Each names its line.
    """
    found = errors_of(text + "ProxyPass / http://m/\n")
    assert told in found
    assert found.startswith("f:")


def test_names_of_hosts_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A host may be given by name: its addresses count, and the name is one of its own.
    """
    found = [(2, 1, 6, "", ("10.0.0.7", 0)), (10, 1, 6, "", ("fe80::1%eth0", 0, 0, 0))]
    monkeypatch.setattr(servers.socket, "getaddrinfo", lambda *_, **__: found)
    assert servers.resolve("shop.test") == ("10.0.0.7", "fe80::1")
    text = "<VirtualHost shop.test:80>\nProxyPass / http://m/\n</VirtualHost>\n"
    spec = spec_of(text, "Listen 10.0.0.7:80\n")
    assert spec.listeners[0].server_name == "shop.test"


def test_globs_and_names_are_told_apart() -> None:
    """
    Two globs may meet; a name and a glob only where it fits.
    """
    assert servers.are_apart(["a", "b.x"], ["c", "*.y"])
    assert not servers.are_apart(["*.x"], ["a.x"])
    assert not servers.are_apart(["a.x"], ["*.x"])
    assert not servers.are_apart(["*.x"], ["a*"])


def test_H8_max_forwards_continue_and_status() -> None:
    """
    ProxyMaxForwards and Proxy100Continue are options of mounts; server-status shows balancers
    whatever ProxyStatus says.
    """
    text = "ProxyMaxForwards {}\nProxy100Continue Off\nProxyStatus Full\nProxyPass / http://m/\n"
    (mount,) = spec_of(text.format(15)).mounts
    assert (mount.maxforwards, mount.proxy100continue) == (15, False)
    (mount,) = spec_of(text.format(-1)).mounts
    assert mount.maxforwards is None
    assert "not a whole number" in errors_of(text.format(-2))
    assert "use Off, On or Full" in errors_of("ProxyStatus Maybe\nProxyPass / http://m/\n")
