"""
Files that people run Apache with, as they stand.
"""

from __future__ import annotations

import pytest

from tests.config.helpers import REGISTRY
from txbalancer.config import Loaded, loads
from txbalancer.config.render import render
from txbalancer.core import flags
from txbalancer.core.access import Require
from txbalancer.core.specs import StickyNames, ToBalancer, ToManager

MODULES = """\
ServerRoot "/usr/local/apache2"
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule authz_host_module modules/mod_authz_host.so
LoadModule log_config_module modules/mod_log_config.so
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
LoadModule proxy_balancer_module modules/mod_proxy_balancer.so
LoadModule slotmem_shm_module modules/mod_slotmem_shm.so
LoadModule lbmethod_byrequests_module modules/mod_lbmethod_byrequests.so
LoadModule lbmethod_bytraffic_module modules/mod_lbmethod_bytraffic.so
Listen 8080
"""

TWO_MEMBERS = """\
<VirtualHost *:8080>
    ServerName www.example.com
    ProxyRequests Off
    ProxyPreserveHost On

    <Proxy balancer://mycluster>
        BalancerMember http://10.0.0.1:8080
        BalancerMember http://10.0.0.2:8080
        ProxySet stickysession=JSESSIONID
    </Proxy>

    <Location /balancer-manager>
        SetHandler balancer-manager
        Require all granted
    </Location>
    ProxyPass /balancer-manager !
    ProxyPass / balancer://mycluster/ stickysession=JSESSIONID
</VirtualHost>
"""

BY_TRAFFIC = """\
<Proxy "balancer://mycluster">
    BalancerMember "http://192.168.1.50:80" loadfactor=1
    BalancerMember "http://192.168.1.51:80" loadfactor=2
    ProxySet lbmethod=bytraffic stickysession=JSESSIONID
</Proxy>
ProxyPass "/test" "balancer://mycluster"
ProxyPassReverse "/test" "balancer://mycluster"
"""

ROUTES = """\
<Proxy balancer://mycluster>
    BalancerMember http://server1:8080 route=1
    BalancerMember http://server2:8080 route=2
    BalancerMember http://spare1:8080 status=+H
    BalancerMember http://spare2:8080 status=+H
    ProxySet stickysession=JSESSIONID|jsessionid
</Proxy>
<Location /balancer-manager>
    SetHandler balancer-manager
    Require host localhost
</Location>
ProxyPass /balancer-manager !
ProxyPass / balancer://mycluster/
ProxyPassReverse / balancer://mycluster/
"""

ONE_APPLICATION = """\
<Proxy balancer://mycluster>
    BalancerMember http://app1:8080 route=server1
    BalancerMember http://app2:8080 route=server2
</Proxy>
ProxyPass /app balancer://mycluster/ stickysession=JSESSIONID|jsessionid
ProxyPassReverse /app balancer://mycluster/
"""

CHECKED = """\
LoadModule proxy_hcheck_module modules/mod_proxy_hcheck.so
LoadModule watchdog_module modules/mod_watchdog.so
<Proxy "balancer://mycluster">
    BalancerMember "http://app1:8080/app" route=1 retry=5 hcmethod=GET hcuri=/healthcheck
    BalancerMember "http://app2:8080/app" route=2 status=+H hcmethod=GET hcuri=/healthcheck
    ProxySet lbmethod=byrequests
</Proxy>
<Location "/balancer-manager">
    SetHandler balancer-manager
    Require ip 172.31.32.0/20
</Location>
ProxyPass "/app" "balancer://mycluster"
ProxyPassReverse "/app" "balancer://mycluster"
"""

ALL = {
    "two members": TWO_MEMBERS,
    "by traffic": BY_TRAFFIC,
    "routes": ROUTES,
    "one application": ONE_APPLICATION,
    "checked": CHECKED,
}


def good(text: str) -> Loaded:
    """
    Load a file in Apache's syntax that has no fault.
    """
    return loads(MODULES + text, REGISTRY, path="httpd.conf")


