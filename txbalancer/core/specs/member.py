"""
The options of a member.
"""

from __future__ import annotations

from dataclasses import dataclass

from txbalancer.core import flags, tlswords, values
from txbalancer.core.specs.fields import HOUR, option
from txbalancer.core.specs.kinds import expected, said
from txbalancer.core.specs.passive import MemberPassive


@dataclass(frozen=True, slots=True)
class MemberSpec(MemberPassive):
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
    max: int = option(
        values.integer(0, 1000000),
        0,
        "Most connections at once, others wait for acquire; 0 = no limit. HAProxy: maxconn.",
    )
    maxrequests: int = option(
        values.integer(0, 1000000),
        0,
        "Most requests in progress at once, others wait for acquire: of an HTTP/2 member on all"
        " its connections, of any other as max. 0 = no limit.",
    )
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
        values.integer(0, 1000000),
        1024,
        "Most requests waiting for a connection of this member, and as many with priority = high.",
    )
    sendproxy: str = option(
        values.choice("off", "v1", "v2", "v2-ssl"),
        "off",
        "Begin connections with a PROXY header of this version, v2-ssl: that tells of the client's"
        " TLS, too; each is then one client's alone.",
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
