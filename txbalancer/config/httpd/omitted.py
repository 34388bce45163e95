"""
Directives of Apache's core, of its processes, and of modules that are here in part, which have
no counterpart here, and what to do instead.

Names are those of Apache 2.4.71.
"""

from __future__ import annotations

from collections.abc import Sequence

from txbalancer.config.httpd.modules_omitted import CONTENT, FILES, LOGINS, PROCESSES, SCRIPTS
from txbalancer.config.httpd.tree import Directive

_CRASHES = "the system decides this for every process: leave it out"
_EDGES = "heads are checked as strictly as HTTP allows here, always; leave it out"
_INTERNAL = "requests are not sent round within the server here; leave it out"
_CLIENT_CERTIFICATES = (
    "put the CAs into one file for SSLCACertificateFile, and their lists into one for"
    " SSLCARevocationFile"
)
_OCSP = (
    "answers of OCSP are not fetched here: put one beside the certificate, in a file with .ocsp"
    " after its name"
)
_TLS = "the TLS library's own choice holds; leave it out"
_LISTENER_SYSTEM = "the system's value holds: see sysctl net.core and net.ipv4; leave it out"

OMITTED: tuple[tuple[str, str], ...] = (
    (
        FILES,
        "AcceptPathInfo AccessFileName Alias AliasMatch AliasPreservePath"
        " AllowOverride AllowOverrideList CGIVar DefaultType Directory"
        " DirectoryMatch DocumentRoot EnableMMAP EnableSendfile FileETag Files FilesMatch"
        " MaxRangeOverlaps MaxRangeReversals MaxRanges Options ReadBufferSize ServerPath",
    ),
    (
        CONTENT,
        "AddDefaultCharset ContentDigest ForceType SetInputFilter SetOutputFilter",
    ),
    (SCRIPTS, "RLimitCPU RLimitMEM RLimitNPROC ScriptAlias ScriptAliasMatch"),
    (
        PROCESSES,
        "AsyncRequestWorkerFactor ListenCoresBucketsRatio MaxClients MaxConnectionsPerChild"
        " MaxMemFree MaxRequestsPerChild MaxRequestWorkers MaxSpareServers MaxSpareThreads"
        " MinSpareServers MinSpareThreads Mutex ScoreBoardFile ServerLimit StartServers"
        " ThreadLimit ThreadsPerChild ThreadStackSize WatchdogInterval",
    ),
    ("give twistd --uid and --gid, or User= and Group= in the systemd unit", "Group Suexec User"),
    (
        "a Location without a host stays so, which clients understand; leave it out",
        "RedirectRelative",
    ),
    (
        "write the addresses into the configuration; what is taken out of RemoteIPHeader is not"
        " kept in another",
        "RemoteIPInternalProxyList RemoteIPProxiesHeader RemoteIPTrustedProxyList",
    ),
    ("give twistd --pidfile", "PidFile"),
    ("give twistd --chroot", "ChrootDir"),
    (_CRASHES, "CoreDumpDirectory"),
    (_LISTENER_SYSTEM, "AcceptFilter ListenTCPDeferAccept ReceiveBufferSize SendBufferSize"),
    (
        "leave it out, or `txbalancer convert` this file and add `backlog=` to the endpoint",
        "ListenBacklog",
    ),
    (
        "`txbalancer convert` this file and set graceful-timeout of [txbalancer]",
        "GracefulShutdownTimeout",
    ),
    ("no page of this server shows it; leave it out", "ServerAdmin ServerSignature ServerTokens"),
    (
        "answers made here have a small page of their own; leave it out",
        "ErrorDocument",
    ),
    ("lines of the error log have one form; leave it out", "ErrorLogFormat"),
    (
        "log lines are always written in batches; leave it out",
        "BufferedLogs",
    ),
    ("use CustomLog", "GlobalLog TransferLog"),
    ("the log has no %^FB; leave it out", "LogIOTrackTTFB"),
    ("addresses are logged as such, and `Require host` looks names up", "HostnameLookups"),
    ("names are those of the request; leave it out", "UseCanonicalName UseCanonicalPhysicalPort"),
    ("the status page always shows all; leave it out", "ExtendedStatus SeeRequestTail"),
    (_EDGES, "HttpProtocolOptions RegisterHttpMethod StrictHostCheck"),
    (
        "slashes are merged where paths are compared, as in Apache by default; leave it out",
        "MergeSlashes",
    ),
    ("trailers are never merged into heads; leave it out", "MergeTrailers"),
    (
        "TRACE is always refused, as it would show a client's cookies; leave it out",
        "TraceEnable",
    ),
    ("HTTP/2 goes before HTTP/1.1; leave it out", "Protocol ProtocolsHonorOrder"),
    (_INTERNAL, "LimitInternalRecursion QualifyRedirectURL"),
    ("this is about XML bodies, which pass through; leave it out", "LimitXMLRequestBody"),
    ("bytes go on as they come; leave it out", "FlushMaxPipelined FlushMaxThreshold"),
    (
        "options of expressions stand in the expression: (?i), (?s)",
        "RegexDefaultOptions",
    ),
    (
        "has had no effect in Apache since 2.4; leave it out",
        "NameVirtualHost Port SSLLog SSLLogLevel",
    ),
    ("libraries are loaded by plugins themselves; leave it out", "LoadFile"),
    (
        "conditions on requests are not carried over; use <VirtualHost>, <Location> or"
        " <LocationMatch>",
        "If ElseIf Else",
    ),
    (
        "`txbalancer convert` this file and give the mount `method =` and `require =`",
        "Limit LimitExcept",
    ),
    (LOGINS, "AuthBasicFake AuthBasicUseDigestAlgorithm AuthnProviderAlias AuthzProviderAlias"),
    ("nobody is let in without a rule here; leave it out", "AuthzSendForbiddenOnFailure"),
    (
        "there is no forward proxy here; leave it out",
        "NoProxy ProxyBlock ProxyDomain",
    ),
    (
        "members are asked directly; there is no proxy between",
        "ProxyRemote ProxyRemoteMatch",
    ),
    ("connections go out from the address that the system chooses", "ProxySourceAddress"),
    ("targets are fixed when the file is read; leave it out", "ProxyPassInterpolateEnv"),
    (
        "WebSocket goes over http:// members; leave it out",
        "ProxyWebsocketFallbackToProxyHttp",
    ),
    (
        _CLIENT_CERTIFICATES,
        "SSLCACertificatePath SSLCADNRequestFile SSLCADNRequestPath SSLCARevocationPath",
    ),
    (
        "name the user in a header: RequestHeader set NAME %{SSL_CLIENT_S_DN_CN}s",
        "SSLUserName",
    ),
    ("there is no SRP here; leave it out", "SSLSRPUnknownUserSeed SSLSRPVerifierFile"),
    (
        "write ProxyPass only in the <VirtualHost> with SSLEngine on",
        "SSLRequire SSLRequireSSL",
    ),
    (
        _OCSP,
        "SSLOCSPDefaultResponder SSLOCSPEnable SSLOCSPNoVerify SSLOCSPOverrideResponder"
        " SSLOCSPProxyURL SSLOCSPResponderCertificateFile SSLOCSPResponderTimeout"
        " SSLOCSPResponseMaxAge SSLOCSPResponseTimeSkew SSLOCSPUseRequestNonce SSLStaplingCache"
        " SSLStaplingErrorCacheTimeout SSLStaplingFakeTryLater SSLStaplingForceURL"
        " SSLStaplingResponderTimeout SSLStaplingResponseMaxAge SSLStaplingResponseTimeSkew"
        " SSLStaplingReturnResponderErrors SSLStaplingStandardCacheTimeout SSLUseStapling",
    ),
    (
        _TLS,
        "SSLCompression SSLCryptoDevice SSLFIPS SSLInsecureRenegotiation SSLOpenSSLConfCmd"
        " SSLRandomSeed SSLRenegBufferSize SSLSessionCache SSLSessionTicketKeyFile"
        " SSLVHostSNIPolicy",
    ),
    ("keys must not have a passphrase: write one without, readable by root", "SSLPassPhraseDialog"),
    (
        "revocation lists of members' certificates are not read yet",
        "SSLProxyCARevocationCheck SSLProxyCARevocationFile SSLProxyCARevocationPath",
    ),
    (
        "put certificate, key and chain in the one file of SSLProxyMachineCertificateFile",
        "SSLProxyMachineCertificateChainFile SSLProxyMachineCertificatePath",
    ),
)
"""What to do instead, and the directives of which that is true."""

