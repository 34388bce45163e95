"""
A file in Apache's syntax and what it is converted to are the same configuration.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.config.helpers import REGISTRY
from txbalancer.config import loads
from txbalancer.config.render import render

from .collecting import PROBES

ONE_OF = st.sampled_from


def some(*lines: str, most: int = 4) -> st.SearchStrategy[str]:
    """
    Draw some of these lines, in any order.
    """
    return st.lists(ONE_OF(lines), max_size=most, unique=True).map("\n".join)


MEMBER_OPTIONS = some(
    "loadfactor=2.5", "lbset=1", "route=r1", "redirect=r2", "status=+H", "status=-E+D", "retry=5",
    "timeout=30", "connectiontimeout=500ms", "max=20", "min=3", "smax=7", "ttl=60", "acquire=3000",
    "disablereuse=On", "keepalive=On", "ping=1", "upgrade=ANY", "hcmethod=GET hcuri=/up;a?b",
    "hcmethod=TCP hcinterval=5", "hcpasses=2", "hcfails=4", "addressttl=0", "iobuffersize=8192",
    "receivebuffersize=4096", "responsefieldsize=16384",
).map(lambda text: text.replace("\n", " "))  # fmt: skip
BALANCER_OPTIONS = some(
    "lbmethod=bytraffic", "lbmethod=bybusyness", "stickysession=JSESSIONID|jsessionid",
    "nofailover=On", "maxattempts=2", "failonstatus=500,503", "scolonpathdelim=On", "timeout=3",
    "stickysessionsep=;", "forcerecovery=Off", "failontimeout=On",
).map(lambda text: text.replace("\n", " "))  # fmt: skip
IN_LOCATION = some(
    "ProxyPreserveHost On", "ProxyAddHeaders Off", "ProxyErrorOverride On",
    "ProxyErrorOverride On 404 503", "Require all granted", "Require ip 10.0.0.0/8 ::1",
    "Require host localhost",
    "<RequireAll>\nRequire local\nRequire not ip 127.0.0.9\n</RequireAll>",
    'Header set X-A "b; c # d"', "Header always append X-B %{BALANCER_WORKER_ROUTE}e",
    'Header add Set-Cookie "ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED',
    "RequestHeader unset X-C", 'RequestHeader edit X-D "a;b" "c d"', "LimitRequestBody 1000000",
    'AuthName "who; are # you"\nAuthType Basic', most=5,
)  # fmt: skip
TARGET = ONE_OF(
    [
        "balancer://b0/", "balancer://b0", "balancer://b0/deep", "balancer://b1/", "!",
        "http://m:1/", "http://m:1/x;y", "https://[::1]:8443/a", "unix:/run/m.sock|http://m/x",
    ]
)  # fmt: skip


@st.composite
def rules(draw: st.DrawFn) -> str:
    """
    Draw mounts of one server.
    """
    parts = []
    for number in range(draw(st.integers(0, 4))):
        path = draw(ONE_OF([f"/a{number}", f"/a{number}/", f"/{number}/b c", "/"]))
        target = draw(TARGET)
        kind = draw(ONE_OF(["pass", "match", "location", "sections"]))
        reverse = f"ProxyPassReverse {{}}{target}" if target != "!" else ""
        if kind == "pass":
            flags = draw(ONE_OF(["", " nocanon", " noquery"])) if target != "!" else ""
            parts.append(f'ProxyPass "{path}" {target}{flags}')
            parts.append(reverse.format(f'"{path}" '))
            parts.append(draw(some("ProxyPassReverseCookiePath /x /y", "ProxyVia On")))
        elif kind == "match":
            url = f"{target}$1" if target.count("/") > 2 else target
            parts.append(f"ProxyPassMatch ^/m{number}/(.*)$ {url}")
        elif kind == "location":
            within = draw(IN_LOCATION)
            parts.append(f'<Location "{path}">\n{within}\nProxyPass {target}\n</Location>')
        else:
            within = draw(IN_LOCATION)
            parts.append(f"<LocationMatch ^/l{number}>\n{within}\n</LocationMatch>")
            parts.append(f"<Location /manager{number}>\nSetHandler balancer-manager\n</Location>")
    return "\n".join(filter(None, parts))


@st.composite
def configurations(draw: st.DrawFn) -> str:
    """
    Draw a whole file.
    """
    parts = [draw(ONE_OF(["", "# txbalancer: defaults modern"])), "Listen 8080"]
    parts.append(draw(ONE_OF(["", "Listen 127.0.0.1:8081", "Listen [::1]:8082"])))
    parts.append(
        draw(
            some(
                "TimeOut 45", "ProxyTimeout 20", "KeepAlive Off", "KeepAliveTimeout 3",
                "MaxKeepAliveRequests 7", "LimitRequestFields 50", "LimitRequestLine 4000",
                "ServerName main.test", "ProxyVia Full", "ProxyBadHeader Ignore",
                "BalancerPersist On", "ErrorLog /tmp/e;r.log", "LogLevel info",
                'LogFormat "%h %{X}i; \\"%r\\" # %>s" mine\nCustomLog /tmp/a.log mine',
                "ProxyHCExpr ok {%{REQUEST_STATUS} =~ /^[234]/}", "ProxyHCTPsize 4",
                "HeartbeatListen 239.0.0.1:27999", "HeartbeatStorage /tmp/hb.dat",
                "AllowEncodedSlashes NoDecode", "ProxyIOBufferSize 8192",
            )
        )
    )  # fmt: skip
    for number in range(2):
        lines = [f"<Proxy balancer://b{number}>"]
        for member in range(draw(st.integers(1, 3))):
            scheme = draw(ONE_OF(["http", "https"]))
            lines.append(f"BalancerMember {scheme}://h{member}:90 {draw(MEMBER_OPTIONS)}")
        set_options = draw(BALANCER_OPTIONS)
        lines += [f"ProxySet {set_options}"] if set_options else []
        parts += [*lines, "</Proxy>"]
    parts.append(draw(rules()))
    for number in range(draw(st.integers(0, 2))):
        name = draw(ONE_OF(["", f"ServerName v{number}.test\nServerAlias *.v{number}.test w"]))
        log = draw(ONE_OF(["", f"CustomLog /tmp/v{number}.log common"]))
        parts += ["<VirtualHost *:8080>", name, log, draw(rules()), "</VirtualHost>"]
    return "\n".join(filter(None, parts))


SLOW = settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@SLOW
@given(configurations(), st.booleans())
def test_what_is_converted_is_the_same(text: str, every: bool) -> None:
    """
    Converting and loading gives equal specs, with all options written out or only some.
    """
    spec = loads(text, PROBES, path="/tmp/httpd.conf").spec
    converted = render(spec, defaults=every)
    assert loads(converted, PROBES).spec == spec, converted


@SLOW
@given(configurations())
def test_no_number_depends_on_whose_defaults_hold(text: str) -> None:
    """
    With all options written out, the result means the same whatever `defaults` says.
    """
    spec = loads(text, PROBES, path="/tmp/httpd.conf").spec
    converted = render(spec, defaults=True)
    other = re.sub(r"(?m)^defaults = \w+$", "", converted)
    found = loads(other, PROBES).spec
    assert (found.listeners, found.balancers) == (spec.listeners, spec.balancers)
    assert found.logs == spec.logs


@pytest.mark.parametrize("text", ["smax=max", ""])
def test_Apaches_default_for_smax_can_be_written(text: str) -> None:
    """
    Apache's default has a word of its own.
    """
    base = f"[listener:l]\nendpoint = tcp:1\n[balancer:b]\nmembers = http://h:1 {text}\n"
    (balancer,) = loads(base, REGISTRY).spec.balancers
    assert balancer.members[0].smax == (None if text else 0)
