"""
Who may use a mount: Apache's C{Require} rules as values, and how they are written.

What may stand where is as strict as in Apache, which refuses rules that can never let
anybody in (APACHE item M2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from txbalancer.core import values
from txbalancer.core.access_words import READERS

_DEPTH = 20
"""Most groups within each other."""

_TOKEN = re.compile(r'\s*(?:([(),])|"((?:[^"\\]|\\["\\])*)"(?=[\s(),]|$)|([^\s(),"]+)(?!"))')
_GROUPS = ("any", "all", "none")
_USE = (
    "all granted, all denied, ip, host, forward-dns, local, user, valid-user, not, any(…), all(…)"
    " or none(…)"
)


@dataclass(frozen=True, slots=True)
class Require:
    """
    One demand on a client; made by L{require}.

    @ivar kind: C{all granted}, C{all denied}, C{ip}, C{local}, C{host}, C{forward-dns},
        C{user} or C{valid-user}.
    @ivar words: addresses and ranges (normalised CIDRs), names or users; any may hold.
    """

    kind: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """
    Lets nobody in by itself, but keeps those out for whom its rule holds; made by L{negated}.
    """

    rule: Require


@dataclass(frozen=True, slots=True)
class Group:
    """
    Several rules as one; made by L{group}.

    @ivar kind: C{any}, C{all} or C{none} of the rules must hold.
    """

    kind: str
    rules: tuple[Rule, ...]


Rule = Require | Not | Group


# -- making rules


def require(kind: str, words: Iterable[str] = ()) -> Require:
    """
    Make one demand.

    @param kind: as of L{Require}, or C{all} with C{granted} or C{denied} as its only word.
    @raise ValueError: for an unknown kind and for words that do not fit it.
    """
    kind, found = kind.lower(), tuple(words)
    if kind in ("all granted", "all denied"):
        kind, found = "all", (kind[4:], *found)
    if kind == "all":
        if len(found) != 1 or found[0].lower() not in ("granted", "denied"):
            raise ValueError("all must be: all granted, or all denied")
        return Require(f"all {found[0].lower()}")
    if kind in ("local", "valid-user"):
        if found:
            raise ValueError(f"{kind} stands alone, without {' '.join(found)!r}")
        return Require(kind)
    if kind not in READERS:
        raise ValueError(f"{kind!r} is no rule: use {_USE}")
    read, what = READERS[kind]
    if not found:
        raise ValueError(f"{kind} needs {what} after it")
    return Require(kind, tuple(map(read, found)))


def negated(rule: Rule) -> Not:
    """
    Make a rule that keeps those out for whom another holds.

    @raise ValueError: for a group and for C{not}, as in Apache.
    """
    if not isinstance(rule, Require):
        raise ValueError("not stands before a single rule: none(…) is the opposite of any(…)")
    return Not(rule)


def group(kind: str, rules: Iterable[Rule]) -> Group:
    """
    Make one rule of several.

    @param kind: C{any}, C{all} or C{none}.
    @raise ValueError: when there are no rules, or when some can have no effect there.
    """
    found = tuple(rules)
    if not found:
        raise ValueError(f"{kind}(…) is empty: put rules into it, or leave it out")
    refused = [each for each in found if _only_denies(each)]
    if kind == "all" and len(refused) == len(found):
        raise ValueError(
            f"{'not' if isinstance(refused[0], Not) else 'none(…)'} lets nobody in: all(…) needs"
            " a rule beside it that does, such as all granted"
        )
    if kind != "all" and refused:
        check_effect(refused[0], kind)
    return Group(kind, found)


def check_effect(rule: Rule, kind: str = "any") -> None:
    """
    See that a rule can have an effect where any, or none, of several must hold.

    @raise ValueError: for rules that only keep people out.
    """
    if _only_denies(rule):
        what = "not" if isinstance(rule, Not) else "none(…)"
        where = "by itself" if kind == "any" else "in none(…)"
        raise ValueError(
            f"{what} has no effect {where}: write all(all granted, {_show(rule)}), or other rules"
            " beside it"
        )


def _only_denies(rule: Rule) -> bool:
    return isinstance(rule, Not) or (isinstance(rule, Group) and rule.kind == "none")


# -- text


def _show_word(word: str) -> str:
    if re.fullmatch(r'[^\s(),"\\]+', word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _show(rule: Rule) -> str:
    if isinstance(rule, Not):
        return f"not {_show(rule.rule)}"
    if isinstance(rule, Group):
        return f"{rule.kind}({', '.join(map(_show, rule.rules))})"
    return " ".join((rule.kind, *map(_show_word, rule.words)))


class _Reader:
    """
    Reads a rule from its words and signs.
    """

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0

    def whole(self) -> Rule:
        """
        Read the one rule of a line.
        """
        found = self._rule(0)
        sign = self._sign()
        if sign == ",":
            raise ValueError("a comma only stands within any(…), all(…) and none(…): use blanks")
        if sign:
            raise ValueError(f"{sign!r} is out of place")
        return found

    def _sign(self) -> str:
        """
        Return the sign that comes next, C{""} for a word or the end.
        """
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _words(self) -> list[str]:
        found = []
        while self._at < len(self._tokens) and not self._sign():
            found.append(self._tokens[self._at][1])
            self._at += 1
        return found

    def _rule(self, depth: int) -> Rule:
        first, *rest = self._words() or [""]
        negative = first.lower() == "not"
        if negative:
            first, *rest = rest or [""]
        if self._sign() == "(" and not rest and first.lower() in _GROUPS:
            found: Rule = group(first.lower(), self._group(depth + 1))
        elif not first:
            raise ValueError(f"a rule is missing{' after not' * negative}: use {_USE}")
        else:
            found = require(first, rest)
        return negated(found) if negative else found

    def _group(self, depth: int) -> list[Rule]:
        if depth > _DEPTH:
            raise ValueError(f"more than {_DEPTH} groups within each other")
        rules: list[Rule] = []
        self._at += 1
        if self._sign() == ")":
            self._at += 1
            return rules
        while True:
            rules.append(self._rule(depth))
            sign = self._sign()
            self._at += 1
            if sign == ")":
                return rules
            if sign != ",":
                raise ValueError("a ) is missing")


def _tokens(text: str) -> list[tuple[str, str]]:
    """
    Split into (sign, word) pairs, of which one part is empty, but for a word C{""}.
    """
    found, at, text = [], 0, text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f'{text[at:].strip()!r} has a " without its partner')
        sign, quoted, plain = match.groups()
        word = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        found.append((sign or "", word or ""))
        at = match.end()
    return found


@values.kind(
    "a rule such as: all granted, ip 10.0.0.0/8, user NAME, all(user NAME, not ip ::1)", _show
)
def rule(text: str) -> Rule:
    """
    Read one rule, of which any suffices: it must be able to let somebody in.
    """
    found = _Reader(text).whole()
    check_effect(found)
    return found


rules = values.each_line(rule)
