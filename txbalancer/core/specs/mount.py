"""
The options of a mount, and what it demands of requests.
"""

from __future__ import annotations

from dataclasses import dataclass

from txbalancer.core import access, edits, params, values
from txbalancer.core.specs.fields import option
from txbalancer.core.specs.kinds import cookie_pair, error_codes, limit_names, pair
from txbalancer.core.specs.targets import Target


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
    limit: tuple[str, ...] = option(
        limit_names,
        (),
        "Names of [limit:NAME] sections that hold for its requests; all of them count.",
    )
    priority: str = option(
        values.choice("normal", "high"),
        "normal",
        "Where requests wait, high ones go before all others, and have places of their own.",
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
