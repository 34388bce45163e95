"""
C{Require} and the sections around it, to rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_network

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.said import fault
from txbalancer.config.httpd.tree import Directive
from txbalancer.core.access import Group, Not, Require, Rule

GROUPS = {"requireall": "all", "requireany": "any", "requirenone": "none"}
KEYS = frozenset({"require", *GROUPS})
_PARTIAL = re.compile(r"\d{1,3}(\.\d{1,3}){0,2}\.?", re.ASCII)
_KINDS = ("all", "ip", "local", "host", "forward-dns", "user", "valid-user")
_OTHERS = ("env", "expr", "group", "method", "not", "ldap-user", "dbm-group", "file-owner")


def read_rules(directives: Iterable[Directive], findings: Findings) -> tuple[Rule, ...]:
    """
    Read the rules that stand in one section; any of them may hold.
    """
    found = []
    for directive in directives:
        try:
            found.append(_rule(directive, "any", findings))
        except ValueError as error:
            fault(findings, directive, error)
    return tuple(found)


def _rule(directive: Directive, within: str, findings: Findings) -> Rule:
    if directive.key != "require":
        return _group(directive, within, findings)
    kind, *words = directive.args or ("",)
    if kind.lower() != "not":
        return _require(kind.lower(), words)
    if within != "all":
        around = "the rules here, any of which may hold" if within == "any" else "<RequireNone>"
        raise ValueError(f"`not` has no effect among {around}: put the rules into <RequireAll>")
    kind, *words = words or [""]
    return Not(_require(kind.lower(), words))


def _group(directive: Directive, within: str, findings: Findings) -> Rule:
    kind = GROUPS[directive.key]
    if kind == "none" and within != "all":
        raise ValueError("has no effect here: put it into <RequireAll> beside rules that hold")
    rules = []
    for child in directive.children or ():
        try:
            if child.key not in KEYS:
                raise ValueError("only Require and its sections may stand here")
            rules.append(_rule(child, kind, findings))
        except ValueError as error:
            fault(findings, child, error)
    if not directive.children:
        raise ValueError("has no Require in it")
    if kind == "all" and rules and all(map(_is_negative, rules)):
        raise ValueError("has only rules that refuse: add Require all granted or the like")
    return Group(kind, tuple(rules))


def _is_negative(rule: Rule) -> bool:
    return isinstance(rule, Not) or (isinstance(rule, Group) and rule.kind == "none")


def _require(kind: str, words: list[str]) -> Require:
    if kind not in _KINDS:
        hint = "is not carried over" if kind in _OTHERS else "is not known"
        raise ValueError(f"Require {kind or '(nothing)'} {hint}: use {', '.join(_KINDS)}")
    if kind == "all":
        if [word.lower() for word in words] not in (["granted"], ["denied"]):
            raise ValueError("Require all must be followed by granted or denied")
        return Require(f"all {words[0].lower()}")
    if kind in ("local", "valid-user"):
        return Require(kind)
    if not words:
        raise ValueError(f"Require {kind} needs something after it")
    if kind == "ip":
        return Require(kind, tuple(map(network, words)))
    return Require(kind, tuple(word.lower() for word in words) if kind != "user" else tuple(words))


def network(text: str) -> str:
    """
    Read an address, a part of one such as C{10.1}, or a range, as a CIDR (M2).

    @raise ValueError: saying what is wrong.
    """
    try:
        if _PARTIAL.fullmatch(text):
            parts = text.rstrip(".").split(".")
            whole = ".".join(parts + ["0"] * (4 - len(parts)))
            return str(ip_network(f"{whole}/{8 * len(parts)}"))
        return str(ip_network(text, strict=False))
    except ValueError:
        raise ValueError(
            f"{text!r} is not an address, the beginning of one such as 10.1, or a range"
            " such as 10.1.0.0/16"
        ) from None
