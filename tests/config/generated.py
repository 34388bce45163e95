"""
Hypothesis strategies for whole configurations.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from txbalancer.config.members import make_member, parse_url
from txbalancer.core import access, flags, specs
from txbalancer.core.edits import HeaderEdit
from txbalancer.core.specs import (
    BalancerSpec,
    Condition,
    GlobalSpec,
    ListenerSpec,
    LogSpec,
    MemberSpec,
    MountSpec,
    NamedText,
    Option,
    ServiceSpec,
)

LABEL = st.text("abcXYZ0189_-/=+.", max_size=63)
TEXT = st.text(
    st.one_of(st.sampled_from("; \\\"'%#=$[]"), st.characters(exclude_categories=("Cs", "Cc"))),
    max_size=20,
).map(lambda text: text.strip(" \r\n"))
MILLISECONDS = st.integers(1, 10**7).map(lambda number: number / 1000)
TOKEN = st.text("abcXYZ019-_!", min_size=1, max_size=12)

NAME = st.sampled_from(["ok", "a.b"])
PAIRS = st.lists(
    st.sampled_from([("a.test", "b.test"), ("/", "/a;b"), ("/x y", 'http://h:1/#"')]), max_size=2
).map(tuple)
EDITS = st.lists(
    st.builds(
        HeaderEdit,
        st.sampled_from(["set", "add", "append"]),
        st.just("X-A"),
        TEXT.map(lambda text: text.replace("%", "%%").replace("\\", "/")),
        st.booleans(),
        st.sampled_from(["", "HTTPS", "!BALANCER_ROUTE_CHANGED"]),
    ).filter(lambda made: not made.value.lower().startswith("expr=")),
    max_size=2,
).map(tuple)

EXPRESSIONS = ("ok", "in_maint")
EXPRESSION_TEXTS = (
    "hc('body') !~ /; #=/",
    "%{REQUEST_STATUS} =~ m;^[234];i && 'a  b' != \"\\t ;\"",
    "{ true }",
    "%{resp:X} in {'ä', '%', '$1'}",
)

BY_KEY: dict[str, st.SearchStrategy[Any]] = {
    "status": st.integers(0, 0xFFF).map(lambda bits: bits & sum(flags.LETTERS.values())),
    "slow-start-aggression": st.integers(1, 100).map(lambda number: number / 10),
    **dict.fromkeys(("outlier-deviation", "outlier-latency"), st.integers(0, 100).map(float)),
    **dict.fromkeys(
        (
            "breaker-open",
            "breaker-window",
            "outlier-interval",
            "outlier-time",
            "outlier-longest",
        ),
        st.integers(1000, 10**6).map(lambda number: number / 1000),
    ),
    **dict.fromkeys(
        ("breaker-percent", "outlier-percent", "outlier-most", "panic", "retry-budget"),
        st.integers(0, 100),
    ),
    "breaker-quantile": st.integers(1, 99),
    "outlier-members": st.integers(2, 1000),
    "loadfactor": st.integers(100, 10000),
    "lbset": st.integers(0, 99),
    "hcuri": st.just("/up;x?y"),
    "hcmethod": st.sampled_from(["none", "tcp", "get"]),
    "lbmethod": st.sampled_from(["byrequests", "bytraffic", "hash"]),
    "stickyscheme": st.sampled_from(["", "learned"]),
    "stickysession": st.builds(specs.StickyNames, TOKEN, TOKEN),
    "stickysessionsep": st.sampled_from(["", ".", ";", "#", "\\", "ä"]),
    "stickycookie-secret": st.lists(st.text("abc;#", min_size=16), max_size=2).map(tuple),
    "stickycookie-path": st.just("/a#b"),
    "stickycookie-samesite": st.sampled_from(["lax", "strict", "off"]),
    "failonstatus": st.frozensets(st.integers(100, 599), max_size=4),
    "maxattempts": st.none() | st.integers(0, 100),
    "hashkey": st.sampled_from(["source", "path", "header:X-Y", "cookie:c"]),
    "access-log": TEXT.filter(bool),
    "access-log-format": TEXT.filter(bool),
    "max-head": st.integers(256, 2**24),
    "max-url": st.integers(64, 2**20),
    "max-line": st.integers(64, 2**20),
    "max-body": st.integers(0, 2**40),
    "max-headers": st.integers(1, 10000),
    "max-unsent": st.integers(0, 2**31 - 1),
    "http2-max-streams": st.integers(1, 10000),
    "http2-window": st.integers(1024, 2**31 - 1),
    "http2-connection-window": st.integers(65535, 2**31 - 1),
    "http2-resets": st.integers(1, 10**9),
    "http2-control-frames": st.integers(1, 10**9),
    "maxstreams": st.integers(1, 10000),
    "body-min-rate": st.integers(0, 2**30),
    "responsefieldsize": st.integers(512, 2**20),
    "memory-limit": st.sampled_from([0, -50, 64 * 1024**2]),
    "exempt-clients": st.sampled_from([(), ("10.0.0.0/8", "unix")]),
    "priority": st.sampled_from(["normal", "high"]),
    "error-log": TEXT,
    "log-level": st.sampled_from(["debug", "info", "warn", "error"]),
    "defaults": st.sampled_from(["modern", "apache"]),
    "state": TEXT,
    "hcexpr": st.sampled_from(["", *EXPRESSIONS]),
    "heartbeat-listen": st.sampled_from(["", "239.0.0.1:27999", "[::1]:1"]),
    "heartbeat-address": st.sampled_from(["", "127.0.0.1:65535"]),
    "heartbeat-storage": TEXT,
    "heartbeat-maxservers": st.just(0) | st.integers(10, 10**6),
    "server-name": st.sampled_from(["", "a.test"]),
    "underscores": st.sampled_from(["drop", "keep", "refuse"]),
    "stickycookie": TOKEN,
    "stickycookie-secure": st.sampled_from(["auto", "on"]),
    "nonce": TEXT,
    "blame": st.sampled_from(["connect", "all"]),
    "badheader": st.sampled_from(["iserror", "ignore"]),
    "upgrade": st.sampled_from(["websocket", "ANY", "NONE"]),
    "sslproxyverify": st.sampled_from(["require", "none"]),
    "sslproxycacertificatepath": TEXT,
    "hccounting": st.sampled_from(["runs", "sums"]),
    "smax": st.none() | st.integers(0, 10**6),
    "iobuffersize": st.just(0) | st.integers(512, 1024**2),
    "receivebuffersize": st.just(0) | st.integers(512, 2**30),
    "addressttl": st.just(-1.0) | MILLISECONDS,
    "sslproxyverifydepth": st.integers(0, 100),
    "tls-certificate": st.just(()),
    "tls-key": st.just(()),
    "tls-certificates": TEXT,
    "tls-profile": st.sampled_from(["modern", "intermediate"]),
    "tls-protocol": st.sampled_from(["", "all -TLSv1.2"]),
    "tls-ciphers": st.sampled_from(["", "SSL HIGH:!aNULL TLSv1.3 TLS_AES_128_GCM_SHA256"]),
    "tls-curves": TEXT,
    "tls-ticket-life": st.integers(60, 10**5).map(float),
    "tls-client-verify": st.sampled_from(["off", "optional", "require"]),
    "tls-client-depth": st.integers(0, 100),
    "tls-handshakes": st.integers(0, 10**6),
    "redirect-to-https": st.sampled_from([0, 443, 8443]),
    "proxypassreverse": st.sampled_from(
        [(), (("/a", "http://b.test/#;"), ("http://c.test/", "/"))]
    ),
    "maxforwards": st.none() | st.integers(0, 1000),
    "reverse-cookie-domain": st.just((("a.test", "b#c.test"), (".x", ""))),
    "reverse-cookie-path": st.just((("/", "/a"),)),
    "via": st.sampled_from(["off", "on", "full", "block"]),
    "mapping": st.sampled_from(["normal", "encoded", "servlet"]),
    "encodedslashes": st.sampled_from(["off", "on", "nodecode"]),
    "erroroverride": st.frozensets(st.integers(400, 599), max_size=3),
    "header": EDITS,
    "requestheader": EDITS,
    "require": st.sampled_from(["", "local", "all(ip 10.0.0.0/8, not host a.test)"]).map(
        access.rules
    ),
    "auth-name": TEXT,
    "hcsend": st.sampled_from(["", r"PING\r\n", r"a b;# '\x00\\"]),
    "hcexpect": st.sampled_from(["", r"+PONG\r\n", r"~^\+P[^;]*\d"]),
    "accept-proxy": st.sampled_from([(), ("10.0.0.0/8", "unix")]),
    "trusted-proxies": st.sampled_from([(), ("10.0.0.0/8", "::1/128")]),
    "external-proxies": st.sampled_from([(), ("192.0.2.1/32",)]),
    "trusted-header": st.sampled_from(["forwarded", "X-Real-IP"]),
    "sendproxy": st.sampled_from(["off", "v1", "v2"]),
    "responses": st.none() | st.integers(0, 2**31),
    "alpn": st.sampled_from([(), ("h2", "http/1.1")]),
    "workers": st.sampled_from([-1, 0, 2]),
    "worker-timeout": st.integers(500, 600_000).map(lambda number: number / 1000),
    "upgrade-timeout": st.integers(1000, 600_000).map(lambda number: number / 1000),
    "hcinterval": st.integers(100, 10**6).map(lambda number: number / 1000),
}


def option_values(option: Option) -> st.SearchStrategy[Any]:
    """
    Return a strategy for the value of an option.
    """
    if option.name == "hcexpr" and option.kind.lines:
        # Members may name each of them.
        texts = st.sampled_from(EXPRESSION_TEXTS)
        return st.tuples(*(st.builds(NamedText, st.just(name), texts) for name in EXPRESSIONS))
    by_key = BY_KEY.get(option.name)
    if by_key is not None:
        return by_key
    if isinstance(option.modern, bool):
        return st.booleans()
    if isinstance(option.modern, float):
        return MILLISECONDS.filter(lambda value: value >= 0.01)
    if isinstance(option.modern, int):
        return st.integers(1, 1000)
    if option.name in ("route", "redirect"):
        return LABEL
    return st.just(option.modern)


def options_of(spec: type) -> st.SearchStrategy[dict[str, Any]]:
    """
    Return a strategy for some options of a spec class, all others left at their default.
    """
    every = {attribute: option_values(option) for attribute, option in specs.options(spec)}
    return st.fixed_dictionaries({}, optional=every)


def _member(number: int, kind: str, options: dict[str, Any]) -> MemberSpec:
    url = {
        "plain": f"http://127.0.0.1:{9000 + number}",
        "path": f"https://[::1]:{9000 + number}/a;b'c/",
        "unix": f"unix:/run/{number}.sock|http://h{number}/x",
    }[kind]
    if options.get("hcmethod") == "get":
        options["hcuri"] = options.get("hcuri") or "/"
    return make_member(parse_url(url), options)


KINDS = st.sampled_from(["plain", "path", "unix"])


@st.composite
def balancers(draw: st.DrawFn, name: str) -> BalancerSpec:
    """
    Draw a balancer with one to three members.
    """
    members = tuple(
        _member(number, draw(KINDS), draw(options_of(MemberSpec)))
        for number in range(draw(st.integers(1, 3)))
    )
    return BalancerSpec(name, members, **draw(options_of(BalancerSpec)))


TARGETS = st.sampled_from(
    [
        specs.NotProxied(),
        specs.ToBalancer("b0", "/x"),
        specs.ToBalancer("b0"),
        specs.Redirect(301, "https://$host/a;b#c"),
        specs.FixedStatus(503),
        specs.ToResource("hello"),
        specs.ToMember(make_member(parse_url("http://h/x"), {"timeout": 0.5, "upgrade": "ANY"})),
    ]
)
WORDS = st.lists(TEXT.filter(lambda text: bool(text.strip())), min_size=1, max_size=3).map(tuple)
CONDITIONS = st.lists(
    st.one_of(
        st.builds(Condition, st.just("header"), st.sampled_from(["x", "y"]), WORDS),
        st.builds(Condition, st.just("query"), st.sampled_from(["Id", "id"]), WORDS),
        st.just(Condition("host", "", ("*.a.test", "::1"))),
        st.just(Condition("client", "", ("10.0.0.0/8", "unix"))),
        st.just(Condition("listener", "", ("l0",))),
        st.just(Condition("method", "", ("GET", "POST"))),
    ),
    max_size=3,
    unique_by=lambda each: (each.kind, each.name),
).map(tuple)


@st.composite
def logs(draw: st.DrawFn, number: int) -> LogSpec:
    """
    Draw access logs of some requests.
    """
    where = TEXT.filter(lambda text: bool(text) and '"' not in text)
    files = st.lists(st.tuples(where, TEXT.filter(bool)), min_size=1, max_size=2).map(tuple)
    return LogSpec(f"g{number}", draw(files), draw(CONDITIONS))


@st.composite
def mounts(draw: st.DrawFn, number: int, service: GlobalSpec) -> MountSpec:
    """
    Draw a mount by path, by path with a label, or by expression.

    @param service: says whose defaults hold for a single member.
    """
    target = draw(TARGETS)
    if isinstance(target, specs.ToMember) and service.defaults == "apache":
        member = make_member(
            parse_url(target.member.url), specs.apache_defaults(MemberSpec) | {"timeout": 0.5}
        )
        target = specs.ToMember(member)
    options = draw(options_of(MountSpec))
    options.pop("match", None)
    kind = draw(st.sampled_from(["path", "label", "match"]))
    path = f"/a{number}; b" if kind != "match" else ""
    if kind == "match" or not isinstance(target, specs.ToBalancer | specs.ToMember):
        options.pop("mapping", None)  # not for all of them
    label = path if kind == "path" else f"m{number} ;]["
    if kind == "match":
        options.pop("mapping", None)
        options["match"] = "^/(a|b) ;[[x]"
    return MountSpec(label, path, target, draw(CONDITIONS), **options)


def _global_options() -> st.SearchStrategy[dict[str, Any]]:
    expressions = next(found for _, found in specs.options(GlobalSpec) if found.name == "hcexpr")
    return st.builds(
        lambda options, texts: options | {"hcexpr": texts},
        options_of(GlobalSpec),
        option_values(expressions),
    )


@st.composite
def services(draw: st.DrawFn) -> ServiceSpec:
    """
    Draw a whole configuration.
    """
    endpoints = [("tcp:1",), ("tcp:2", "unix:/a\\:b"), ("tcp:0", "tcp:0")]
    service = GlobalSpec(**draw(_global_options()))
    return ServiceSpec(
        service,
        tuple(
            ListenerSpec(f"l{number}", endpoints[number], **draw(options_of(ListenerSpec)))
            for number in range(draw(st.integers(1, 3)))
        ),
        tuple(draw(balancers(f"b{number}")) for number in range(draw(st.integers(1, 2)))),
        tuple(draw(mounts(number, service)) for number in range(draw(st.integers(0, 3)))),
        tuple(draw(logs(number)) for number in range(draw(st.integers(0, 2)))),
    )
