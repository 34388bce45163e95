"""
Directives that are not carried over, and whose absence no request notices.

They are left out with a warning where others are an error. The rule is one: neither which
member gets a request, nor what member and client are sent, may depend on the directive. The
exceptions are compression, and labels by the ending of a path (C{Content-Language}, and
C{Content-Type} where a member sends none): they label or pack what is the same without.

Source: what Apache 2.4.71 was seen to do with proxied requests.
"""

from __future__ import annotations

from collections.abc import Callable

from txbalancer.config.httpd.modules_omitted import FILES, OF_MODULES
from txbalancer.config.httpd.omitted import OMITTED
from txbalancer.config.httpd.tree import Directive

_OF_FILES = frozenset(
    name
    for reason, names in (*OMITTED, *OF_MODULES.values())
    if reason == FILES
    for name in names.lower().split()
)
_SEEN = frozenset(["addencoding", "addinputfilter", "serverpath"])
"""Those of modules about files that a proxied answer shows."""

_MODULES = "brotli cache_disk cgi cgid dbd deflate ident md suexec"
_NAMES = """
AsyncRequestWorkerFactor ListenCoresBucketsRatio MaxClients MaxConnectionsPerChild MaxMemFree
MaxRequestsPerChild MaxRequestWorkers MaxSpareServers MaxSpareThreads MinSpareServers
MinSpareThreads Mutex ScoreBoardFile ServerLimit StartServers ThreadLimit ThreadsPerChild
ThreadStackSize WatchdogInterval
BufferedLogs CoreDumpDirectory ErrorLogFormat ExtendedStatus GracefulShutdownTimeout Group
HostnameLookups ListenBacklog LoadFile LogIOTrackTTFB PidFile SeeRequestTail Suexec User
AcceptFilter ListenTCPDeferAccept ReceiveBufferSize SendBufferSize
FlushMaxPipelined FlushMaxThreshold LimitInternalRecursion
RLimitCPU RLimitMEM RLimitNPROC ScriptAlias ScriptAliasMatch
ServerSignature ServerTokens
ProtocolsHonorOrder
SSLCompression SSLCryptoDevice SSLInsecureRenegotiation SSLPassPhraseDialog SSLRandomSeed
SSLRenegBufferSize SSLSessionCache SSLSessionTicketKeyFile SSLStaplingCache
SSLStaplingErrorCacheTimeout
SSLStaplingFakeTryLater SSLStaplingForceURL SSLStaplingResponderTimeout
SSLStaplingResponseMaxAge SSLStaplingResponseTimeSkew SSLStaplingReturnResponderErrors
SSLStaplingStandardCacheTimeout SSLUseStapling
"""
_ALWAYS = frozenset(_NAMES.lower().split()) | frozenset(
    name
    for module in (*_MODULES.split(), "http2")
    for name in OF_MODULES[module][1].lower().split()
    if name != "h2websockets"
)

_OF_OLD_BROWSERS = frozenset(
    [
        "dont-vary",
        "downgrade-1.0",
        "force-gzip",
        "force-response-1.0",
        "gzip-only-text/html",
        "no-gzip",
        "nokeepalive",
        "redirect-carefully",
        "ssl-accurate-shutdown",
        "ssl-unclean-shutdown",
    ]
)
"""Variables about connections of browsers that nobody has any more, and about compression."""

_PACKING = frozenset({"deflate", "brotli_compress"})
_SCRIPTED = frozenset({"all", "includes", "includesnoexec"})


def is_harmless(directive: Directive) -> bool:
    """
    Tell whether no request notices that a directive is not carried over.
    """
    key = directive.key
    asks = _BY_WORDS.get(key)
    if asks is not None:
        return asks([word.lower() for word in directive.args])
    return key in _ALWAYS or (key in _OF_FILES and key not in _SEEN)


def _sets(skipped: int) -> Callable[[list[str]], bool]:
    def ask(words: list[str]) -> bool:
        names = {word.lstrip("!").partition("=")[0] for word in words[skipped:]}
        return bool(names) and names <= _OF_OLD_BROWSERS

    return ask


def _packs(words: list[str]) -> bool:
    return {each for word in words[:1] for each in word.split(";")} <= _PACKING


def _filters(words: list[str]) -> bool:
    # Without Options Includes, the filter of mod_include takes itself out.
    return {each for word in words[:1] for each in word.split(";")} <= _PACKING | {"includes"}


def _options(words: list[str]) -> bool:
    return not {word.lstrip("+") for word in words} & _SCRIPTED


_BY_WORDS: dict[str, Callable[[list[str]], bool]] = {
    "addoutputfilter": _filters,
    "addoutputfilterbytype": _packs,
    "browsermatch": _sets(1),
    "browsermatchnocase": _sets(1),
    "httpprotocoloptions": lambda words: "unsafe" not in words,
    "options": _options,
    "setenvif": _sets(2),
    "setenvifnocase": _sets(2),
    "setoutputfilter": _packs,
}
"""Those about which the words after the name decide, in lower case."""
