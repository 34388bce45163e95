"""
What directives say of requests: those that a C{<Location>} may hold, and how sections merge.

Settings are attributes of a L{MountSpec}. Sections are merged in file order over what holds
outside of them: most settings replace earlier ones, lists grow at their end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.access import KEYS as REQUIRES
from txbalancer.config.httpd.access import read_rules
from txbalancer.config.httpd.reverse import is_place
from txbalancer.config.httpd.said import arguments, doubt, fault
from txbalancer.config.httpd.tree import Directive
from txbalancer.core import edits, params, values
from txbalancer.core.access import Group, Rule
from txbalancer.core.specs import MountSpec, error_codes, options

Settings = Mapping[str, Any]
"""Attribute -> value, of what was said."""

GROWING = frozenset(
    {
        "fcgiparam",
        "header",
        "proxypassreverse",
        "requestheader",
        "reverse_cookie_domain",
        "reverse_cookie_path",
    }
)
MERGING = "auth merging"
"""Beside the attributes: how C{require} is merged with what holds outside."""

KINDS = {name: option.kind for name, option in options(MountSpec)}


def merge(outer: Settings, inner: Settings) -> Settings:
    """
    Put the settings of a section over those that hold outside of it.
    """
    if not inner:
        return outer
    merged = dict(outer)
    for attribute, value in inner.items():
        if attribute in GROWING:
            value = merged.get(attribute, ()) + value
        elif attribute == "require":
            value = _merge_rules(merged.get("require", ()), value, inner.get(MERGING, "off"))
        if attribute != MERGING:
            merged[attribute] = value
    return merged


def _merge_rules(outer: tuple[Rule, ...], inner: tuple[Rule, ...], how: str) -> tuple[Rule, ...]:
    if how == "off" or not outer:
        return inner
    return outer + inner if how == "or" else (Group("all", (_any(outer), _any(inner))),)


def _any(rules: tuple[Rule, ...]) -> Rule:
    return rules[0] if len(rules) == 1 else Group("any", rules)


def read_settings(
    directives: Iterable[Directive], findings: Findings, place: str = ""
) -> dict[str, Any]:
    """
    Read the settings among the directives of a section; others are left alone.

    @param place: the path of the C{<Location>} they stand in; C{~…} for a regular expression.
    """
    directives = tuple(directives)
    found: dict[str, Any] = {}
    for directive in directives:
        reader = READERS.get(directive.key)
        if reader is None:
            continue
        try:
            attribute, value = reader(directive, place)
        except ValueError as error:
            fault(findings, directive, error)
        else:
            found[attribute] = found.get(attribute, ()) + value if attribute in GROWING else value
            if directive.key == "proxypassreverse" and not value:
                doubt(
                    findings, directive, "has no effect: a URL is balancer://NAME/ or http://HOST/"
                )
            if directive.key == "proxypassreverse" and not place and len(directive.args) > 2:
                doubt(findings, directive, f"{directive.args[2]} has no effect, as in Apache")
    requires = [directive for directive in directives if directive.key in REQUIRES]
    if requires:
        found["require"] = read_rules(requires, findings)
    return found


Reader = Callable[[Directive, str], tuple[str, Any]]


def _plain(attribute: str) -> Reader:
    def read(directive: Directive, place: str) -> tuple[str, Any]:
        (text,) = arguments(directive, 1, 1, "one word")
        return attribute, KINDS[attribute].parse(text)

    return read


def _codes(directive: Directive, place: str) -> tuple[str, Any]:
    return "erroroverride", error_codes(" ".join(directive.args))


_EARLY = re.compile(r"\s+early\s*\Z", re.IGNORECASE)
_ALWAYS_THERE = "HTTP_HOST|REMOTE_ADDR|REQUEST_METHOD|REQUEST_SCHEME|REQUEST_URI|SERVER_NAME"
_VALUE_OF_VARIABLES = re.compile(
    rf"""\A((?:always\s+|onsuccess\s+)?(?:add|append|merge|set|setifempty)\s+\S+\s+)
    (["']?)expr=((?:%\{{(?:{_ALWAYS_THERE})\}}|[^\s%"'\\{{}}])+)\2(?=\s|\Z)""",
    re.IGNORECASE | re.VERBOSE,
)
"""A value that is an expression, of nothing but variables that every request has."""


def _without_expr(found: re.Match[str]) -> str:
    return found[1] + found[3].replace("}", "}s")


def _edit(attribute: str) -> Reader:
    def read(directive: Directive, place: str) -> tuple[str, Any]:
        text = directive.text
        if attribute == "requestheader":
            # Whether it is changed early or late, a member sees the same.
            text = _EARLY.sub("", text)
        return attribute, (edits.edit(_VALUE_OF_VARIABLES.sub(_without_expr, text)),)

    return read


def _pairs(attribute: str) -> Reader:
    def read(directive: Directive, place: str) -> tuple[str, Any]:
        inside, outside = arguments(directive, 2, 2, "two words: INTERNAL PUBLIC")
        return attribute, (values_pair(attribute, inside, outside),)

    return read


def values_pair(attribute: str, first: str, second: str) -> tuple[str, str]:
    """
    Check that two words can stand in one line.

    @raise ValueError: when they cannot.
    """
    kind = KINDS[attribute]
    pair: tuple[str, str] = kind.parse(kind.show(((first, second),)))[0]
    return pair


def _reverse(directive: Directive, place: str) -> tuple[str, Any]:
    words = list(directive.args)
    if words and words[-1].lower() == "interpolate":
        raise ValueError("interpolate is not carried over: write the value out")
    if not place:
        if len(words) < 2:
            raise ValueError("ProxyPassReverse needs a path when not defined in a location")
        path, url, *rest = words
    else:
        if len(words) > 1:
            raise ValueError("ProxyPassReverse can not have a path when defined in a location")
        if place.startswith("~"):
            raise ValueError("needs a path: give it, with one, outside of the section")
        path, (url, *rest) = place, words or [""]
    if rest[1:]:
        raise ValueError(f"{rest[1]!r} is too much: PATH URL")
    if not url:
        raise ValueError("the URL is missing")
    if not is_place(url):
        return "proxypassreverse", ()
    return "proxypassreverse", (values_pair("proxypassreverse", path, url),)


WAYS = {"force-proxy-request-1.0": "http10", "proxy-nokeepalive": "nokeepalive"}
"""Variables that tell mod_proxy how to talk to members (APACHE D17); any value does."""


def is_way_to_members(directive: Directive) -> bool:
    """
    Tell whether a directive is a C{SetEnv} of one of L{WAYS}.
    """
    words = directive.args
    return directive.key == "setenv" and len(words) <= 2 and "".join(words[:1]).lower() in WAYS


def _variable(directive: Directive, place: str) -> tuple[str, Any]:
    return WAYS[directive.args[0].lower()], True


def _auth_type(directive: Directive, place: str) -> tuple[str, Any]:
    (text,) = arguments(directive, 1, 1, "Basic or None")
    if text.lower() not in ("basic", "none"):
        raise ValueError(f"{text} is not carried over: use Basic")
    return "auth type", text.lower()


def _backend_type(directive: Directive, place: str) -> tuple[str, Any]:
    (text,) = arguments(directive, 1, 1, "FPM or GENERIC")
    return "fcgitype", values.choice("fpm", "generic").parse(text)


def _parameter(directive: Directive, place: str) -> tuple[str, Any]:
    condition, name, *value = arguments(directive, 2, 3, "CONDITION [!]NAME [VALUE]")
    if condition.lower() != "true":
        raise ValueError(f"the condition {condition!r} is not carried over: only true is")
    if name.startswith("!"):
        return "fcgiparam", (params.param_edit(" ".join((name, *value))),)
    text = "".join(value).replace("%", "%%").replace("%%{", "%{")
    text = _VARIABLE.sub(r"%{\1}s", text)
    return "fcgiparam", (params.param_edit(f"{name} {edits.quoted(text)}"),)


_VARIABLE = re.compile(r"%\{(\w+)\}")


def _provider(directive: Directive, place: str) -> tuple[str, Any]:
    if [word.lower() for word in directive.args] != ["file"]:
        raise ValueError("only file is carried over: users in an htpasswd file (AuthUserFile)")
    return "auth provider", "file"


def _merging(directive: Directive, place: str) -> tuple[str, Any]:
    (text,) = arguments(directive, 1, 1, "Off, And or Or")
    return MERGING, values.choice("off", "and", "or").parse(text)


READERS: dict[str, Reader] = {
    "authbasicprovider": _provider,
    "authmerging": _merging,
    "authname": _plain("auth_name"),
    "authtype": _auth_type,
    "authuserfile": _plain("auth_file"),
    "cgipassauth": _plain("cgipassauth"),
    "header": _edit("header"),
    "limitrequestbody": _plain("max_body"),
    "proxy100continue": _plain("proxy100continue"),
    "proxyaddheaders": _plain("addheaders"),
    "proxyerroroverride": _codes,
    "proxyfcgisetenvif": _parameter,
    "proxyfcgibackendtype": _backend_type,
    "proxypassreverse": _reverse,
    "proxypassreversecookiedomain": _pairs("reverse_cookie_domain"),
    "proxypassreversecookiepath": _pairs("reverse_cookie_path"),
    "proxypreservehost": _plain("preservehost"),
    "requestheader": _edit("requestheader"),
    "setenv": _variable,
}
