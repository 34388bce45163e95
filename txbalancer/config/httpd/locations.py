"""
C{<Location>} and C{<Proxy>} sections: which requests they are for, and what they say of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.patterns import (
    EVERYWHERE,
    Pattern,
    path_pattern,
    regex_pattern,
)
from txbalancer.config.httpd.rules import Rule, read_rule
from txbalancer.config.httpd.said import arguments, doubt, fault
from txbalancer.config.httpd.settings import Settings, read_settings
from txbalancer.config.httpd.tree import Directive
from txbalancer.config.targets import join_path
from txbalancer.core.locations import is_glob_path
from txbalancer.core.patterns import compile_pattern

SECTIONS = frozenset({"location", "locationmatch"})
PASSES = frozenset({"proxypass", "proxypassmatch"})
_ORIGIN = re.compile(r"\A[^/?#]*//[^/?#]*")
# What makes a match in the part of a URL that is known depend on the part that is not.
_LOOKS_FURTHER = re.compile(r"\$|\\[bBGKZz]|\(\?[^:]|[*+?}]\+")
HANDLERS = ("balancer-manager", "server-status", "heartbeat")


@dataclass(frozen=True, slots=True)
class Location:
    """
    A section, or the part of a C{<Proxy>} section that concerns one rule.

    @ivar handler: what answers what is not proxied, C{none} for nothing, or empty: not said.
    @ivar rule: the C{ProxyPass} in it.
    """

    section: Directive
    pattern: Pattern
    settings: Settings = field(default_factory=dict)
    handler: str = ""
    rule: Rule | None = None


def read_locations(directives: Iterable[Directive], findings: Findings) -> tuple[Location, ...]:
    """
    Read the C{<Location>} sections among directives, in file order.
    """
    found = []
    for section in directives:
        if section.key in SECTIONS:
            try:
                pattern = _pattern(section)
            except ValueError as error:
                fault(findings, section, error)
            else:
                found.append(_read(section, pattern, findings))
    return tuple(found)


def _pattern(section: Directive) -> Pattern:
    words = section.args
    if section.key == "locationmatch":
        return regex_pattern(*arguments(section, 1, 1, "one regular expression"))
    if words[:1] == ("~",):
        arguments(section, 2, 2, "one regular expression after ~")
        return regex_pattern(words[1])
    (path,) = arguments(section, 1, 1, "one path")
    return path_pattern(path)


def _read(section: Directive, pattern: Pattern, findings: Findings) -> Location:
    inside = tuple(section.children or ())
    handler, rule = "", None
    for directive in inside:
        try:
            if directive.key == "sethandler":
                handler = _handler(directive, findings)
            elif directive.key in PASSES:
                rule = read_rule(directive, pattern)
        except ValueError as error:
            fault(findings, directive, error)
    if rule is not None and rule.pattern.kind == "prefix" and pattern.kind == "regex":
        doubt(findings, rule.directive, "never matches, as in Apache: use ProxyPassMatch")
        rule = None
    return Location(section, pattern, read_settings(inside, findings, pattern.word), handler, rule)


def _handler(directive: Directive, findings: Findings) -> str:
    (name,) = arguments(directive, 1, 1, "one word")
    lowered = name.lower()
    if lowered == "balancer":
        # Widely copied, and the name of no handler.
        doubt(findings, directive, "balancer has no effect, as in Apache; ProxyPass is what counts")
        return "none"
    if lowered.startswith("proxy:"):
        path = "/DOCUMENT/ROOT" if "fcgi:" in lowered else ""
        raise ValueError(f"use `ProxyPass {name[6:].rstrip('/')}{path}` in place of SetHandler")
    if lowered not in HANDLERS and lowered not in ("none", "default-handler"):
        raise ValueError(f"{name} is not carried over: use {', '.join(HANDLERS)} or none")
    return "none" if lowered == "default-handler" else lowered


def read_proxies(directives: Iterable[Directive], findings: Findings) -> tuple[Location, ...]:
    """
    Read what C{<Proxy>} sections say of requests; their patterns are of URLs.
    """
    found = []
    for section in directives:
        if section.key in ("proxy", "proxymatch"):
            settings = read_settings(section.children or (), findings)
            if settings:
                try:
                    found.append(Location(section, _url_pattern(section), settings))
                except ValueError as error:
                    fault(findings, section, error)
    return tuple(found)


def _url_pattern(section: Directive) -> Pattern:
    words = section.args
    if section.key == "proxymatch" or words[:1] == ("~",):
        return regex_pattern(words[-1] if words else "")
    if not words:
        raise ValueError("<Proxy> needs a URL, or * for all")
    return Pattern("glob" if is_glob_path(words[0]) else "prefix", words[0])


def about(proxies: Iterable[Location], rule: Rule) -> Iterator[Location]:
    """
    Turn C{<Proxy>} sections into what they are for the requests of one rule.

    @raise ValueError: when a section is for some of the URLs of a rule, and which is not
        plain to see.
    """
    for proxy in proxies:
        pattern = _about(proxy.pattern, rule)
        if pattern is not None:
            yield Location(proxy.section, pattern, proxy.settings)


def _about(wanted: Pattern, rule: Rule) -> Pattern | None:
    url = rule.url.partition("|")[2] or rule.url
    url = _ORIGIN.sub(_lower, url, count=1)
    fixed = url.partition("$")[0]
    if wanted.kind == "prefix":
        return _below(_ORIGIN.sub(_lower, wanted.text, count=1), url, rule)
    if wanted.text in ("*", ".*", "", ".", "^"):
        return EVERYWHERE
    if wanted.kind == "glob" and wanted.text.endswith("*") and not is_glob_path(wanted.text[:-1]):
        return _below(wanted.text[:-1], url, rule)
    start = re.split(r"[*?\[\\]", wanted.text, maxsplit=1)[0] if wanted.kind == "glob" else ""
    if start and not start.startswith(fixed) and not fixed.startswith(start):
        return None
    if wanted.kind == "regex" and _has_all(wanted.text, fixed):
        return EVERYWHERE
    raise ValueError(
        f"it cannot be seen before which of the URLs below {rule.url} it is for:"
        " use a <Location> instead"
    )


def _has_all(pattern: str, start: str) -> bool:
    """
    Tell whether a regular expression is seen to match whatever follows a text.
    """
    if _LOOKS_FURTHER.search(pattern):
        return False
    return compile_pattern(pattern).search(start.encode()) is not None


def _lower(found: re.Match[str]) -> str:
    return found[0].lower()


def _below(text: str, url: str, rule: Rule) -> Pattern | None:
    """
    Return which paths of a rule lead to URLs that begin with a text.
    """
    if url.startswith(text) or f"{url}/".startswith(text):
        return EVERYWHERE
    if "$" in url or rule.pattern.kind == "regex":
        fixed = url.partition("$")[0]
        if not text.startswith(fixed):
            return None
        raise ValueError(
            f"it cannot be seen before which of the URLs below {rule.url} it is for:"
            " use a <Location> instead"
        )
    origin = _ORIGIN.match(url)
    assert origin is not None  # rules have whole URLs
    url = origin[0] + join_path(url[origin.end() :], rule.pattern.text, None)
    if not text.startswith(url):
        return None
    # As in Apache, no slash need follow the text.
    return Pattern("regex", "^" + re.escape(rule.pattern.text + text[len(url) :]))
