"""
C{Require} and the sections around it, to rules. Source: APACHE item M2.
"""

from __future__ import annotations

from collections.abc import Iterable

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.said import fault
from txbalancer.config.httpd.tree import Directive
from txbalancer.core.access import Rule, check_effect, group, negated, require

GROUPS = {"requireall": "all", "requireany": "any", "requirenone": "none"}
KEYS = frozenset({"require", *GROUPS})
_OTHERS = (
    *("dbd-group", "dbm-file-group", "dbm-group", "env", "expr", "file-group", "file-owner"),
    *("group", "ldap-attribute", "ldap-dn", "ldap-filter", "ldap-group", "ldap-search"),
    *("ldap-user", "method", "ssl", "ssl-verify-client"),
)
"""What Apache knows beside what is carried out here."""


def read_rules(directives: Iterable[Directive], findings: Findings) -> tuple[Rule, ...]:
    """
    Read the rules that stand in one section; any of them may hold.
    """
    found = []
    for directive in directives:
        try:
            rule = _rule(directive, findings)
            if rule is not None:
                _check(rule)
                found.append(rule)
        except ValueError as error:
            fault(findings, directive, error)
    return tuple(found)


def _check(rule: Rule) -> None:
    try:
        check_effect(rule)
    except ValueError as error:
        what = str(error).partition(":")[0].replace("none(…)", "<RequireNone>")
        raise ValueError(
            f"{what}: put it into <RequireAll>, beside `Require all granted`"
        ) from None


def _rule(directive: Directive, findings: Findings) -> Rule | None:
    """
    @return: C{None} after a fault below, which is told.
    """
    if directive.key == "require":
        kind, *words = directive.args or ("",)
        if kind.lower() == "not":
            kind, *words = words or [""]
            return negated(_require(kind, words))
        return _require(kind, words)
    rules = []
    for child in directive.children or ():
        try:
            rules.append(_rule(child, findings))
        except ValueError as error:
            fault(findings, child, error)
            rules.append(None)
    good = [rule for rule in rules if rule is not None]
    return group(GROUPS[directive.key], good) if len(good) == len(rules) else None


def _require(kind: str, words: Iterable[str]) -> Rule:
    if kind.lower() in _OTHERS:
        raise ValueError(
            f"Require {kind} is not carried over: use ip, host, local, user, valid-user or all"
        )
    return require(kind, words)
