"""
The options of a listener.
"""

from __future__ import annotations

from dataclasses import dataclass

from txbalancer.core import networks, tlswords, values
from txbalancer.core.specs.fields import HOUR, option
from txbalancer.core.specs.kinds import balancer_url, https_port, limit_names, protocols


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
        values.integer(0, 1000000), 1000, "Most handshakes at once, others wait; 0 = no limit."
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
        values.integer(0, 10000000),
        10000,
        "Most client connections that are served at once; more wait. 0 = no limit. HAProxy:"
        " maxconn.",
    )
    connections_per_client: int = option(
        values.integer(0, 10000000),
        0,
        "Most connections of one client at once; more are closed at once, before TLS. 0 = no"
        " limit. A client is an address, of IPv6 the network of 64 bits.",
    )
    requests_per_client: int = option(
        values.integer(0, 10000000),
        0,
        "Most requests of one client in progress at once, on all its connections; more wait as"
        " queue and queue-timeout say. 0 = no limit.",
    )
    exempt_clients: tuple[str, ...] = option(
        networks.networks,
        (),
        "Clients for whom limits per client do not hold, those of limit included.",
    )
    limit: tuple[str, ...] = option(
        limit_names,
        (),
        "Names of [limit:NAME] sections for new connections, with key = client or all; one over"
        " the rate is closed at once, before TLS.",
    )
    max_requests: int = option(
        values.integer(0, 10000000),
        0,
        "Most requests in progress at once, those for members that is; more wait. 0 = no limit.",
    )
    queue: int = option(
        values.integer(0, 1000000),
        1024,
        "Most requests that wait for max-requests, and of one client for requests-per-client;"
        " as many again with priority = high. More get 503.",
    )
    queue_timeout: float = option(
        values.duration(0.01), 10.0, "Longest such wait; then 503. HAProxy: timeout queue."
    )
    reserved: bool = option(
        values.flag,
        False,
        "Serve here whatever else is exhausted: max-connections and memory-limit of the service,"
        " and descriptors but for the last ones. For the manager and health: URLs.",
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
    max_unsent: int = option(
        values.size(most=2**31 - 1),
        65536,
        "Most bytes that the system holds for a client and has not sent yet; 0 = as it likes,"
        " which is megabytes. HAProxy: tune.notsent-lowat.client.",
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
        values.flag, True, "Serve HTTP/2 to clients that ask for it within TLS.", apache=False
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