_GUARDS = (
    "allow allowmethods authdbduserpwquery authdbmuserfile authdigestprovider authformprovider"
    " authgroupfile authldapurl deny else elseif if limit limitexcept order proxyblock satisfy"
    " sslcacertificatepath sslcarevocationpath sslrequire sslrequiressl"
)
GUARDS = frozenset(_GUARDS.split())
"""What keeps people out: leaving it out would let them in, so it is an error in any case."""

_UNCHANGED = """
AddDefaultCharset Off
ContentDigest Off
ExpiresActive Off
ExtendedStatus On
HostnameLookups Off
MergeSlashes On
MergeTrailers Off
NameVirtualHost *
ProxyPassInterpolateEnv Off
ReceiveBufferSize 0
RedirectRelative On
RewriteEngine Off
SendBufferSize 0
ServerAdmin *
ServerSignature Off
ServerTokens Prod|ProductOnly
Session Off
SSLCompression Off
SSLFIPS Off
SSLInsecureRenegotiation Off
SSLOCSPEnable Off
SSLUseStapling Off
TraceEnable Off
UseCanonicalName Off
UseCanonicalPhysicalPort Off
"""
UNCHANGED = {
    name: frozenset(values.split("|"))
    for name, values in map(str.split, _UNCHANGED.lower().strip().split("\n"))
}
"""Values of directives which ask for what is so anyway; C{*} for any."""

_OF_ACCESS = frozenset({"allow", "deny", "order"})


def without_effect(section: Sequence[Directive]) -> tuple[Directive, ...]:
    """
    Return the directives of a section that are not here in vain: those that ask for what is
    so anyway are not among them, nor C{Order} and the like that let everybody in.
    """
    left = tuple(each for each in section if not _asks_nothing(each))
    old = [each for each in left if each.key in _OF_ACCESS]
    if not old or any(each.key == "satisfy" for each in left) or not _is_open(old):
        return left
    return tuple(each for each in left if each.key not in _OF_ACCESS)


def _asks_nothing(each: Directive) -> bool:
    wanted = UNCHANGED.get(each.key, frozenset())
    return " ".join(each.args).lower() in wanted or "*" in wanted


def _is_open(old: Sequence[Directive]) -> bool:
    """
    Tell whether C{Order}, C{Allow} and C{Deny} of one section keep nobody out.
    """
    order = "deny,allow"
    words: dict[str, list[str]] = {"allow": [], "deny": []}
    for each in old:
        lowered = [word.lower() for word in each.args]
        if each.key == "order":
            order = " ".join(lowered)
        elif lowered[:1] != ["from"]:
            return False
        else:
            words[each.key] += lowered[1:]
    denied = set(words["deny"]) - {"none"}
    if order == "allow,deny":
        return "all" in words["allow"] and not denied
    return order == "deny,allow" and ("all" in words["allow"] or not denied)