@pytest.fixture(autouse=True)
def ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A machine with IPv6, whatever this one has.
    """
    monkeypatch.setattr("socket.has_dualstack_ipv6", lambda: True)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("defaults", [False, True])
def test_it_converts_and_reloads_as_the_same(name: str, defaults: bool) -> None:
    """
    A file that is written as INI, with all defaults or without, means the same.
    """
    spec = good(ALL[name]).spec
    assert loads(render(spec, defaults=defaults), REGISTRY).spec == spec


@pytest.mark.parametrize("name", ALL)
def test_it_starts_as_it_stands(name: str) -> None:
    """
    What people run needs no change; where sessions cannot stick, they are told.
    """
    assert all("route" in warning for warning in good(ALL[name]).warnings)


def test_two_members_with_sessions_and_an_open_manager() -> None:
    """
    Sessions by JSESSIONID, everything to the balancer but the manager's page, for everybody.
    """
    spec = good(TWO_MEMBERS).spec
    (balancer,) = spec.balancers
    assert balancer.stickysession == StickyNames("JSESSIONID", "JSESSIONID")
    assert [each.url for each in balancer.members] == [
        "http://10.0.0.1:8080",
        "http://10.0.0.2:8080",
    ]
    manager, rest = spec.mounts
    assert (manager.path, manager.target) == ("/balancer-manager", ToManager())
    assert manager.require == (Require("all granted"),)
    assert (rest.path, rest.target) == ("/", ToBalancer("mycluster", "/"))
    assert rest.preservehost
    (listener,) = spec.listeners
    assert (listener.name, listener.endpoint) == ("port-8080", ("tcp6:8080",))
    assert listener.server_name == "www.example.com"


def test_by_traffic_below_a_path() -> None:
    """
    D2, D10: one path goes to the balancer, and its answers are mapped back.
    """
    spec = good(BY_TRAFFIC).spec
    (balancer,) = spec.balancers
    assert balancer.lbmethod == "bytraffic"
    assert [each.loadfactor for each in balancer.members] == [100, 200]
    (mount,) = spec.mounts
    assert (mount.path, mount.target) == ("/test", ToBalancer("mycluster", ""))
    assert mount.proxypassreverse == (("/test", "balancer://mycluster"),)
    assert not mount.reverse


def test_routes_and_standbys() -> None:
    """
    Two members have routes, two stand by; the manager's page is for this machine by its name.
    """
    spec = good(ROUTES).spec
    (balancer,) = spec.balancers
    assert balancer.stickysession == StickyNames("JSESSIONID", "jsessionid")
    assert [each.route for each in balancer.members] == ["1", "2", "", ""]
    standby = flags.INIT | flags.STANDBY
    assert [each.status for each in balancer.members] == [flags.INIT] * 2 + [standby] * 2
    assert spec.mounts[0].require == (Require("host", ("localhost",)),)


def test_one_application() -> None:
    """
    H53 as we do it: `/app` to `balancer://mycluster/` does not make two slashes.
    """
    spec = good(ONE_APPLICATION).spec
    assert spec.balancers[0].members[0].route == "server1"
    assert spec.balancers[0].stickysession == StickyNames("JSESSIONID", "jsessionid")
    assert [(each.path, each.target) for each in spec.mounts] == [
        ("/app", ToBalancer("mycluster", ""))
    ]


def test_checked_members() -> None:
    """
    Checks of both members, a short retry, and a manager's page for one network.
    """
    spec = good(CHECKED).spec
    first, second = spec.balancers[0].members
    assert (first.retry, first.hcmethod, first.hcuri) == (5.0, "get", "/healthcheck")
    assert second.status == flags.INIT | flags.STANDBY
    proxied, manager = spec.mounts
    assert (proxied.path, proxied.target) == ("/app", ToBalancer("mycluster", ""))
    assert (manager.path, manager.target) == ("/balancer-manager", ToManager())
    assert manager.require == (Require("ip", ("172.31.32.0/20",)),)
