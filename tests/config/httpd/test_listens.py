"""
C{Listen}, what holds for connections, and what concerns the whole service.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.helpers import REGISTRY
from tests.config.httpd.reading import BALANCER, errors_of, loaded, spec_of, warnings_of
from txbalancer.config import loads
from txbalancer.core.specs import (
    Condition,
    ListenerSpec,
    LogSpec,
    MemberSpec,
    ServiceSpec,
    ToMember,
    apache_defaults,
)

RULE = "ProxyPass / http://m/\n"


def listener(text: str, listen: str = "Listen 8080\n") -> ListenerSpec:
    (found,) = spec_of(text + RULE, listen).listeners
    return found


def member(text: str) -> MemberSpec:
    target = spec_of(text + RULE).mounts[0].target
    assert isinstance(target, ToMember)
    return target.member


@pytest.fixture(autouse=True)
def ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A machine with IPv6, whatever this one has.
    """
    monkeypatch.setattr("socket.has_dualstack_ipv6", lambda: True)


def test_a_machine_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    All addresses are those of IPv4 there.
    """
    monkeypatch.setattr("socket.has_dualstack_ipv6", lambda: False)
    assert listener("", "Listen 8080\n").endpoint == ("tcp:8080",)


@pytest.mark.parametrize(
    ("listen", "name", "endpoint"),
    [
        ("8080", "port-8080", "tcp6:8080"),
        ("*:8080", "port-8080", "tcp6:8080"),
        ("0.0.0.0:8080", "port-8080", "tcp:8080"),
        ("127.0.0.1:8080 http", "127-0-0-1-8080", "tcp:8080:interface=127.0.0.1"),
        ("[::1]:80", "ip6-1-80", "tcp6:80:interface=\\:\\:1"),
        ("[::]:80", "ip6-all-80", "tcp6:80:interface=\\:\\:"),
        ("8443 https", "port-8443", "tcp6:8443"),
    ],
)
def test_an_address_is_a_listener(listen: str, name: str, endpoint: str) -> None:
    """
    Its name tells where it is.
    """
    found = listener("", f"Listen {listen}\n")
    assert (found.name, found.endpoint) == (name, (endpoint,))


@pytest.mark.parametrize(
    ("listen", "told"),
    [
        ("", "no Listen: a line such as `Listen 80` is needed"),
        ("Listen\n", "Listen takes [ADDRESS:]PORT [PROTOCOL]"),
        ("Listen web\n", "'web' must be [ADDRESS:]PORT"),
        ("Listen 99999\n", "'99999' must be [ADDRESS:]PORT"),
        ("Listen name:80\n", "'name' is not an address"),
        ("Listen 80 h2\n", "the protocol 'h2' is not available"),
        ("Listen 80\nListen *:80\n", "*:80 is listened on already"),
    ],
)
def test_faults_of_addresses(listen: str, told: str) -> None:
    """
    Each names its line and the remedy.
    """
    assert told in errors_of(RULE, listen)


def test_limits_and_times_of_connections() -> None:
    """
    Apache's names, and Apache's numbers where nothing is said.
    """
    defaults = apache_defaults(ListenerSpec)
    plain = listener("")
    assert {key: getattr(plain, key) for key in defaults} == defaults
    found = listener(
        "KeepAliveTimeout 1500ms\nMaxKeepAliveRequests 0\nLimitRequestLine 100000\n"
        "LimitRequestFields 0\nLimitRequestFieldSize 20000\nTimeOut 7\n"
    )
    assert found.keepalive_timeout == 1.5
    assert found.keepalive_requests == 0
    assert (found.max_url, found.max_line, found.max_headers) == (100000, 20000, 10000)
    assert found.max_head == 120000
    assert (found.body_timeout, found.write_timeout) == (7.0, 7.0)
    assert listener("KeepAlive Off\nKeepAliveTimeout 9\n").keepalive_timeout == 0.0
    assert "KeepAliveTimeout takes one word" in errors_of("KeepAliveTimeout\n" + RULE)
    assert "'Maybe' is not a switch" in errors_of("KeepAlive Maybe\n" + RULE)


def test_the_first_host_of_an_address_decides_on_connections() -> None:
    """
    As in Apache, with a warning.
    """
    first = f"<VirtualHost *:8080>\nServerName a\nKeepAlive Off\n{RULE}</VirtualHost>\n"
    text = f"{first}<VirtualHost *:8080>\nServerName b\n{RULE}</VirtualHost>\n"
    assert spec_of(text).listeners[0].keepalive_timeout == 0.0
    assert "KeepAlive of the first <VirtualHost> of the address holds" in warnings_of(text)[0]


def test_certificates(tmp_path: Path) -> None:
    """
    SSLEngine, or the protocol https where it says nothing.
    """
    for name in ("cert.pem", "key.pem", "chain.pem"):
        (tmp_path / name).write_text("")
    root = f"ServerRoot {tmp_path}\n"
    files = "SSLCertificateFile cert.pem\nSSLCertificateKeyFile key.pem\n"
    found = listener(f"{root}SSLEngine On\n{files}SSLCertificateChainFile chain.pem\n")
    assert (found.tls_certificate, found.tls_key, found.tls_chain) == (
        (f"{tmp_path}/cert.pem",),
        (f"{tmp_path}/key.pem",),
        f"{tmp_path}/chain.pem",
    )
    assert listener(root + files).tls_certificate == ()
    assert listener(root + files, "Listen 443\n").tls_certificate == (f"{tmp_path}/cert.pem",)
    assert listener(root + files + "SSLEngine Off\n", "Listen 443\n").tls_certificate == ()
    assert "SSLCertificateFile is missing" in errors_of("SSLEngine On\n" + RULE)


def test_what_servers_say_of_members() -> None:
    """
    W50: ProxyTimeout goes before TimeOut; the rest has the names of members' options.
    """
    assert member("TimeOut 7\n").timeout == 7.0
    assert member("ProxyTimeout 5\nTimeOut 7\n").timeout == 5.0
    found = member("ProxyBadHeader Ignore\nProxyIOBufferSize 1024\nProxyReceiveBufferSize 2048\n")
    assert (found.badheader, found.iobuffersize, found.receivebuffersize) == ("ignore", 1024, 2048)
    secure = (
        spec_of(
            "SSLProxyEngine On\nSSLProxyProtocol all -TLSv1.2\nSSLProxyVerify require\n"
            "SSLProxyCipherSuite SSL HIGH\nSSLProxyVerifyDepth 3\nSSLProxyCheckPeerExpire On\n"
            "SSLProxyCheckPeerCN On\nProxyPass / https://m/\n"
        )
        .mounts[0]
        .target.member
    )  # type: ignore[union-attr]
    assert (secure.sslproxyprotocol, secure.sslproxyverify) == ("all -TLSv1.2", "require")
    assert (secure.sslproxyciphersuite, secure.sslproxyverifydepth) == ("HIGH", 3)
    text = "ProxyTimeout 5\n<VirtualHost *:8080>\nProxyTimeout 6\nProxyPass / http://m/\n"
    assert spec_of(text + "</VirtualHost>\n").mounts[0].target.member.timeout == 6.0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ProxyTimeout junk\n", "'junk' is not a duration"),
        ("SSLProxyEngine\n", "SSLProxyEngine takes On or Off"),
        ("SSLProxyCACertificateFile /no/such\n", "cannot read /no/such"),
        ("<Proxy *>\nSSLProxyVerify none\n</Proxy>\n", "takes effect in <Proxy balancer://NAME>"),
    ],
)
def test_faults_of_members_settings(text: str, told: str) -> None:
    """
    Each with its line.
    """
    assert told in errors_of(text + RULE)


def test_a_section_says_it_for_its_members() -> None:
    """
    SSLProxy… in a <Proxy> section.
    """
    text = BALANCER.replace("http:", "https:").replace("</P", "SSLProxyVerify require\n</P")
    spec = spec_of("SSLProxyVerify none\n" + text + "ProxyPass / balancer://b/\n")
    assert spec.balancers[0].members[0].sslproxyverify == "require"


def service(text: str) -> ServiceSpec:
    return loaded(text + RULE, path="/etc/x/httpd.conf").spec


def test_a_port_of_tls_without_it() -> None:
    """
    Who listens on 443 and says nothing of TLS, forgot it: it is told where and what to do.
    """
    text = f"<VirtualHost *:443>\n{RULE}</VirtualHost>\n"
    told = "*:443 is served without TLS: write SSLEngine On and SSLCertificateFile, or"
    assert warnings_of(text, "Listen 443\n") == [
        f"f:2: VirtualHost: {told} SSLEngine Off if that is meant"
    ]
    assert warnings_of(RULE, "Listen 443\n")[0].startswith(f"f:1: Listen: {told}")
    assert "without TLS" in warnings_of(RULE, "Listen 127.0.0.1:8443 https\n")[0]
    assert warnings_of(f"SSLEngine Off\n{RULE}", "Listen 443\n") == []
    assert warnings_of(RULE, "Listen 443 http\n") == []


def test_logs_of_the_service() -> None:
    """
    Without CustomLog there is none; paths start at the server's root; nicknames are looked up.
    """
    assert service("").service.access_log == "off"
    found = service('LogFormat "%h %b" short\nCustomLog logs/a short\n')
    assert (found.service.access_log, found.service.access_log_format) == ("/etc/x/logs/a", "%h %b")
    found = service("CustomLog /dev/stdout common\nErrorLog /dev/stderr\nLogLevel notice\n")
    assert (found.service.access_log, found.service.error_log) == ("-", "-")
    assert (found.service.access_log_format, found.service.log_level) == ("common", "warn")
    found = service('ErrorLog syslog:local1\nCustomLog a "%h"\nCustomLog b "%b"\nLogLevel trace3\n')
    assert found.service.error_log == "syslog"
    assert found.logs == (LogSpec("all", (("/etc/x/a", "%h"), ("/etc/x/b", "%b"))),)
    assert found.service.log_level == "debug"


def test_logs_of_hosts_take_the_place_of_the_services() -> None:
    """
    A host's own CustomLog has its requests; hosts without one are logged with the others.
    """
    text = "CustomLog main common\n"
    for name, log in (("a", ""), ("b", "CustomLog b common\n"), ("c", "")):
        text += f"<VirtualHost *:8080>\nServerName {name}.x\n{log}{RULE}</VirtualHost>\n"
    found = loaded(text, path="/r/f").spec
    assert found.service.access_log == "/r/main"
    assert found.logs == (
        LogSpec("b.x", (("/r/b", "common"),), (Condition("host", "", ("b.x",)),)),
    )
    first = loaded(text.replace("Name a.x\n", "Name a.x\nCustomLog a common\n"), path="/r/f").spec
    assert [each.name for each in first.logs] == ["b.x", "c.x", "a.x"]
    assert first.logs[1].files == (("/r/main", "common"),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("CustomLog a\n", "CustomLog takes FILE FORMAT"),
        ("CustomLog a common env=x\n", "env=x is not carried over"),
        ('CustomLog "|rotatelogs" common\n', "logs are not piped to programs"),
        ('ErrorLog "|cat"\n', "logs are not piped to programs"),
        ("LogFormat\n", "LogFormat takes FORMAT [NICKNAME]"),
        ("LogLevel loud\n", "'loud' is not a level: use emerg"),
        ("LogLevel\n", "LogLevel needs a level: use emerg"),
        ("<VirtualHost *:8080>\nLogLevel loud\n</VirtualHost>\n", "f:3: LogLevel: 'loud' is not"),
        ("<Location /a>\nLogLevel proxy:loud\n</Location>\n", "f:3: LogLevel: 'loud' is not"),
        ("BalancerPersist Maybe\n", "'Maybe' is not a switch"),
        ("HeartbeatListen here\n", "must be ADDRESS:PORT"),
    ],
)
def test_faults_of_the_whole(text: str, told: str) -> None:
    """
    Each with its line.
    """
    assert told in errors_of(text + RULE)


def test_what_has_no_effect_is_told() -> None:
    """
    One error log and one level hold for all.
    """
    text = f"LogLevel warn proxy:debug\n<VirtualHost *:8080>\nErrorLog e\nLogLevel info\n{RULE}"
    told = warnings_of(text + "</VirtualHost>\n")
    assert [each.partition(": has")[0] for each in told[:3]] == [
        "f:2: LogLevel: proxy:debug has no effect: one level holds for all",
        "f:4: ErrorLog",
        "f:5: LogLevel",
    ]


def test_heartbeat_and_state() -> None:
    """
    Paths of files start at the server's root.
    """
    found = service(
        "HeartbeatListen 239.0.0.1:27999\nHeartbeatMaxServers 20\nHeartbeatStorage hb.dat\n"
        "HeartbeatAddress 239.0.0.1:27999\nBalancerPersist On\nDefaultRuntimeDir run\n"
    ).service
    assert (found.heartbeat_listen, found.heartbeat_address) == ("239.0.0.1:27999",) * 2
    assert (found.heartbeat_maxservers, found.heartbeat_storage) == (20, "/etc/x/hb.dat")
    assert found.state == "/etc/x/run/txbalancer-state.json"
    assert service("BalancerPersist On\n").service.state.startswith("/var/lib/txbalancer/")


def test_state_asked_for_in_a_virtual_host() -> None:
    """
    BalancerPersist may stand in a virtual host, as in Apache; there is one state for all.
    """
    host = f"<VirtualHost *:8080>\nBalancerPersist %s\n{RULE}</VirtualHost>\n"
    told = "BalancerPersist: there is one state: it keeps all balancers, or none"
    for main, inside, kept, warned in (
        ("Off", "On", True, True),
        ("On", "Off", True, True),
        ("On", "On", True, False),
        ("Off", "Off", False, False),
    ):
        found = loaded(f"BalancerPersist {main}\n{host % inside}")
        assert bool(found.spec.service.state) is kept
        assert (f"f:4: {told}" in found.warnings) is warned
    assert "f:3: BalancerPersist: 'so' is not a switch" in errors_of(host % "so")


def test_checks_declared_in_a_virtual_host() -> None:
    """
    ProxyHCExpr and ProxyHCTemplate may stand in a virtual host, as in Apache.
    """
    found = spec_of(
        "<VirtualHost *:8080>\nProxyHCExpr up {%{REQUEST_STATUS} =~ /^2/}\n"
        "ProxyHCTemplate t hcmethod=GET hcexpr=up hcuri=/up\n<Proxy balancer://c>\n"
        "BalancerMember http://10.0.0.9:2 hctemplate=t\n</Proxy>\n"
        "ProxyPass / balancer://c/\n</VirtualHost>\n"
    )
    (member,) = found.balancers[0].members
    assert (member.hcmethod, member.hcuri, member.hcexpr) == ("get", "/up", "up")


def test_modern_defaults_on_request() -> None:
    """
    A line in the file asks for the defaults of an INI file.
    """
    text = f"# txbalancer: defaults modern\nListen 8080\n{BALANCER}ProxyPass / balancer://b/\n"
    spec = loads(text, REGISTRY).spec
    assert spec.service.defaults == "modern"
    assert spec.balancers[0].members[0].maxfails == MemberSpec("").maxfails
    assert spec.listeners[0].keepalive_timeout == ListenerSpec("x").keepalive_timeout
