"""
Options that do nothing where they stand.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from txbalancer.config import loads

from .helpers import LISTENER, MOUNT, REGISTRY, warnings

WITHOUT = "has no effect without"
STICKY = "stickysession, stickycookie, stickysource or stickyscheme"


def of_balancer(lines: str, *members: str) -> list[str]:
    """
    Return the warnings that speak of no effect; members stand from line 4 on.
    """
    listed = "\n  ".join(members or ("http://a", "http://b"))
    text = f"[balancer:shop]\n{lines}\nmembers =\n  {listed}\n{LISTENER}{MOUNT}"
    return [each.removeprefix("f:").replace("[balancer:shop] ", "") for each in warnings(text)]


@pytest.mark.parametrize(
    ("line", "needed", "remedy"),
    [
        ("hashkey = uri", "lbmethod = hash", "lbmethod = hash"),
        ("stickysessionsep = -", "stickysession", ""),
        ("scolonpathdelim = on", "stickysession", ""),
        ("stickycookie-path = /x", "stickycookie = NAME", ""),
        ("nofailover = on", STICKY, "stickyscheme = learned"),
        ("tunneltimeout = 5", "an upgrade other than NONE", ""),
        ("acquire = 5", "max", "max = 3"),
        ("member.maxqueue = 5", "max", "max = 3"),
        ("sslproxyverify = none", "https:// or tls://", ""),
        ("failwindow = 5", "maxfails above 1", "maxfails = 2"),
        ("retry-budget-min = 9", "retry-budget", "retry-budget = 20"),
        ("outlier-members = 9", "outlier-deviation", "outlier-deviation = 2"),
        ("outlier-floor = 9", "outlier-latency", "outlier-latency = 2"),
        (
            "outlier-interval = 9",
            "outlier-percent, outlier-deviation or outlier-latency",
            "outlier-percent = 20",
        ),
        ("outlier-time = 9", "a rule that ejects, such as outlier-failures", "outlier-local = 2"),
        ("breaker-trials = 9", "breaker-percent or breaker-latency", "breaker-percent = 50"),
        ("breaker-quantile = 9", "breaker-latency", "breaker-latency = 1"),
        ("slow-start-aggression = 2", "slow-start", "slow-start = 30"),
        (
            "member.breaker-open = 9",
            "breaker-percent or breaker-latency",
            "member.breaker-percent = 50",
        ),
        ("hcinterval = 6", "hcmethod", "hcmethod = tcp"),
        ("hctimeout = 1", "hcmethod", "hcmethod = tcp"),
        ("hcpasses = 5", "hcmethod", "hcmethod = tcp"),
        ("member.hcfails = 5", "hcmethod", "hcmethod = tcp"),
        ("hcuri = /x", "an hcmethod that asks for it, such as get", "hcmethod = get"),
    ],
)
def test_options_of_a_balancers_section(line: str, needed: str, remedy: str) -> None:
    """
    An option that was written without what it needs is told at its line; with it, not.
    """
    spoilt = "maxfails = 1\nupgrade = none\n" if not remedy else ""
    spoilt += "maxfails = 1\n" if line.startswith("failwindow") else ""
    key = line.partition(" ")[0]
    found = [each for each in of_balancer(f"{line}\n{spoilt}") if WITHOUT in each]
    assert found == [f"2: {key}: {WITHOUT} {needed}"]
    if remedy:
        assert [each for each in of_balancer(f"{line}\n{remedy}") if WITHOUT in each] == []


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ("sslproxycheckpeername=off", f"sslproxycheckpeername {WITHOUT} https:// or tls://"),
        (
            "tunneltimeout=5 upgrade=None",
            f"tunneltimeout {WITHOUT} an upgrade other than NONE",
        ),
        (
            "hcuri=/x hcmethod=tcp",
            f"hcuri {WITHOUT} an hcmethod that asks for it, such as get",
        ),
        ("hcuri=/x", f"hcuri {WITHOUT} an hcmethod that asks for it, such as get"),
        ("HCfails=2", f"hcfails {WITHOUT} hcmethod"),
        ("acquire=5", f"acquire {WITHOUT} max"),
        ("acquire=5 max=0", f"acquire {WITHOUT} max"),
        ("smax=5 ttl=0", f"smax {WITHOUT} ttl: nothing is closed for age"),
        ("min=5 ttl=0", f"min {WITHOUT} ttl: nothing is closed for age"),
        ("min=5 disablereuse=on", f"min {WITHOUT} reuse: disablereuse is On"),
        ("min=5 max=4", "min is above max: there are never so many connections"),
        ("redirect=a", f"redirect {WITHOUT} {STICKY}"),
        ("failwindow=5 maxfails=1", f"failwindow {WITHOUT} maxfails above 1"),
        ("status=+H+R", "status has H and R: H has no effect, the member is a spare"),
        ("min=5 max=5 ttl=1 acquire=1 maxqueue=9", ""),
        ("min=5", ""),
        ("status=+H", ""),
        ("status=+R", ""),
        ("tunneltimeout=5", ""),
        ("hcmethod=get hcuri=/x hcinterval=3 hcfails=2", ""),
        ("maxfails=2 failwindow=5", ""),
    ],
)
def test_W42_options_of_a_member(options: str, fault: str) -> None:
    """
    The same for what stands in a member's line, which is named with the member.
    """
    found = of_balancer("", f"http://a {options}", "http://b route=a")
    assert found == ([f"4: members: http://a: {fault}"] if fault else [])


def test_https_members_use_tls_options() -> None:
    """
    TLS options of an https member, and redirect of a sticky balancer, are in use.
    """
    members = ("https://a sslproxyverify=none route=a redirect=b", "http://b route=b")
    assert of_balancer("stickysession = S", *members) == []


def test_a_default_that_one_member_can_use() -> None:
    """
    What is given for all members is told only when it is of use to none.
    """
    assert of_balancer("sslproxyverify = none", "http://a", "https://b") == []
    assert of_balancer("acquire = 5", "http://a max=3", "http://b") == []


def test_what_is_not_written_is_not_told() -> None:
    """
    Defaults of the program are no mistake of the file, and timeout is the balancer's.
    """
    assert of_balancer("upgrade = NONE\nttl = 0\nmaxfails = 1\ntimeout = 1") == []


@pytest.mark.parametrize("target", ["!", "redirect:/x", "status:503"])
@pytest.mark.parametrize(
    "line",
    [
        *("via = on", "preservehost = on", "forwarded = on", "addheaders = off", "nocanon = on"),
        "addproto = off",
        *("nokeepalive = on", "http10 = on", "maxforwards = 5", "erroroverride = on"),
        *("requestheader = set a b", "proxy100continue = off"),
        *("reverse = off", "reverse-cookie-path = /a /b", "reverse-cookie-domain = a b"),
    ],
)
def test_options_of_mounts_that_ask_no_member(target: str, line: str) -> None:
    """
    What concerns the talk with a member means nothing where there is none.
    """
    text = f"{LISTENER}[mount:/a]\nto = {target}\n{line}\n"
    key = line.partition(" ")[0]
    assert warnings(text) == [f"f:5: [mount:/a] {key}: {WITHOUT} a member to ask"]
    assert warnings(text.replace(f"= {target}", "= http://a")) == []


def test_cookies_are_rewritten_without_reverse() -> None:
    """
    reverse-cookie-path works by itself.
    """
    text = f"{LISTENER}[mount:/a]\nto = http://a\nreverse = off\nreverse-cookie-path = /a /b\n"
    assert warnings(text) == []


def test_options_of_a_single_member() -> None:
    """
    The member of a mount is looked at as those of balancers are.
    """
    text = f"{LISTENER}[mount:/a]\nto = http://a acquire=5 timeout=3\n"
    assert warnings(text) == [f"f:4: [mount:/a] to: http://a: acquire {WITHOUT} max"]


def test_keepalive_requests() -> None:
    """
    A number of requests per connection needs more than one.
    """
    text = f"{LISTENER}keepalive-requests = 9\nkeepalive-timeout = 0\n[mount:/]\nto = http://a\n"
    assert warnings(text) == [
        f"f:3: [listener:web] keepalive-requests: {WITHOUT} keepalive-timeout"
    ]
    assert warnings(text.replace("= 0", "= 1")) == []


def test_logins_that_nobody_needs(tmp_path: Path) -> None:
    """
    A file of users and a realm do nothing where no rule asks for a user.
    """
    (tmp_path / "users").write_text("")
    mount = f"[mount:/]\nto = status:200\nauth-file = {tmp_path}/users\nauth-name = x\n"
    fault = f"{WITHOUT} require = user or valid-user"
    assert warnings(f"{LISTENER}{mount}require = local\n") == [
        f"f:5: [mount:/] auth-file: {fault}",
        f"f:6: [mount:/] auth-name: {fault}",
    ]
    found = warnings(f"{LISTENER}{mount}require = valid-user\n")
    assert not any(WITHOUT in each for each in found)


@pytest.mark.parametrize("verify", ["none", "require"])
def test_trust_that_is_not_asked_for(verify: str) -> None:
    """
    Without verification it does not matter who would be trusted, nor how far.
    """
    options = "sslproxycacertificatepath=/x sslproxyverifydepth=3"
    found = of_balancer("", f"https://a {options} sslproxyverify={verify}", "https://b")
    faults = [
        f"4: members: https://a: {key} {WITHOUT} sslproxyverify = require"
        for key in ("sslproxycacertificatepath", "sslproxyverifydepth")
    ]
    assert found == (faults if verify == "none" else [])


def test_a_chain_without_a_certificate(tmp_path: Path) -> None:
    """
    tls-chain goes with tls-certificate.
    """
    (tmp_path / "chain.pem").write_text("")
    text = f"[listener:web]\nendpoint = tcp:1\ntls-chain = {tmp_path}/chain.pem\n"
    assert warnings(f"{text}[mount:/]\nto = status:200\n") == [
        f"f:3: [listener:web] tls-chain: {WITHOUT} tls-certificate"
    ]


@pytest.mark.parametrize("option", ["redirect-to-https", "h2c"])
def test_what_is_for_listeners_without_tls(option: str, tmp_path: Path) -> None:
    """
    It is warned of where TLS begins.
    """
    (tmp_path / "a.pem").write_text("")
    text = f"[listener:web]\nendpoint = tcp:1\ntls-certificate = {tmp_path}/a.pem\n{option} = on\n"
    assert warnings(f"{text}[mount:/]\nto = status:200\n") == [
        f"f:4: [listener:web] {option}: has no effect with TLS, which tls-certificate begins here"
    ]


def test_a_load_that_no_lbmethod_asks_for() -> None:
    """
    memberload is for lbmethod heartbeat.
    """
    registry = replace(REGISTRY, loads={"other": SimpleNamespace()})
    text = f"[balancer:shop]\nmemberload = other\nmembers = http://a\n{LISTENER}{MOUNT}"
    assert loads(text, registry, path="f").warnings == [
        f"f:2: [balancer:shop] memberload: {WITHOUT} lbmethod = heartbeat"
    ]


SECURE = "TLS, which tls-certificate begins; h2c = on is HTTP/2 without TLS"
BELIEVED = "trusted-proxies or external-proxies: no other client is believed"


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("http2 = on", f"http2: {WITHOUT} {SECURE}"),
        ("http2 = off", ""),
        ("http2 = on\nh2c = on", ""),
        ("http2-window = 1M", f"http2-window: {WITHOUT} HTTP/2: http2 = on with TLS, or h2c = on"),
        ("http2-window = 1M\nh2c = on", ""),
        ("trusted-header = X-Forwarded-For", f"trusted-header: {WITHOUT} {BELIEVED}"),
        ("trusted-header = X-Real-IP", f"trusted-header: {WITHOUT} {BELIEVED}"),
        ("trusted-header = X-Real-IP\ntrusted-proxies = 10.0.0.1", ""),
    ],
)
def test_options_of_a_listener(lines: str, fault: str) -> None:
    """
    HTTP/2 is agreed on within TLS, and headers count from trusted proxies only. Whoever writes
    that down has something in mind, the default or not.
    """
    text = f"{LISTENER}{lines}\n[mount:/]\nto = status:200\n"
    assert warnings(text) == ([f"f:3: [listener:web] {fault}"] if fault else [])


@pytest.mark.parametrize(
    ("mode", "line", "needed"),
    [
        ("tcp", "keepalive-timeout = 9", "mode = http"),
        ("tcp", "http2 = off", "mode = http"),
        ("tcp", "max-url = 900", "mode = http"),
        ("tcp", "write-timeout = 9", ""),
        ("udp", "body-timeout = 9", "mode = http"),
        ("udp", "write-timeout = 9", "connections"),
    ],
)
def test_options_of_other_modes(mode: str, line: str, needed: str) -> None:
    """
    What is about requests, or about connections, means nothing where there are none.
    """
    text = (
        f"[listener:web]\nendpoint = {mode}:8080\nmode = {mode}\nto = balancer://b\n{line}\n"
        f"[balancer:b]\nmembers = {mode}://h:1\n"
    )
    key = line.partition(" ")[0]
    assert warnings(text) == ([f"f:5: [listener:web] {key}: {WITHOUT} {needed}"] if needed else [])


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (
            "access-log-format = combined\naccess-log = off",
            f"access-log-format: {WITHOUT} access-log: it is off, and [log:NAME] has formats of its"
            " own",
        ),
        ("access-log-format = json", ""),
        (
            "log-level = debug",
            f"log-level: {WITHOUT} error-log: twistd's own log has all messages",
        ),
        ("log-level = debug\nerror-log = -", ""),
        (
            "heartbeat-maxservers = 20",
            f"heartbeat-maxservers: {WITHOUT} heartbeat-listen or heartbeat-storage",
        ),
    ],
)
def test_options_of_the_service(lines: str, fault: str) -> None:
    """
    The section of the whole service is looked at, too.
    """
    text = f"[txbalancer]\n{lines}\n{LISTENER}[mount:/]\nto = status:200\n"
    assert warnings(text) == ([f"f:2: [txbalancer] {fault}"] if fault else [])


@pytest.mark.parametrize(
    ("target", "works"),
    [
        ("http://a", False),
        ("status:200", False),
        ("balancer://plain/", False),
        ("fcgi://a/srv", True),
        ("balancer://mixed/", True),
        ("balancer://empty/", True),
    ],
)
def test_options_for_fastcgi(target: str, works: bool) -> None:
    """
    They need members that speak it; an empty balancer may get some.
    """
    balancers = (
        "[balancer:plain]\nmembers = http://h\n[balancer:empty]\ngrowth = 2\nmembers =\n"
        "[balancer:mixed]\nmembers =\n http://h\n fcgi://h/srv\n"
    )
    lines = "fcgiindex = x.php\ncgipassauth = off\n"
    found = warnings(f"{LISTENER}[mount:/]\nto = {target}\n{lines}{balancers}")
    told = [each for each in found if WITHOUT in each]
    fault = f"{WITHOUT} fcgi:// members"
    faults = [f"f:5: [mount:/] fcgiindex: {fault}", f"f:6: [mount:/] cgipassauth: {fault}"]
    assert told == ([] if works else faults)


@pytest.mark.parametrize(
    ("more", "warned"),
    [
        ("", False),
        ("outlier-most = 49\n", True),
        ("outlier-most = 49\noutlier-always-one = on\n", False),
    ],
)
def test_less_than_one_of_the_members_cannot_be_ejected(more: str, warned: bool) -> None:
    """
    A rule that can never eject anybody is told.
    """
    fault = "2: outlier-failures: has no effect: outlier-most is less than one of the members"
    assert (fault in of_balancer(f"outlier-failures = 5\n{more}")) is warned
