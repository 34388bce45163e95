"""
Configuration as frozen values, one field per option.

Each option field carries, in its metadata, everything the loader, the printer
and the reference manual need: its INI name, parser, both defaults, unit and a
line of documentation. Adding an option is one field here and the line that
uses it.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from txbalancer.core import access, dialog, edits, flags, networks, params, tlswords, values

SAME: Any = object()
"""Marks an option whose Apache default is also ours."""

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Option:
    """
    What is known about one option beside its value.

    @ivar kind: how its value is read, shown and described.
    @ivar modern: the default of an INI file.
    @ivar apache: the default of a file in Apache syntax.
    @ivar doc: one line for the reference manual.
    @ivar name: the key in an INI file; Apache's spelling where Apache has it.
    @ivar apache_name: where Apache sets the same, if under another name.
    @ivar names: table of the L{Registry<txbalancer.core.registry.Registry>} that the value
        must be in, if any.
    @ivar secret: whether the value must never be shown.
    """

    kind: values.Kind[Any]
    modern: Any
    apache: Any
    doc: str
    name: str = ""
    apache_name: str = ""
    names: str = ""
    secret: bool = False

    def parse(self, text: str) -> Any:
        """
        Read a value, or raise L{ValueError} saying what is allowed.
        """
        return self.kind.parse(text)


def option(
    kind: values.Kind[Any],
    modern: Any,
    doc: str,
    *,
    apache: Any = SAME,
    name: str = "",
    apache_name: str = "",
    names: str = "",
    secret: bool = False,
) -> Any:
    """
    Declare a dataclass field that is an option; see L{Option} for the parts.
    """
    described = Option(
        kind, modern, modern if apache is SAME else apache, doc, name, apache_name, names, secret
    )
    return field(default=modern, metadata={"option": described})


def options(spec: type) -> tuple[tuple[str, Option], ...]:
    """
    Return (attribute name, option) for each option of a spec class, INI names filled in.
    """
    found = _declared.get(spec)
    if found is None:
        found = _declared[spec] = _options(spec)
    return found


_declared: dict[Any, tuple[tuple[str, Option], ...]] = {}


def _options(spec: type) -> tuple[tuple[str, Option], ...]:
    found = ((each.name, each.metadata.get("option")) for each in dataclasses.fields(spec))
    return tuple(
        (name, dataclasses.replace(option, name=option.name or name.replace("_", "-")))
        for name, option in found
        if option is not None
    )


def apache_defaults(spec: type) -> dict[str, Any]:
    """
    Return attribute -> Apache's default, for building a spec from Apache syntax.
    """
    return {attribute: found.apache for attribute, found in options(spec)}


@dataclass(frozen=True, slots=True)
class StickyNames:
    """
    Where a session's route is looked for: a cookie name and a URL parameter name.
    """

    cookie: str
    url: str


@values.kind(
    "NAME or COOKIE|PATHNAME",
    lambda value: value.cookie if value.cookie == value.url else f"{value.cookie}|{value.url}",
)
def sticky_names(text: str) -> StickyNames:
    """
    Read C{stickysession}: C{NAME} or C{COOKIE|PATHNAME}. Source: APACHE item B2.
    """
    cookie, bar, url = text.partition("|")
    for part in (cookie, url) if bar else (cookie,):
        if not part or len(part) > 63 or not part.isprintable() or set(part) & set(" ;,=|"):
            raise ValueError(
                f"{text!r} must be NAME or COOKIE|PATHNAME, each of 1 to 63 characters"
                " without blank, = ; | or ,"
            )
    return StickyNames(cookie, url if bar else cookie)


@values.kind("one or two secrets of 16 or more characters each", " ".join)
def secrets(text: str) -> tuple[str, ...]:
    """
    Read one or two secrets: the first signs, both are accepted.
    """
    found = values.words(text)
    if len(found) > 2 or any(len(secret) < 16 for secret in found):
        raise ValueError(
            "one or two secrets of 16 or more characters each: the first signs, both are accepted"
        )
    return found


@values.kind("source, uri, path, header:NAME, cookie:NAME or query:NAME")
def hash_key(text: str) -> str:
    """
    Read C{hashkey}: C{source}, C{uri}, C{path}, C{header:NAME}, C{cookie:NAME} or C{query:NAME}.
    """
    kind, colon, name = text.partition(":")
    if (kind in ("source", "uri", "path") and not colon) or (
        kind in ("header", "cookie", "query") and name
    ):
        return f"{kind}:{values.token(name)}" if colon else kind
    raise ValueError(f"{text!r} must be source, uri, path, header:NAME, cookie:NAME or query:NAME")


@values.kind(r"text with escapes such as \r\n")
def said(text: str) -> str:
    """
    Read what is said to a member; see L{unescape<txbalancer.core.dialog.unescape>}.
    """
    dialog.unescape(values.text(4096)(text))
    return text


@values.kind(r"text with escapes such as \r\n, or ~REGEX")
def expected(text: str) -> str:
    """
    Read what a member has to say; see L{matcher<txbalancer.core.dialog.matcher>}.
    """
    text = values.text(4096)(text)
    dialog.matcher(text)
    return text


@dataclass(frozen=True, slots=True)
class MemberSpec:
    """
    One destination of a balancer: its address, its rank and how to talk to it.

    @ivar url: the normalised URL, also the member's name; unique in its balancer.
    @ivar scheme: one of L{SCHEMES<txbalancer.core.schemes.SCHEMES>}.
    @ivar host: name or address, without brackets; used for Host, SNI and TLS names.
    @ivar port: 1 to 65535.
    @ivar path: base path that is put before each request's path; may be empty.
    @ivar socket: path of a unix socket, or empty for TCP.
    """

    url: str
    scheme: str = "http"
    host: str = ""
    port: int = 80
    path: str = ""
    socket: str = ""

    loadfactor: int = option(values.loadfactor, 100, "Relative share of the traffic, 1 to 100.")
    lbset: int = option(values.integer(0, 99), 0, "Group; lower groups are used up first.")
    route: str = option(values.label, "", "Label that ties a session to this member.")
    redirect: str = option(
        values.label, "", "Route to use for this member's sessions while it is out."
    )
    status: int = option(
        values.status, flags.INIT, "Start flags: +D disabled, +S stopped, +N drain, +H standby, …"
    )
    retry: float = option(
        values.duration(), 10.0, "Time out of use after failures, before trying again.", apache=60.0
    )
    maxfails: int = option(
        values.integer(1, 1000), 3, "Failures within failwindow that put the member out.", apache=1
    )
    failwindow: float = option(
        values.duration(0.001), 10.0, "Span within which failures are counted."
    )
    blame: str = option(
        values.choice("connect", "all"),
        "all",
        "Failures that count: connect = connections that cannot be made; all = bad answers too.",
        apache="connect",
    )
    timeout: float = option(
        values.duration(0.001),
        60.0,
        "Longest silence of the member during an answer, or refusal to take request bytes.",
        apache_name="timeout, ProxyTimeout, Timeout",
    )
    connectiontimeout: float = option(
        values.duration(0.001), 5.0, "Longest time for opening a connection.", apache=60.0
    )
    max: int = option(values.integer(0, 1000000), 0, "Most connections at once; 0 = no limit.")
    maxstreams: int = option(
        values.integer(1, 10000),
        100,
        "HTTP/2: most requests at once on one connection, if the member allows as many.",
    )
    smax: int | None = option(
        values.none_or("max", values.integer(0, 1000000)),
        0,
        "Idle connections that are kept however old; those above it are closed after ttl.",
        apache=None,
    )
    min: int = option(
        values.integer(0, 1000000), 0, "Idle connections that are never closed for age."
    )
    ttl: float = option(
        values.duration(),
        60.0,
        "Idle time after which a connection above min is closed; 0 = never.",
        apache=0.0,
    )
    acquire: float = option(
        values.duration(bare=0.001),
        5.0,
        "Longest wait for a connection when max are busy; 0 = no limit.",
        apache=0.0,
    )
    maxqueue: int = option(
        values.integer(0, 1000000), 1024, "Most requests waiting for a connection of this member."
    )
    sendproxy: str = option(
        values.choice("off", "v1", "v2"),
        "off",
        "Begin connections with a PROXY header of this version; each is then one client's alone.",
    )
    disablereuse: bool | None = option(
        values.none_or("auto", values.flag),
        None,
        "Use each connection for one request only; auto = of fcgi members, for php-fpm keeps a"
        " process busy with each open connection.",
    )
    keepalive: bool = option(values.flag, True, "TCP keep-alive on connections.", apache=False)
    addressttl: float = option(
        values.or_forever(values.duration()),
        60.0,
        "How long a resolved address is used; 0 = look up each time.",
        apache=-1.0,
    )
    ping: float = option(
        values.duration(),
        0.0,
        "Ask before sending a body (Expect: 100-continue) and wait this long; 0 = do not ask.",
    )
    secret: str = option(
        values.text(63),
        "",
        "Shared secret that an ajp member asks for; empty = none.",
        secret=True,
    )
    iobuffersize: int = option(
        values.zero_or(values.size(512, 1024**2)),
        0,
        "Most bytes read from the member at once; 0 = 64K. Of ajp members packetSize, 8K to 64K;"
        " 0 = 8K.",
        apache_name="iobuffersize, ProxyIOBufferSize",
    )
    receivebuffersize: int = option(
        values.zero_or(values.size(512, 2**30)),
        0,
        "Receive buffer of connections (SO_RCVBUF); 0 = the system's.",
        apache_name="receivebuffersize, ProxyReceiveBufferSize",
    )
    badheader: str = option(
        values.choice("iserror", "ignore"),
        "iserror",
        "A header line of the member that is none: iserror = 502, ignore = leave it out.",
        apache_name="ProxyBadHeader",
    )
    responsefieldsize: int = option(
        values.size(512, 1024**2), 8192, "Longest header line accepted from the member."
    )
    upgrade: str = option(
        values.token,
        "websocket",
        "Protocol that may be upgraded to; ANY for any, NONE for none.",
        apache="NONE",
    )
    tunneltimeout: float = option(
        values.duration(0.001),
        HOUR,
        "Longest silence in an upgraded connection, and in one to a tcp:// or tls:// member.",
        apache=60.0,
    )
    sslproxyverify: str = option(
        values.choice("require", "none"),
        "require",
        "Whether the certificate of an https member must be signed by a trusted CA.",
        apache="none",
        apache_name="SSLProxyVerify",
    )
    sslproxycheckpeername: bool = option(
        values.flag,
        True,
        "Whether the certificate of an https member must name its host.",
        apache_name="SSLProxyCheckPeerName",
    )
    sni: str = option(
        values.host,
        "",
        "Name that is asked for in TLS, and that the certificate must have; empty = the host.",
    )
    sslproxycacertificatefile: str = option(
        values.file,
        "",
        "PEM file of trusted CAs; empty = the system's.",
        apache_name="SSLProxyCACertificateFile",
    )
    sslproxycacertificatepath: str = option(
        values.text(4096),
        "",
        "Folder of trusted CAs in PEM files, beside sslproxycacertificatefile.",
        apache_name="SSLProxyCACertificatePath",
    )
    sslproxymachinecertificatefile: str = option(
        values.file,
        "",
        "PEM file with the certificate and key shown to the member; empty = none.",
        apache_name="SSLProxyMachineCertificateFile",
    )
    sslproxyprotocol: str = option(
        tlswords.protocol,
        "",
        "TLS versions: all, -TLSv1.2, +TLSv1.3 and the like; empty = TLSv1.2 and above.",
        apache_name="SSLProxyProtocol",
    )
    sslproxyciphersuite: str = option(
        tlswords.cipher_suite,
        "",
        "Ciphers in OpenSSL's notation; empty = OpenSSL's own.",
        apache_name="SSLProxyCipherSuite",
    )
    sslproxyverifydepth: int = option(
        values.integer(0, 100),
        10,
        "Most CA certificates above the member's, with the trusted one.",
        apache=1,
        apache_name="SSLProxyVerifyDepth",
    )
    hcmethod: str = option(
        values.name,
        "none",
        "Active health check: none, tcp, expect, options, head, get, options11, head11, get11 or a"
        " plugin's; those with 11 ask in HTTP/1.1, the others in HTTP/1.0.",
        names="probes",
    )
    hcuri: str = option(values.url_path, "", "Path asked for by the health check.")
    hcexpr: str = option(
        values.name,
        "",
        "Name of the expression that decides on an answer; empty = status 200 to 399 passes.",
    )
    hcsend: str = option(
        said,
        "",
        r"What hcmethod=expect sends once connected; \r, \n, \t, \0, \xHH and \\ are escapes.",
    )
    hcexpect: str = option(
        expected,
        "",
        "What hcmethod=expect waits for in the member's words, with the same escapes; ~REGEX for a"
        " regular expression; empty = anything at all.",
    )
    hccounting: str = option(
        values.choice("runs", "sums"),
        "runs",
        "How checks are counted: runs = in a row; sums = all since the last flip.",
        apache="sums",
    )
    hcinterval: float = option(
        values.duration(0.1), 5.0, "Time between health checks.", apache=30.0
    )
    hctimeout: float = option(
        values.zero_or(values.duration(0.01)),
        2.0,
        "Longest time for one health check, within hcinterval; 0 = connectiontimeout and timeout"
        " together, however long that is.",
        apache=0.0,
    )
    hcpasses: int = option(
        values.integer(1, 1000), 2, "Passed checks in a row that bring the member in.", apache=1
    )
    hcfails: int = option(
        values.integer(1, 1000),
        3,
        "Failed checks in a row that put the member out; the very first one does so alone.",
        apache=1,
    )


@dataclass(frozen=True, slots=True)
class BalancerSpec:
    """
    A set of members with one way of choosing among them.
    """

    name: str
    members: tuple[MemberSpec, ...] = ()

    lbmethod: str = option(values.name, "byrequests", "How a member is chosen.", names="lbmethods")
    memberload: str = option(
        values.name,
        "heartbeat",
        "Who tells lbmethod heartbeat how much room members have: heartbeat or a plugin.",
        names="loads",
    )
    hashkey: str = option(hash_key, "source", "What the hash method hashes.")
    stickysession: StickyNames | None = option(  # noqa: RUF009 (a field, as the others)
        sticky_names, None, "Cookie and URL parameter that carry the session's route."
    )
    stickysessionsep: str = option(
        values.separator, ".", "Character before the route in a session value; Off = none."
    )
    scolonpathdelim: bool = option(
        values.flag, False, "Whether ; also ends a session value in URLs."
    )
    stickyscheme: str = option(
        values.name,
        "",
        "Name of a plugin's sticky scheme; empty = stickysession and stickycookie.",
        names="sticky",
    )
    stickycookie: str = option(
        values.token_or_none, "", "Name of a route cookie that the balancer sets itself."
    )
    stickycookie_secret: tuple[str, ...] = option(
        secrets,
        (),
        "Signs stickycookie; a second one is accepted too, for rotation. Empty = made at each"
        " start: sessions then move at every restart, and between balancers that share them.",
        secret=True,
    )
    stickycookie_path: str = option(values.cookie_path, "/", "Path attribute of stickycookie.")
    stickycookie_secure: str = option(
        values.choice("auto", "on", "off"), "auto", "Secure attribute; auto = on TLS listeners."
    )
    stickycookie_httponly: bool = option(values.flag, True, "HttpOnly attribute of stickycookie.")
    stickycookie_samesite: str = option(
        values.choice("lax", "strict", "none", "off"), "lax", "SameSite attribute of stickycookie."
    )
    stickysource: float = option(
        values.duration(),
        0.0,
        "How long a client's address stays with its member after it was last seen; 0 = not.",
    )
    stickysource_most: int = option(
        values.integer(1, 10_000_000),
        100_000,
        "Most addresses that stickysource keeps; beyond, the longest unseen one goes.",
    )
    nofailover: bool = option(
        values.flag, False, "Answer 503 rather than move a session to another member."
    )
    timeout: float = option(
        values.duration(), 0.0, "How long a request may wait for any usable member; 0 = not at all."
    )
    maxattempts: int | None = option(
        values.integer(0, 100),
        None,
        "Most further members tried in one request; unset = number of members less one.",
    )
    failonstatus: frozenset[int] = option(
        values.statuses, frozenset(), "Answers with these status codes count as failures."
    )
    failontimeout: bool = option(
        values.flag, False, "Whether a member that does not answer in time goes into error at once."
    )
    forcerecovery: bool = option(
        values.flag, True, "Try members in error again at once when no other is left."
    )
    growth: int = option(
        values.integer(0, 1000), 100, "Most members that may be added at run time.", apache=0
    )
    nonce: str = option(
        values.text(36),
        "",
        "Secret of the manager's forms; empty = a new one at each start, None = no changes.",
        secret=True,
    )


@dataclass(frozen=True, slots=True)
class ToBalancer:
    """
    Target: a balancer, with a path that is put before what the mount leaves.
    """

    name: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class ToMember:
    """
    Target: one member without a balancer around it; it never goes into error.
    """

    member: MemberSpec


@dataclass(frozen=True, slots=True)
class NotProxied:
    """
    Target C{!}: this URL is not proxied, so nothing is here: 404.
    """


@dataclass(frozen=True, slots=True)
class Redirect:
    """
    Target: an answer that sends the client elsewhere.

    @ivar location: a URL; C{$host} stands for the request's host, C{$1} for a group of a match.
    """

    status: int
    location: str


@dataclass(frozen=True, slots=True)
class FixedStatus:
    """
    Target: an answer with this status and a small page.
    """

    status: int


@dataclass(frozen=True, slots=True)
class ToResource:
    """
    Target: a Twisted web resource, by the name of its L{IMountable} plugin.
    """

    name: str


@dataclass(frozen=True, slots=True)
class ToManager:
    """
    Target C{manager:}: the page that shows and steers balancers.

    @ivar balancers: names of those it shows; empty for all.
    """

    balancers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToStatus:
    """
    Target C{server-status:}: counters of the service, as mod_status shows them.
    """


@dataclass(frozen=True, slots=True)
class ToMetrics:
    """
    Target C{metrics:}: what was counted and measured, for Prometheus.
    """


@dataclass(frozen=True, slots=True)
class ToHealth:
    """
    Target C{health:}: 200 while each of some balancers can serve, 503 otherwise.

    @ivar balancers: their names; empty for all.
    """

    balancers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToHeartbeat:
    """
    Target C{heartbeat:}: takes load reports by POST, as mod_heartmonitor does (APACHE A24).
    """


Target = (
    ToBalancer
    | ToMember
    | NotProxied
    | Redirect
    | FixedStatus
    | ToResource
    | ToManager
    | ToStatus
    | ToMetrics
    | ToHealth
    | ToHeartbeat
)


@dataclass(frozen=True, slots=True)
class Condition:
    """
    One demand on a request beside its path; all of a mount's demands must hold.

    @ivar kind: C{host method header query client listener location alpn}.
    @ivar name: header or parameter name for C{header} and C{query}.
    @ivar allowed: any of these; globs for C{host}, CIDRs for C{client}; C{*} = present at
        all. Of a C{location} all must match: prefixes, globs or C{~REGEX}, as in C{<Location>}.
    """

    kind: str
    name: str
    allowed: tuple[str, ...]


@values.kind("two words: INTERNAL PUBLIC", lambda value: " ".join(map(edits.quoted, value)))
def pair(text: str) -> tuple[str, str]:
    """
    Read two words, which may be in quotes: what members say and what clients are told instead.
    """
    found = edits.split_words(text)
    if len(found) != 2 or not text.isprintable():
        raise ValueError(f"{text!r} must be two words: INTERNAL PUBLIC")
    return found[0], found[1]


@values.kind("two words: INTERNAL PUBLIC", pair.show)
def cookie_pair(text: str) -> tuple[str, str]:
    """
    Read two words as L{pair} does, which can stand in a cookie.
    """
    if ";" in text:
        raise ValueError(f"{text!r} must be two words without ; as a cookie has it between them")
    return pair(text)


@values.kind("Off, On (400 to 599) or status codes 400 to 599", lambda value: show_codes(value))
def error_codes(text: str) -> frozenset[int]:
    """
    Read C{erroroverride}. Source: APACHE item F22.
    """
    if text.lower() in ("on", "off"):
        return ALL_ERRORS if text.lower() == "on" else frozenset()
    found = values.statuses(text.lower().removeprefix("on "))
    if not found or not found <= ALL_ERRORS:
        raise ValueError(f"{text!r} must be Off, On or status codes 400 to 599")
    return found


ALL_ERRORS = frozenset(range(400, 600))


def show_codes(value: frozenset[int]) -> str:
    """
    Write error codes in the form that L{error_codes} reads.
    """
    if not value or value == ALL_ERRORS:
        return "On" if value else "Off"
    return values.statuses.show(value)


@dataclass(frozen=True, slots=True)
class MountSpec:
    """
    A URL rule: which requests it takes and where they go.

    @ivar label: the section's label, for messages.
    @ivar path: the prefix, or empty when C{match} is set.
    @ivar target: where matching requests go.
    @ivar conditions: further demands, all of which must hold.
    """

    label: str
    path: str
    target: Target
    conditions: tuple[Condition, ...] = ()

    match: str = option(
        values.text(4096),
        "",
        "Regular expression on the path, instead of a prefix.",
        apache_name="ProxyPassMatch",
    )
    reverse: bool = option(
        values.flag,
        True,
        "Map Location and the like in answers back to this mount.",
        apache=False,
        apache_name="ProxyPassReverse",
    )
    proxypassreverse: tuple[tuple[str, str], ...] = option(
        values.each_line(pair),
        (),
        "Further places in Location and the like: PATH URL; before those of reverse.",
        apache_name="ProxyPassReverse",
    )
    reverse_cookie_domain: tuple[tuple[str, str], ...] = option(
        values.each_line(cookie_pair),
        (),
        "Domain in Set-Cookie: INTERNAL PUBLIC; the first that matches counts.",
        apache_name="ProxyPassReverseCookieDomain",
    )
    reverse_cookie_path: tuple[tuple[str, str], ...] = option(
        values.each_line(cookie_pair),
        (),
        "Path in Set-Cookie: INTERNAL PUBLIC; the first that matches counts.",
        apache_name="ProxyPassReverseCookiePath",
    )
    preservehost: bool = option(
        values.flag,
        False,
        "Send the client's Host rather than the member's.",
        apache_name="ProxyPreserveHost",
    )
    addheaders: bool = option(
        values.flag,
        True,
        "Add X-Forwarded-For, -Host and -Server, and by addproto -Proto.",
        apache_name="ProxyAddHeaders",
    )
    addproto: bool = option(
        values.flag,
        True,
        "With addheaders, say http or https in X-Forwarded-Proto, whatever the client says there.",
        apache=False,
    )
    forwarded: bool = option(values.flag, False, "Add a Forwarded header (RFC 7239).")
    via: str = option(
        values.choice("off", "on", "full", "block"),
        "off",
        "Via header handling.",
        apache_name="ProxyVia",
    )
    maxforwards: int | None = option(
        values.integer(0, 2**31 - 1),
        None,
        "Max-Forwards of requests that have none; unset = none is added.",
        apache_name="ProxyMaxForwards",
    )
    proxy100continue: bool = option(
        values.flag,
        True,
        "Let the member answer Expect: 100-continue; Off = say 100 (Continue) here, at once.",
        apache_name="Proxy100Continue",
    )
    nokeepalive: bool = option(
        values.flag,
        False,
        "Close the member's connection after each request.",
        apache_name="SetEnv proxy-nokeepalive",
    )
    http10: bool = option(
        values.flag,
        False,
        "Ask in HTTP/1.0, one request per connection, no Upgrade; a chunked body gets 411.",
        apache_name="SetEnv force-proxy-request-1.0",
    )
    fcgitype: str = option(
        values.choice("php", "fpm", "generic"),
        "php",
        "How fcgi members find scripts: php = here, by fcgisplit and fcgiindex; fpm = themselves,"
        " from Apache's form of a URL; generic = all of the path is the script.",
        apache="fpm",
        apache_name="ProxyFCGIBackendType",
    )
    fcgisplit: tuple[str, ...] = option(
        params.suffixes,
        (),
        "Ends of scripts' names, behind which PATH_INFO begins; empty = .php with fcgitype = php.",
    )
    fcgiindex: str = option(
        values.token_or_none,
        "",
        "Script of paths that end in a slash; empty = index.php with fcgitype = php.",
    )
    fcgiroot: str = option(
        values.url_path,
        "",
        "DOCUMENT_ROOT of fcgi members; empty = the script's path without the URL's.",
    )
    fcgiparam: tuple[params.ParamEdit, ...] = option(
        params.param_edits,
        (),
        "Parameters for fcgi members: NAME VALUE, with variables as in header; !NAME = none.",
        apache_name="ProxyFCGISetEnvIf",
    )
    cgipassauth: bool = option(
        values.flag,
        True,
        "Pass Authorization on to fcgi members.",
        apache=False,
        apache_name="CGIPassAuth",
    )
    nocanon: bool = option(values.flag, False, "Pass the path on as the client wrote it.")
    noquery: bool = option(values.flag, False, "Pass the path on without its query.")
    mapping: str = option(
        values.choice("normal", "encoded", "servlet"),
        "normal",
        "How a path is compared: decoded, as the client wrote it, or as servlets see it.",
    )
    encodedslashes: str = option(
        values.choice("off", "on", "nodecode"),
        "off",
        "%2F in a path: off = 404, nodecode = pass on, on = decode.",
        apache_name="AllowEncodedSlashes",
    )
    max_body: int = option(
        values.size(), 0, "Largest request body; 0 = no limit.", apache_name="LimitRequestBody"
    )
    server_name: str = option(
        values.host,
        "",
        "Own name in X-Forwarded-Server and Via; empty = the listener's.",
        apache_name="ServerName",
    )
    erroroverride: frozenset[int] = option(
        error_codes,
        frozenset(),
        "Answers of members whose body is replaced: On = 400 to 599, or status codes.",
        apache_name="ProxyErrorOverride",
    )
    header: tuple[edits.HeaderEdit, ...] = option(
        edits.edits, (), "Changes of the answer's header lines.", apache_name="Header"
    )
    requestheader: tuple[edits.HeaderEdit, ...] = option(
        edits.edits, (), "Changes of the request's header lines.", apache_name="RequestHeader"
    )
    require: tuple[access.Rule, ...] = option(
        access.rules, (), "Who may come in: any of these rules must hold; none = everybody."
    )
    auth_file: str = option(
        values.file, "", "htpasswd file of those who may log in.", apache_name="AuthUserFile"
    )
    auth_name: str = option(
        values.text(200), "", "Realm shown when a password is asked for.", apache_name="AuthName"
    )
    operate: tuple[access.Rule, ...] = option(
        access.rules,
        (),
        "Who may change something on a manager: any of these; none = all who may come in.",
    )
    legacyget: bool = option(
        values.flag,
        False,
        "Let a manager's forms come by GET, as old scripts for Apache send them.",
    )
    traceparent: bool = option(
        values.flag,
        False,
        "Pass W3C traceparent on to members, one made here where a client sends none.",
    )


@values.kind("names of protocols, such as h2 or http/1.1", " ".join)
def protocols(text: str) -> tuple[str, ...]:
    """
    Read names of protocols as ALPN has them (RFC 7301).
    """
    found = values.words(text)
    for each in found:
        if not re.fullmatch(r"[0-9A-Za-z][!-~]{0,254}", each):
            raise ValueError(f"{each!r} is not a protocol's name, such as h2 or http/1.1")
    return found


@values.kind("balancer://NAME, or empty", lambda value: f"balancer://{value}" if value else "")
def balancer_url(text: str) -> str:
    """
    Read the URL of a balancer, of which only the name is kept; empty = none.
    """
    match = re.fullmatch(r"balancer://([a-z0-9._-]{1,63})/?", text.lower(), re.ASCII)
    if match is None and text:
        raise ValueError(f"{text!r} must be balancer://NAME")
    return match[1] if match else ""


@values.kind("On, Off or a port", lambda value: {0: "Off", 443: "On"}.get(value, str(value)))
def https_port(text: str) -> int:
    """
    Read the port to which clients are sent for https:; 0 = none.
    """
    if re.fullmatch(r"\d{2,5}", text, re.ASCII) and 1 <= int(text) <= 65535:
        return int(text)
    return 443 if values.flag.parse(text) else 0


@dataclass(frozen=True, slots=True)
class ListenerSpec:
    """
    An address that clients connect to, with its limits.
    """

    name: str
    endpoint: tuple[str, ...] = ()

    mode: str = option(
        values.choice("http", "tcp", "udp"),
        "http",
        "What is balanced: HTTP requests, TCP connections or sessions of UDP datagrams.",
    )
    to: str = option(
        balancer_url, "", "With mode = tcp or udp, the balancer of everything; empty = see mounts."
    )
    tls_certificate: tuple[str, ...] = option(
        values.files,
        (),
        "PEM files of certificates and their chains; the first is for clients that name no host,"
        " the others are chosen by the names in them.",
        apache_name="SSLCertificateFile",
    )
    tls_key: tuple[str, ...] = option(
        values.files,
        (),
        "PEM files of keys; those in the certificate's file, or beside it with .key after its"
        " name, need none.",
        apache_name="SSLCertificateKeyFile",
    )
    tls_chain: str = option(
        values.file,
        "",
        "PEM file of further certificates of the chain.",
        apache_name="SSLCertificateChainFile",
    )
    tls_certificates: str = option(
        values.text(4096), "", "Folder of PEM files, each with a certificate, its chain and key."
    )
    tls_profile: str = option(
        values.choice("intermediate", "modern"),
        "intermediate",
        "Versions and ciphers, after Mozilla: intermediate = TLS 1.2 and 1.3; modern = TLS 1.3.",
    )
    tls_protocol: str = option(
        tlswords.protocol,
        "",
        "TLS versions: all, -TLSv1.2, +TLSv1.3 and the like; empty = by tls-profile.",
        apache_name="SSLProtocol",
    )
    tls_ciphers: str = option(
        tlswords.cipher_suite,
        "",
        "Ciphers in OpenSSL's notation; empty = by tls-profile.",
        apache_name="SSLCipherSuite",
    )
    tls_curves: str = option(
        values.text(1024),
        "",
        "Groups for key exchange in OpenSSL's notation, such as X25519:P-256; empty = by"
        " tls-profile.",
    )
    tls_honor_order: bool = option(
        values.flag,
        True,
        "Whether the order of ciphers here counts rather than the client's; one that begins with"
        " ChaCha20 gets that.",
        apache=False,
        apache_name="SSLHonorCipherOrder",
    )
    tls_tickets: bool = option(
        values.flag,
        True,
        "Whether clients may resume sessions, by tickets.",
        apache_name="SSLSessionTickets",
    )
    tls_ticket_life: float = option(
        values.duration(60.0, 7 * 86400.0),
        12 * HOUR,
        "How long tickets hold, and how often their key is replaced.",
        apache=300.0,
        apache_name="SSLSessionCacheTimeout",
    )
    tls_strict_sni: bool = option(
        values.flag,
        False,
        "Whether clients that name an unknown host, or none, are refused.",
        apache_name="SSLStrictSNIVHostCheck",
    )
    tls_stapling: bool = option(
        values.flag,
        True,
        "Whether an OCSP answer in a file beside the certificate, with .ocsp after its name, is"
        " stapled.",
    )
    tls_client_verify: str = option(
        values.choice("off", "optional", "require"),
        "off",
        "Whether clients are asked for a certificate.",
        apache_name="SSLVerifyClient",
    )
    tls_client_ca: str = option(
        values.file,
        "",
        "PEM file of the CAs whose clients are trusted.",
        apache_name="SSLCACertificateFile",
    )
    tls_client_crl: str = option(
        values.file,
        "",
        "PEM file of revocation lists, one of each of those CAs.",
        apache_name="SSLCARevocationFile",
    )
    tls_client_depth: int = option(
        values.integer(0, 100),
        10,
        "Most CA certificates above the client's, with the trusted one.",
        apache=1,
        apache_name="SSLVerifyDepth",
    )
    tls_client_headers: bool = option(
        values.flag,
        False,
        "Tell members of the client's certificate in X-SSL-Client-…; such headers of clients are"
        " dropped on every listener then.",
    )
    tls_handshake_timeout: float = option(
        values.duration(0.01), 10.0, "Longest time for a handshake."
    )
    tls_handshakes: int = option(
        values.integer(0, 1000000),
        1000,
        "Most handshakes at once, others wait; 0 = no limit.",
    )
    redirect_to_https: int = option(
        https_port,
        0,
        "On: answer every request with a redirection to https://; a number: to that port.",
    )
    hsts: float = option(
        values.duration(),
        0.0,
        "How long browsers shall insist on https: (Strict-Transport-Security); 0 = not said.",
    )
    hsts_subdomains: bool = option(
        values.flag, False, "Whether hsts holds for names below the host's, too."
    )
    server_name: str = option(
        values.host,
        "",
        "Own name for X-Forwarded-Server and Via; empty = the machine's.",
        apache_name="ServerName",
    )
    idle_timeout: float = option(
        values.duration(), HOUR, "With mode = tcp, longest silence of both sides; 0 = no limit."
    )
    lifetime: float = option(
        values.duration(), 0.0, "With mode = tcp, longest time a connection may last; 0 = no limit."
    )
    session_timeout: float = option(
        values.duration(0.01),
        60.0,
        "With mode = udp, silence of both sides after which a client's session is over.",
    )
    requests: int = option(
        values.integer(0, 2**31),
        0,
        "With mode = udp, datagrams of a client after which its next one begins another session:"
        " 1 = each is elected on its own; 0 = no limit.",
    )
    responses: int | None = option(
        values.integer(0, 2**31),
        None,
        "With mode = udp, answers that each datagram of a client gets: once they are there the"
        " session is over, and without any after timeout the member has failed; unset = not known.",
    )
    sessions_per_client: int = option(
        values.integer(0, 10000000),
        0,
        "With mode = udp, most sessions of one client address at once; 0 = no limit.",
    )
    alpn: tuple[str, ...] = option(
        protocols,
        (),
        "With mode = tcp, protocols that may be agreed on within TLS, the best first.",
    )
    tcp_keepalive: bool = option(
        values.flag, True, "With mode = tcp, TCP keep-alive on connections of clients."
    )
    max_connections: int = option(
        values.integer(0, 10000000), 10000, "Most client connections at once; 0 = no limit."
    )
    accept_proxy: tuple[str, ...] = option(
        networks.networks,
        (),
        "Proxies that must begin each connection with a PROXY header, version 1 or 2, within"
        " head-timeout; from others it is a bad request.",
        apache_name="RemoteIPProxyProtocol",
    )
    trusted_proxies: tuple[str, ...] = option(
        networks.networks,
        (),
        "Proxies that are believed in trusted-header, read from the right: the first address"
        " that is none of theirs is the client's.",
        apache_name="RemoteIPInternalProxy",
    )
    external_proxies: tuple[str, ...] = option(
        networks.networks,
        (),
        "Like trusted-proxies, but private addresses that they tell are not believed.",
        apache_name="RemoteIPTrustedProxy",
    )
    trusted_header: str = option(
        values.token,
        "x-forwarded-for",
        "Header to which trusted proxies append who came to them: a list of addresses, or"
        " forwarded (RFC 7239). Others are not read, as clients may have written them.",
        apache_name="RemoteIPHeader",
    )
    trusted_proto: bool = option(
        values.flag,
        True,
        "Whether trusted proxies are believed in X-Forwarded-Proto too, or in proto= of"
        " Forwarded where that is trusted-header.",
        apache=False,
    )
    head_timeout: float = option(
        values.duration(0.01),
        10.0,
        "Longest time for a request's head, or for what tells a connection's mount.",
    )
    body_timeout: float = option(
        values.duration(0.01), 60.0, "Longest silence within a request's body."
    )
    body_min_rate: int = option(
        values.size(), 500, "Least bytes per second of a request's body after body-timeout."
    )
    write_timeout: float = option(
        values.duration(0.01), 60.0, "Longest time a client may take no byte of its answer."
    )
    keepalive_timeout: float = option(
        values.duration(0.0),
        60.0,
        "Idle time of a client connection; 0 = close after each answer.",
        apache=5.0,
        apache_name="KeepAliveTimeout",
    )
    keepalive_requests: int = option(
        values.integer(0, 2**31),
        0,
        "Most requests on one connection; 0 = no limit.",
        apache=100,
        apache_name="MaxKeepAliveRequests",
    )
    max_head: int = option(values.size(256, 16 * 1024**2), 65536, "Largest request head.")
    max_url: int = option(
        values.size(64, 1024**2),
        8190,
        "Longest request target; more is 414.",
        apache_name="LimitRequestLine",
    )
    max_line: int = option(
        values.size(64, 1024**2),
        16384,
        "Longest header line; more is 431.",
        apache=8190,
        apache_name="LimitRequestFieldSize",
    )
    max_headers: int = option(
        values.integer(1, 10000),
        100,
        "Most header lines; more is 431.",
        apache_name="LimitRequestFields",
    )
    underscores: str = option(
        values.choice("drop", "keep", "refuse"),
        "drop",
        "Header names with an underscore.",
        apache="keep",
    )

    http2: bool = option(
        values.flag,
        True,
        "Serve HTTP/2 to clients that ask for it within TLS.",
        apache=False,
    )
    h2c: bool = option(
        values.flag,
        False,
        "Without TLS, serve HTTP/2 to clients that begin with it (prior knowledge).",
    )
    http2_max_streams: int = option(
        values.integer(1, 10000),
        100,
        "HTTP/2: most requests at once on one connection.",
        apache_name="H2MaxSessionStreams",
    )
    http2_window: int = option(
        values.size(1024, 2**31 - 1),
        256 * 1024,
        "HTTP/2: bytes of one request's body that may wait here for the member.",
        apache=65535,
        apache_name="H2WindowSize",
    )
    http2_connection_window: int = option(
        values.size(65535, 2**31 - 1),
        1024 * 1024,
        "HTTP/2: the same for all requests of a connection together.",
    )
    http2_resets: int = option(
        values.integer(1, 10**9),
        200,
        "HTTP/2: requests that may be broken off in a burst, a tenth as many each second after"
        " that; more ends the connection.",
    )
    http2_control_frames: int = option(
        values.integer(1, 10**9),
        1000,
        "HTTP/2: frames without content in a burst, a tenth as many each second after that;"
        " more ends the connection.",
    )

    @property
    def secure(self) -> bool:
        """
        Whether clients come through TLS that ends here.
        """
        return bool(self.tls_certificate or self.tls_certificates)

    @property
    def negotiable(self) -> tuple[bytes, ...]:
        """
        What may be agreed on within TLS, the best first.
        """
        if self.mode != "http":
            return tuple(each.encode() for each in self.alpn)
        if self.http2:
            return (b"h2", b"http/1.1")
        return (b"http/1.1",)


@dataclass(frozen=True, slots=True)
class NamedText:
    """
    A text with the name by which others refer to it.
    """

    name: str
    text: str


@values.kind("NAME TEXT", lambda value: f"{value.name} {value.text}")
def named_text(text: str) -> NamedText:
    """
    Read a name of up to 63 characters and the text after it.
    """
    name, _, rest = text.partition(" ")
    if not rest.strip() or len(name) > 63:
        raise ValueError(f"{text!r} must be a NAME of up to 63 characters and a text after it")
    return NamedText(values.name(name), rest.strip())


@values.kind("ADDRESS:PORT, or empty")
def address_port(text: str) -> str:
    """
    Read an IP address, an IPv6 one in brackets, and a port; empty = none.
    """
    host, colon, port = text.rpartition(":")
    if not text:
        return ""
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        address = None
    if not colon or address is None or not re.fullmatch(r"\d{1,5}", port, re.ASCII):
        raise ValueError(f"{text!r} must be ADDRESS:PORT, such as 239.0.0.1:27999")
    if not 1 <= int(port) <= 65535:
        raise ValueError(f"{text!r}: the port must be from 1 to 65535")
    return f"[{address}]:{int(port)}" if address.version == 6 else f"{address}:{int(port)}"


@values.kind("0 only")
def no_workers(text: str) -> int:
    """
    Read C{workers}, of which only 0 works so far.
    """
    if text != "0":
        raise ValueError(f"{text!r} is not available in this version: use 0 (one process for all)")
    return 0


@dataclass(frozen=True, slots=True)
class GlobalSpec:
    """
    What concerns the whole service.
    """

    workers: int = option(
        no_workers, 0, "Data-path processes; only 0, one process for all, as yet."
    )
    access_log: str = option(values.text(4096, 1), "-", "Access log: a path, - , syslog or off.")
    access_log_format: str = option(
        values.text(4096, 1), "combined", "common, combined, tcp, json or a LogFormat string."
    )
    splice: bool = option(
        values.flag,
        True,
        "Whether bulk may go from socket to socket within the system (Linux), not through here.",
    )
    graceful_timeout: float = option(
        values.duration(), 30.0, "How long running exchanges may go on after a stop."
    )
    stop_delay: float = option(
        values.duration(),
        0.0,
        "How long a stop is announced, by 503 at health: URLs, while all is still served.",
    )
    error_log: str = option(
        values.text(4096),
        "",
        "Where messages go: a path, - or syslog; empty = where twistd's go.",
        apache_name="ErrorLog",
    )
    log_level: str = option(
        values.choice("debug", "info", "warn", "error"),
        "info",
        "Least weight of a message that is written.",
        apache="warn",
        apache_name="LogLevel",
    )
    defaults: str = option(
        values.choice("modern", "apache"),
        "modern",
        "Whose defaults hold for members, balancers, listeners and mounts.",
    )
    state: str = option(
        values.text(4096),
        "",
        "File in which changes at run time outlive a restart; empty = off.",
        apache_name="BalancerPersist",
    )
    control: str = option(
        values.text(4096, 1),
        "auto",
        "Socket on which txbalancer commands reach this service: a path, auto or off.",
    )
    event_log: str = option(
        values.text(4096, 1),
        "off",
        "Changes of state and by people, as JSON lines: a path, - , syslog or off.",
    )
    hcexpr: tuple[NamedText, ...] = option(
        values.each_line(named_text),
        (),
        "Expressions of health checks: NAME EXPRESSION.",
        apache_name="ProxyHCExpr",
    )
    hctpsize: int = option(
        values.integer(0, 100000),
        0,
        "Most health checks at once; 0 = no limit.",
        apache=16,
        apache_name="ProxyHCTPsize",
    )
    tls_watch: float = option(
        values.duration(),
        5.0,
        "How often files of certificates, keys and CAs are looked at, to take what is new; 0 ="
        " only with a reload.",
    )
    heartbeat_listen: str = option(
        address_port,
        "",
        "ADDRESS:PORT on which reports of lbmethod heartbeat arrive; may be a multicast group.",
        apache_name="HeartbeatListen",
    )
    heartbeat_storage: str = option(
        values.text(4096),
        "",
        "File with the latest reports, written where heartbeat-listen is set, else only read.",
        apache_name="HeartbeatStorage",
    )
    heartbeat_maxservers: int = option(
        values.zero_or(values.integer(10, 1000000)),
        1000,
        "Most senders whose reports are kept in memory; 0 = only in heartbeat-storage.",
        apache=10,
        apache_name="HeartbeatMaxServers",
    )
    heartbeat_address: str = option(
        address_port,
        "",
        "ADDRESS:PORT to which this service reports its own load every second.",
        apache_name="HeartbeatAddress",
    )


@dataclass(frozen=True, slots=True)
class LogSpec:
    """
    Access logs of some requests: C{[log:NAME]}. The first that accepts a request takes
    it; the service's own access log has those that no other takes.

    @ivar files: (where, format) pairs: a path, C{-}, C{syslog} or C{off}, and a LogFormat.
    @ivar conditions: as of mounts; all must hold.
    """

    name: str
    files: tuple[tuple[str, str], ...]
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """
    A whole configuration, in file order.
    """

    service: GlobalSpec = GlobalSpec()
    listeners: tuple[ListenerSpec, ...] = ()
    balancers: tuple[BalancerSpec, ...] = ()
    mounts: tuple[MountSpec, ...] = ()
    logs: tuple[LogSpec, ...] = ()

    @property
    def guards_identity(self) -> bool:
        """
        Whether members are told of clients' certificates, so that no listener may let a
        client say it.
        """
        return any(each.tls_client_headers for each in self.listeners)
