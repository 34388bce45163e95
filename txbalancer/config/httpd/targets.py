"""
Where the rules of one server lead.
"""

from __future__ import annotations

import re
from dataclasses import replace

from txbalancer.config.httpd.balancers import Balancers
from txbalancer.config.httpd.drafts import BalancerDraft, is_balancer
from txbalancer.config.httpd.members import MemberDraft
from txbalancer.config.httpd.patterns import Pattern
from txbalancer.config.httpd.rules import Rule
from txbalancer.config.httpd.settle import single_spec
from txbalancer.config.members import parse_url
from txbalancer.config.targets import check_references, join_path
from txbalancer.core.patterns import compile_pattern
from txbalancer.core.specs import FixedStatus, NotProxied, Target, ToBalancer, ToMember

_WEBSOCKET = re.compile(r"((?:unix:[^|]*\|)?)ws(s?):", re.IGNORECASE)
_PATH = re.compile(r"[!-~]*")


Draft = NotProxied | tuple[BalancerDraft, str] | MemberDraft
"""Where a rule leads, while its file is read."""


def draft_target(rule: Rule, balancers: Balancers) -> Draft | None:
    """
    Read where a rule leads, and tell its server's balancers of its parameters.

    @return: C{None} after a fault.
    """
    if rule.url == "!":
        return NotProxied()
    if is_balancer(rule.url):
        return balancers.parameters(rule.url, rule.words, rule.directive)
    return balancers.single(rule.url, rule.words, rule.directive)


def make_target(rule: Rule, draft: Draft, balancers: Balancers, own: bool = True) -> Target:
    """
    Make the target of a rule, when all balancers are settled.

    @param balancers: of the server that the rule is to work in.
    @param own: whether balancers are that server's or one's that it inherits from.
    @raise ValueError: saying what is wrong.
    """
    if isinstance(draft, NotProxied):
        return draft
    groups = _groups(rule.pattern)
    prefix = "" if groups is not None else rule.pattern.text
    if isinstance(draft, tuple):
        balancer, path = draft
        _check(path, groups)
        if not own:
            found = balancers.drafts.get(balancer.name)
            if found is None:
                return FixedStatus(503)
            balancer = found
        return ToBalancer(balancer.spec_name, join_path(path, prefix, groups))
    path = parse_url(_WEBSOCKET.sub(r"\1http\2:", rule.url)).path
    _check(path, groups)
    member = single_spec(balancers, draft)
    return ToMember(replace(member, path=join_path(path, prefix, groups)))


def _groups(pattern: Pattern) -> int | None:
    return compile_pattern(pattern.text).groups if pattern.kind == "regex" else None


def _check(path: str, groups: int | None) -> None:
    if not _PATH.fullmatch(path):
        raise ValueError(f"{path!r} has a character that must be written as %XX")
    check_references(path, groups)
