"""
Whole files in Apache's syntax through the loader: what is told, and where.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.config.helpers import REGISTRY
from txbalancer.config import Complaint, load, loads
from txbalancer.config.findings import Findings
from txbalancer.config.httpd.loading import Origins
from txbalancer.config.ini import is_ini
from txbalancer.core.specs import GlobalSpec, ListenerSpec, ServiceSpec, ToBalancer, apache_defaults
from txbalancer.errors import ConfigErrors

SMALL = """\
Listen 8080
<Proxy balancer://shop>
    BalancerMember http://h:1 route=a
    BalancerMember http://h:2 route=b
</Proxy>
ProxyPass /app balancer://shop/
"""


def errors(text: str, **options: bool) -> list[str]:
    """
    Return the errors of a text that has some.
    """
    with pytest.raises(ConfigErrors) as caught:
        loads(text, REGISTRY, path="f", **options)
    return str(caught.value).split("\n")


@pytest.mark.parametrize(
    "text",
    [
        "", "\n# c\n; c\n", "[listener:a]\n", "# c\n  [x]\n", "key = value\n",
        "\ufeff[listener:a]\n",
        "a.b-c=\nListen 80\n", "; c\n[x]", "[",
    ],
)  # fmt: skip
def test_what_is_ini(text: str) -> None:
    """
    A section or a key in the first line with a meaning, or nothing at all, is INI.
    """
    assert is_ini(text)


@pytest.mark.parametrize(
    "text",
    [
        "Listen 80", "# [a]\nListen 80", "<Proxy *>", "\ufeff\r\n\tListen 80", "X",
        "endpoint tcp:1", "a b = c",
    ],
)  # fmt: skip
def test_what_is_not_ini(text: str) -> None:
    """
    Anything else is for Apache.
    """
    assert not is_ini(text)


def test_a_small_file() -> None:
    """
    Both syntaxes give specs; Apache's has Apache's defaults.
    """
    spec = loads(SMALL, REGISTRY).spec
    (balancer,) = spec.balancers
    (mount,) = spec.mounts
    assert isinstance(mount.target, ToBalancer)
    assert mount.target.name == balancer.name == "shop"
    assert [each.retry for each in balancer.members] == [60.0, 60.0]
    assert spec.listeners[0].keepalive_timeout == 5.0


def test_modern_defaults() -> None:
    """
    A comment line chooses the modern defaults.
    """
    spec = loads(f"# txbalancer: defaults modern\n{SMALL}", REGISTRY).spec
    assert [each.retry for each in spec.balancers[0].members] == [10.0, 10.0]
    assert spec.service.defaults == "modern"


def test_apache_defaults_in_ini() -> None:
    """
    An INI file can ask for Apache's defaults, for all kinds of sections; what it gives counts.
    """
    text = (
        "[txbalancer]\ndefaults = apache\n[listener:l]\nendpoint = tcp:1\nmax-line = 1K\n"
        "[balancer:b]\nmembers =\n  http://h:1 retry=3\n  http://h:2\nhcinterval = 7\n"
        "[mount:/]\nto = balancer://b/\n[mount:/m]\nto = http://h:3\n"
    )
    spec = loads(text, REGISTRY).spec
    assert spec.service == GlobalSpec(
        defaults="apache", log_level="warn", hctpsize=16, heartbeat_maxservers=10
    )
    defaults = apache_defaults(ListenerSpec) | {"max_line": 1024}
    assert spec.listeners[0] == ListenerSpec("l", ("tcp:1",), **defaults)
    assert (spec.listeners[0].underscores, spec.listeners[0].http2) == ("keep", False)
    first, second = spec.balancers[0].members
    assert (first.retry, second.retry, first.maxfails, second.smax) == (3.0, 60.0, 1, None)
    assert (first.hcinterval, second.hcinterval, second.hcfails) == (7.0, 7.0, 1)
    assert [each.reverse for each in spec.mounts] == [False, False]
    assert spec.mounts[1].target.member.connectiontimeout == 60.0


def test_lenient_reading() -> None:
    """
    What is not carried over is left out with a warning, on demand.
    """
    text = f"{SMALL}RewriteRule a b\n"
    (error,) = errors(text)
    assert error.startswith("f:7: RewriteRule: is not carried over: ")
    loaded = loads(text, REGISTRY, path="f", lenient=True)
    assert loaded.warnings == [f"{error}; left out"]
    assert loaded.spec == loads(SMALL, REGISTRY).spec


def test_defines() -> None:
    """
    Names from outside decide on sections.
    """
    text = f"{SMALL}<IfDefine EXTRA>\nListen 8081\n</IfDefine>\n"
    assert len(loads(text, REGISTRY).spec.listeners) == 1
    assert len(loads(text, REGISTRY, defines=["EXTRA"]).spec.listeners) == 2


@pytest.mark.parametrize("text", ["zzzz world\nqqqq\n", "{\n}\n", "#!/bin/sh\nexit 1\n"])
def test_what_is_no_configuration(text: str) -> None:
    """
    A file in which no directive is known is told so, once.
    """
    (error,) = errors(text)
    assert "is neither INI, which begins with a section such as [listener:NAME]" in error


def test_a_typing_error_alone() -> None:
    """
    A file with one mistyped directive is still one for Apache.
    """
    assert "f:1: Listn: is not known (did you mean Listen?)" in errors("Listn 80\n")


def test_doubts_name_the_directive() -> None:
    """
    What is valid but probably not meant is told at the directive it comes from.
    """
    text = SMALL.replace(" route=b", " route=a") + (
        "ProxyPass /app/deep balancer://shop/\n<Proxy balancer://lonely>\n"
        "BalancerMember http://h:3\n</Proxy>\n"
    )
    found = loads(text, REGISTRY, path="f").warnings
    assert found == [
        "f:4: BalancerMember: route a is that of the member in line 3 too: sessions of both go to "
        "the first",
        "f:7: ProxyPass: is never reached: line 6 takes all of /app/deep before",
        "f:8: Proxy: no mount leads to this balancer",
    ]


def test_faults_that_concern_several_parts() -> None:
    """
    They name the directive that gave the option.
    """
    text = "<Location /m>\nSetHandler balancer-manager\nRequire valid-user\n</Location>\n"
    assert errors(f"Listen 80\n{text}") == [
        "f:4: Require: user and valid-user need an htpasswd file: name it in AuthUserFile"
    ]


def test_doubts_about_what_nobody_wrote() -> None:
    """
    What has no place in the text is not spoken of.
    """
    findings = Findings("f")
    Origins((), {}, findings).warn(1, "mount:/", "", "is odd")
    assert findings.warnings() == []


def complain(*complaints: Complaint) -> object:
    """
    Make a check that has these complaints.
    """

    def check(spec: ServiceSpec) -> Iterator[Complaint]:
        yield from complaints

    return check


def test_further_checks() -> None:
    """
    Complaints of other layers are told at the directive that gave the option, or the section.
    """
    text = (
        f"{SMALL}ProxyTimeout 9\nErrorLog /a/e.log\n<VirtualHost *:8080>\nServerName x\n"
        "CustomLog /a/one.log common\nCustomLog /b/two.log common\nProxyPass / http://h:9\n"
        "</VirtualHost>\n"
    )
    spec = loads(text, REGISTRY, path="f").spec
    (log,) = (f"log:{each.name}" for each in spec.logs)
    mounts = [f"mount:{each.label}" for each in spec.mounts]
    listener = f"listener:{spec.listeners[0].name}"
    found = complain(
        ("txbalancer", "error-log", "is a folder"),
        (log, "to", "/b is not there"),
        (log, "to", "is no good"),
        (listener, "endpoint", "is taken"),
        (listener, "", "is odd"),
        ("balancer:shop", "members", "http://h:2: is away"),
        ("balancer:shop", "lbmethod", "is bad"),
        ("balancer:gone", "lbmethod", "is bad"),
        (mounts[-1], "to", "is far"),
    )
    with pytest.raises(ConfigErrors) as caught:
        loads(text, REGISTRY, [found], "f")
    assert str(caught.value).split("\n") == [
        "f: [balancer:gone] lbmethod: is bad",
        "f:1: Listen: endpoint: is taken",
        "f:1: Listen: is odd",
        "f:2: Proxy: lbmethod: is bad",
        "f:4: BalancerMember: http://h:2: is away",
        "f:8: ErrorLog: is a folder",
        "f:11: CustomLog: is no good",
        "f:12: CustomLog: /b is not there",
        "f:13: ProxyPass: is far",
    ]


def test_files_in_any_encoding(tmp_path: Path) -> None:
    """
    Comments may hold any bytes, lines that count only UTF-8; a BOM and CRLF do no harm.
    """
    path = tmp_path / "httpd.conf"
    path.write_bytes(b"\xef\xbb\xbf# f\xfcr jeden\r\n" + SMALL.replace("\n", "\r\n").encode())
    assert load(str(path), REGISTRY).spec == loads(SMALL, REGISTRY).spec
    path.write_bytes(b"# f\xfcr jeden\nServerName f\xfcr\n" + SMALL.encode())
    with pytest.raises(ConfigErrors) as caught:
        load(str(path), REGISTRY)
    assert str(caught.value) == f"{path}:2: byte 0xfc is not UTF-8 text"


def test_a_file_with_others(tmp_path: Path) -> None:
    """
    Options reach the reading of files too, and findings name the file.
    """
    path = tmp_path / "httpd.conf"
    (tmp_path / "more.conf").write_text("RewriteRule a b\n")
    path.write_text(f"{SMALL}<IfDefine MORE>\nInclude more.conf\n</IfDefine>\n")
    assert load(str(path), REGISTRY).warnings == []
    (warning,) = load(str(path), REGISTRY, lenient=True, defines=("MORE",)).warnings
    assert warning.startswith(f"{tmp_path}/more.conf:1: RewriteRule: ")


_PIECES = (
    "Listen 80 8080 <VirtualHost *:80> </VirtualHost> <Proxy balancer://a> </Proxy> BalancerMember"
    " http://h:1 http://[::1]:x route= route=1 status=+H ProxySet lbmethod=bytraffic nonsense=1"
    " ProxyPass ProxyPassMatch ^/(.*)$ http://h/$1 / /a ! <Location /b> </Location> <LocationMatch"
    " > ( SetHandler balancer-manager server-status Require all granted ip 1.2.3.4 not user x"
    " <RequireAll> </RequireAll> ServerName a.test Header set X %{BALANCER_X}e env=A Timeout 5"
    ' ProxyHCExpr ok {%{REQUEST_STATUS} } ProxyHCTemplate CustomLog LogFormat "%h\\ %u" logs/x -'
    " ErrorLog syslog:local7 SSLEngine on ProxyErrorOverride On 404 AuthType Basic AuthName"
    " AuthUserFile /etc/passwd HeartbeatListen 239.0.0.1:1 BalancerPersist ProxyVia Full max=5 \\"
)
PIECES = st.lists(st.sampled_from([*_PIECES.split(" "), *["\n"] * 30]) | st.text(max_size=3))


@settings(deadline=None, max_examples=150)
@given(PIECES.map(" ".join))
def test_whatever_is_written_is_read_or_told_about(text: str) -> None:
    """
    Any arrangement of directives and words gives specs, or errors with places.
    """
    places = ["f"]
    with suppress(ConfigErrors):
        try:
            loads(f"Listen 1\n{text}", REGISTRY, path="f")
        except ConfigErrors as found:
            places = [each.path for each in found.errors]
            raise
    assert set(places) == {"f"}
