"""
Whole configurations as people write them, and the examples of Apache's manual (APACHE D1 to D24).
"""

from __future__ import annotations

import pytest

from tests.differential.cases import Case, answer, case, check, get, named
from tests.differential.members import Pause
from tests.differential.sides import World

REDIRECT = answer(
    "Location: http://{0}/y", "Set-Cookie: JSESSIONID=x.1; path=/", status="302 Found"
)


def sessions(name: str, lines: str, *requests: bytes, times: int = 8) -> Case:
    """
    Ask without a session, with sessions of all routes, and without again.
    """
    mixed = [get("/app/x"), *requests] * times
    return case(f"snippets/{name}", lines, *mixed)


TWO = get("/app/x", "Cookie: JSESSIONID=abc.2")
ONE = get("/app/x", "Cookie: JSESSIONID=abc.1")
SERVER1 = get("/app/x;jsessionid=abc.server1?y=1")

CASES = named(
    [
        sessions(
            "two_members_sticky",
            """\
<Proxy balancer://{n}>
    BalancerMember http://{0}
    BalancerMember http://{1}
    ProxySet stickysession=JSESSIONID
</Proxy>
<Location /balancer-manager>
    SetHandler balancer-manager
    Require all granted
</Location>
ProxyPass /balancer-manager !
ProxyPass / balancer://{n}/ stickysession=JSESSIONID
""",
            ONE,
            get("/"),
        ),
        sessions(
            "bytraffic_and_reverse",
            """\
<Proxy "balancer://{n}">
    BalancerMember "http://{0}"
    BalancerMember "http://{1}"
    ProxySet lbmethod=bytraffic stickysession=JSESSIONID
</Proxy>
ProxyPass "/" "balancer://{n}/"
ProxyPassReverse "/" "balancer://{n}/"
""",
            ONE,
        ),
        sessions(
            "both_standby",
            """\
<Proxy balancer://{n}>
    BalancerMember http://{0} route=1 status=+H
    BalancerMember http://{1} route=2 status=+H
</Proxy>
<Location /balancer-manager>
    SetHandler balancer-manager
    Require host localhost
</Location>
ProxyPass /balancer-manager !
ProxyPass / balancer://{n}/ stickysession=JSESSIONID|jsessionid
ProxyPassReverse / balancer://{n}/
""",
            ONE,
            TWO,
            get("/;jsessionid=x.2"),
        ),
        sessions(
            "app_with_route",
            """\
<Proxy balancer://{n}>
    BalancerMember http://{0} route=server1
    BalancerMember http://{1} route=server2
</Proxy>
ProxyPass /app balancer://{n}/ stickysession=JSESSIONID|jsessionid
ProxyPassReverse /app balancer://{n}/
""",
            SERVER1,
            get("/app"),
            get("/other"),
        ),
        sessions(
            "standby_and_checks",
            """\
ProxyRequests Off
<Proxy "balancer://{n}">
    BalancerMember "http://{0}" route=1 retry=5 hcmethod=GET hcuri=/healthcheck
    BalancerMember "http://{1}" route=2 status=+H hcmethod=GET hcuri=/healthcheck
    ProxySet lbmethod=byrequests
</Proxy>
<Location "/balancer-manager">
    SetHandler balancer-manager
    Require ip 172.31.32.0/20
</Location>
ProxyPass "/balancer-manager" !
ProxyPass "/app" "balancer://{n}"
ProxyPassReverse "/app" "balancer://{n}"
""",
            ONE,
            TWO,
            get("/balancer-manager"),
            get("/app"),
        ),
        case(
            "snippets/D1_plain",
            'ProxyPass "/foo" "http://{0}/bar"\nProxyPassReverse "/foo" "http://{0}/bar"',
            (get("/foo/x"), answer("Location: http://{0}/bar/y", status="302 Found")),
        ),
        case(
            "snippets/D3_routes",
            """\
Header add Set-Cookie "ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED
<Proxy "balancer://{n}">
    BalancerMember "http://{0}" route=1
    BalancerMember "http://{1}" route=2
    ProxySet stickysession=ROUTEID
</Proxy>
ProxyPass        "/test" "balancer://{n}"
ProxyPassReverse "/test" "balancer://{n}"
""",
            get("/test/x"),
            get("/test/x", "Cookie: ROUTEID=.1"),
            get("/test/x", "Cookie: ROUTEID=.2"),
            get("/test/x", "Cookie: a=b; ROUTEID=.2"),
            (get("/test/x"), REDIRECT),
            get("/test"),
        ),
        case(
            "snippets/D4_tomcat",
            """\
ProxyPass "/test" "balancer://{n}" stickysession=JSESSIONID|jsessionid scolonpathdelim=On
<Proxy "balancer://{n}">
    BalancerMember "http://{0}" route=node1
    BalancerMember "http://{1}" route=node2
</Proxy>
""",
            get("/test/x", "Cookie: JSESSIONID=A5F3.node2"),
            get("/test/x;jsessionid=A5F3.node2"),
            get("/test/x;jsessionid=A5F3.node1;v=2", "Cookie: JSESSIONID=A5F3.node2"),
            get("/test/x"),
        ),
        case(
            "snippets/D6_three_factors",
            """\
ProxyPass "/special-area" "http://{5}" smax=5 max=10
ProxyPass "/" "balancer://{n}/" stickysession=JSESSIONID|jsessionid nofailover=On
<Proxy "balancer://{n}">
    BalancerMember "http://{0}"
    BalancerMember "http://{1}" loadfactor=20
    BalancerMember "http://{2}" loadfactor=5
</Proxy>
""",
            get("/special-area/x"),
            *[get("/")] * 26,
        ),
        case(
            "snippets/D8_hot_standby",
            """\
ProxyPass "/" "balancer://{n}/"
<Proxy "balancer://{n}">
    BalancerMember "http://{0}" loadfactor=1
    BalancerMember "http://{1}" loadfactor=2.25
    # The server below is on hot standby
    BalancerMember "http://{2}" status=+H
    ProxySet lbmethod=bytraffic
</Proxy>
""",
            *[get("/")] * 20,
        ),
        case(
            "snippets/D9_failover",
            """\
<Proxy balancer://{n}>
    BalancerMember http://{0} timeout=1
    BalancerMember http://{1} loadfactor=3 timeout=1
    BalancerMember http://{2} status=+R
    BalancerMember http://{3} status=+R
    BalancerMember http://{4} status=+H
    BalancerMember http://{5} lbset=1
    ProxySet lbmethod=byrequests
</Proxy>
ProxyPass "/images/"  "balancer://{n}/"
ProxyPassReverse "/images/"  "balancer://{n}/"
""",
            *[get("/images/x")] * 12,
            (get("/images/x"), (Pause(3.0),)),
            *[get("/images/x")] * 6,
        ),
        case(
            "snippets/D11_proxyset",
            """\
ProxyPass /one balancer://{n}
ProxySet balancer://{n} lbmethod=bytraffic
<Proxy balancer://{n}>
    BalancerMember http://{0}
    BalancerMember http://{1}
</Proxy>
ProxyPass /two http://{2}/x
<Proxy http://{2}/x>
    ProxySet keepalive=On
</Proxy>
""",
            *[get("/one/x"), get("/two/y")] * 4,
        ),
        case(
            "snippets/member_outside",
            """\
ProxyPass / balancer://{n}/
BalancerMember balancer://{n} http://{0} loadfactor=2
BalancerMember balancer://{n} http://{1}
ProxySet balancer://{n} stickysession=SID
""",
            *[get("/")] * 6,
        ),
        case(
            "snippets/D22_override",
            "ProxyErrorOverride On 403 405 500 501 502 503 504\nProxyPass / http://{0}/",
            (get("/"), answer(status="500 Oops")),
            (get("/"), answer(status="404 Oops")),
        ),
        case(
            "snippets/location_with_everything",
            """\
<Location "/shop">
    ProxyPass "balancer://{n}/store" stickysession=SID
    ProxyPassReverse "balancer://{n}/store"
    ProxyPassReverseCookiePath "/store" "/shop"
    RequestHeader set X-Shop "yes"
    Header set X-Via-Shop "yes"
</Location>
<Proxy "balancer://{n}">
    BalancerMember "http://{0}" route=a
    BalancerMember "http://{1}" route=b
</Proxy>
""",
            (get("/shop/x"), answer("Location: http://{0}/store/y", status="302 Found")),
            (get("/shop/x"), answer("Set-Cookie: SID=1.a; path=/store")),
            get("/shop/x", "Cookie: SID=1.a"),
            get("/"),
        ),
        case(
            "snippets/if_and_define",
            """\
Define FACTOR 3
<IfModule mod_proxy.c>
<Proxy balancer://{n}>
    BalancerMember http://{0} \\
        loadfactor=${FACTOR}
    BalancerMember http://{1}
</Proxy>
</IfModule>
<IfModule !mod_proxy_balancer.c>
    ProxyPass / http://{2}/
</IfModule>
<IfDefine FACTOR>
    ProxyPass / balancer://{n}/
</IfDefine>
<IfVersion >= 2.4>
    RequestHeader set X-Version new
</IfVersion>
""",
            *[get("/")] * 8,
        ),
    ]
)


@pytest.mark.parametrize("name", CASES)
def test_snippet(world: World, name: str) -> None:
    """
    A configuration as people write it serves the same as in Apache.
    """
    check(world, CASES[name])
