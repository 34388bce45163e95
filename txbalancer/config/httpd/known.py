"""
Every directive of Apache: which are carried out here and where they may stand, which are not
and what to do instead.

A directive that is not carried out is an error, so that nothing of a configuration gets lost
unseen; a warning when no request notices. A lenient reader leaves others out with a warning,
too, a section with all that is in it; unless it keeps people out, for then leaving it out would
let them in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from txbalancer.config.findings import Findings
from txbalancer.config.httpd import http2, remoteip, tls
from txbalancer.config.httpd.charset import with_charset
from txbalancer.config.httpd.harmless import is_harmless
from txbalancer.config.httpd.modules_omitted import OF_MODULES
from txbalancer.config.httpd.omitted import GUARDS, OMITTED, without_effect
from txbalancer.config.httpd.settings import is_way_to_members
from txbalancer.config.httpd.tohttps import is_made, with_redirect
from txbalancer.config.httpd.tree import Directive
from txbalancer.config.suggest import did_you_mean
from txbalancer.core.values import counted

SERVER, VHOST, LOCATION, PROXY = "the server", "<VirtualHost>", "<Location>", "<Proxy>"
_KINDS_OF_SECTION = {
    "location": LOCATION,
    "locationmatch": LOCATION,
    "proxy": PROXY,
    "proxymatch": PROXY,
    "virtualhost": VHOST,
}
_RULES = frozenset({"requireall", "requireany", "requirenone"})
_LEAVE = "; leave it out"
MOST_NAMED = 6
"""Other directives that a message names."""
MOST_HINTS = 50
"""Unknown names for which a likely one is looked for: that takes milliseconds each."""

_FILES_AWAY = (
    "no files are served here; what they are given to with SetHandler is a member of its own:"
    " ProxyPassMatch ^/(.*\\.php(/.*)?)$ fcgi://…/DOCUMENT/ROOT/$1"
)

_PLACES: dict[tuple[str, ...], str] = {
    (SERVER,): (
        "DefaultRuntimeDir HeartbeatAddress HeartbeatListen HeartbeatMaxServers HeartbeatStorage"
        " Listen ProxyHCTPsize ServerRoot VirtualHost"
    ),
    (VHOST,): "RewriteRule ServerAlias",
    (SERVER, VHOST): (
        "AllowEncodedSlashes BalancerGrowth BalancerInherit BalancerPersist CustomLog ErrorLog"
        " KeepAlive KeepAliveTimeout LimitRequestFieldSize LimitRequestFields LimitRequestLine"
        " Location LocationMatch LogFormat MaxKeepAliveRequests Proxy ProxyBadHeader"
        " ProxyIOBufferSize ProxyMatch ProxyMaxForwards"
        " ProxyPassInherit ProxyReceiveBufferSize ProxyRequests ProxyStatus ProxyTimeout"
        " ProxyVia"
        " ServerName"
        " Redirect RedirectMatch RedirectPermanent RedirectTemp RequestReadTimeout TimeOut"
        f" {tls.NAMES} {remoteip.NAMES} {http2.NAMES}"
    ),
    (SERVER, VHOST, LOCATION): (
        "ProxyPass ProxyPassMatch ProxyPassReverse ProxyPassReverseCookieDomain"
        " ProxyPassReverseCookiePath"
    ),
    (SERVER, VHOST, PROXY): (
        "BalancerMember SSLProxyCACertificateFile SSLProxyCACertificatePath SSLProxyCheckPeerCN"
        " SSLProxyCheckPeerExpire SSLProxyCheckPeerName SSLProxyCipherSuite SSLProxyEngine"
        " SSLProxyMachineCertificateFile SSLProxyProtocol SSLProxyVerify SSLProxyVerifyDepth"
    ),
    (SERVER, VHOST, LOCATION, PROXY): (
        "CGIPassAuth Header LimitRequestBody LogLevel Proxy100Continue ProxyAddHeaders"
        " ProxyErrorOverride ProxyFCGIBackendType ProxyFCGISetEnvIf"
        " ProxyHCExpr ProxyHCTemplate ProxyPreserveHost ProxySet RequestHeader SetEnv SetHandler"
    ),
    (LOCATION, PROXY): (
        "AuthBasicAuthoritative AuthBasicProvider AuthMerging AuthName AuthType AuthUserFile"
        " Require RequireAll RequireAny RequireNone"
    ),
}

CARRIED = {
    name.lower(): (name, places) for places, names in _PLACES.items() for name in names.split()
}
"""Name in lower case -> the name as Apache writes it, and where it may stand."""

DECIDED = (
    "Define Error IfDefine IfDirective IfFile IfModule IfSection IfVersion Include IncludeOptional"
    " LoadModule UnDefine"
)
"""What reading the file deals with."""

OMISSIONS = {
    name.lower(): (name, reason)
    for reason, names in (*OMITTED, *OF_MODULES.values())
    for name in names.split()
}
"""Name in lower case -> the name as Apache writes it, and what to do instead."""

SECTIONS = frozenset(
    {*_RULES, *_KINDS_OF_SECTION}
    | {"ifdefine", "ifdirective", "iffile", "ifmodule", "ifsection", "ifversion"}
)
"""Directives with an effect that are written C{<Name …>}, in lower case."""

NAMES = frozenset(
    {*(name for name, _ in (*CARRIED.values(), *OMISSIONS.values())), *DECIDED.split()}
)


def is_carried(name: str, *, section: bool) -> bool:
    """
    Tell whether a directive or section has an effect here; for C{<IfDirective>}.
    """
    key = name.lower()
    known = (key in CARRIED and key != "rewriterule") or key in DECIDED.lower().split()
    return known and (key in SECTIONS) is section


def check_directives(
    tree: Sequence[Directive], findings: Findings, lenient: bool = False
) -> tuple[Directive, ...]:
    """
    Find fault with directives that are unknown, not carried out, or in the wrong place.

    @return: the tree without them.
    """
    check = _Check(findings, lenient)
    kept = check.keep(with_charset(tree), SERVER, SERVER)
    check.tell_omissions()
    return kept


class _Check:
    __slots__ = ("_findings", "_harmless", "_hints", "_lenient", "_omitted")

    def __init__(self, findings: Findings, lenient: bool) -> None:
        self._findings = findings
        self._lenient = lenient
        self._hints: dict[str, str] = {}
        self._omitted: dict[tuple[str, str, bool], list[Directive]] = {}
        self._harmless: dict[str, list[Directive]] = {}

    def keep(self, tree: Sequence[Directive], place: str, within: str) -> tuple[Directive, ...]:
        """
        @param place: the kind of section that the directives are in, those of rules aside.
        @param within: the section itself, for messages.
        """
        kept = []
        for each in without_effect(tree):
            if not self._is_good(each, place, within) or (
                self._lenient and self._leaves_piped(each)
            ):
                continue
            if self._lenient and each.key == "customlog" and len(each.args) == 3:
                each = self._without_condition(each)
            if each.children is not None:
                inner = each.key in _RULES
                whole = each.key == "virtualhost"
                children = self.keep(
                    with_redirect(each.children) if whole else each.children,
                    place if inner else _KINDS_OF_SECTION[each.key],
                    f"<{each.name}>",
                )
                each = Directive(each.name, each.args, each.text, each.path, each.line, children)
            kept.append(each)
        return tuple(kept)

    def _is_good(self, each: Directive, place: str, within: str) -> bool:
        key = each.key
        if key in OMISSIONS and not is_way_to_members(each) and not is_made(each):
            reason = OMISSIONS[key][1]
            if key == "order" and len(each.args) > 1:
                reason = "write it without a blank, as `Order deny,allow`, or use Require"
            if _gives_files_away(each):
                self._omitted.setdefault((each.path, _FILES_AWAY, False), []).append(each)
            elif is_harmless(each):
                self._harmless.setdefault(reason, []).append(each)
            else:
                self._omitted.setdefault((each.path, reason, key in GUARDS), []).append(each)
        elif key not in CARRIED:
            self._error(each, f"is not known{self._hint(each.name)}")
        elif (key in SECTIONS) is not (each.children is not None):
            name = CARRIED[key][0]
            self._error(
                each,
                f"is a section: write <{name} …> and </{name}>"
                if key in SECTIONS
                else f"is no section: write {name} without <>",
            )
        elif within.strip("<>").lower() in _RULES and key not in {"require", *_RULES}:
            self._error(each, f"may not stand in {within}, only Require may")
        elif place not in CARRIED[key][1]:
            self._error(each, f"may not stand in {within}: {_where(CARRIED[key][1])}")
        else:
            return True
        return False

    def _leaves_piped(self, each: Directive) -> bool:
        piped = each.key in ("customlog", "errorlog") and each.args[:1] and each.args[0][:1] == "|"
        if piped:
            text = "logs are not piped to programs; left out"
            self._findings.warn(each.line, "", each.name, text, each.path)
        return bool(piped)

    def _without_condition(self, each: Directive) -> Directive:
        text = f"{each.args[2]} is not carried over: every request is logged"
        self._findings.warn(each.line, "", each.name, text, each.path)
        return replace(each, args=each.args[:2])

    def tell_omissions(self) -> None:
        """
        Note what is not carried over, each reason once in a file, or once where no request
        notices: of those a whole server's configuration has hundreds.
        """
        for reason, (first, *more) in self._harmless.items():
            reason = reason.replace("leave it out, or ", "").replace(_LEAVE, "")
            text = f"has no effect here: {reason}{_elsewhere(first, more)}"
            self._findings.warn(first.line, "", first.name, text, first.path)
        for (path, reason, guards), (first, *more) in self._omitted.items():
            if not self._lenient:
                self._error(first, f"is not carried over: {reason}{_others(first, more)}")
            elif guards:
                text = "as it keeps people out, --lenient does not help"
                self._error(first, f"is not carried over: {reason}{_others(first, more)}; {text}")
            else:
                text = f"{reason.removesuffix(_LEAVE)}{_others(first, more)}; left out"
                text = f"is not carried over: {text}"
                self._findings.warn(first.line, "", first.name, text, path)

    def _error(self, each: Directive, text: str) -> None:
        self._findings.error(each.line, "", each.name, text, each.path)

    def _hint(self, name: str) -> str:
        if name not in self._hints:
            self._hints[name] = did_you_mean(name, NAMES) if len(self._hints) < MOST_HINTS else ""
        return self._hints[name]


def _gives_files_away(each: Directive) -> bool:
    """
    Tell whether a section has a member answer for files, as is usual for php-fpm.
    """
    return any(
        (
            child.key == "sethandler"
            and child.args[:1]
            and child.args[0].lower().startswith("proxy:")
        )
        or _gives_files_away(child)
        for child in each.children or ()
    )


def _where(places: Sequence[str]) -> str:
    *most, last = ("outside of all sections" if each == SERVER else f"in {each}" for each in places)
    return f"put it {', '.join(most)} or {last}" if most else f"put it {last}"


def _others(first: Directive, more: Sequence[Directive]) -> str:
    """
    Tell of the other lines that the same is said of.
    """
    if not more:
        return ""
    lines = {each.key: each for each in reversed(more) if each.key != first.key}
    named = [f"{each.name} in {each.line}" for each in sorted(lines.values(), key=_line)]
    if len(named) > MOST_NAMED:
        named[MOST_NAMED:] = ["…"]
    which = f": {', '.join(named)}" if named else ""
    return f" (and {counted(len(more), 'more line')} of this file{which})"


def _elsewhere(first: Directive, more: Sequence[Directive]) -> str:
    """
    Tell what else there is, in any file, of which the same is to be said.
    """
    if not more:
        return ""
    names = list(dict.fromkeys(each.name for each in more if each.key != first.key))
    if len(names) > MOST_NAMED:
        names[MOST_NAMED:] = ["…"]
    files = len({each.path for each in (first, *more)})
    where = f" in {files} files" if files > 1 else ""
    which = f": {', '.join(names)}" if names else ""
    return f" (and {counted(len(more), 'more line')}{where}{which})"


def _line(directive: Directive) -> int:
    return directive.line
