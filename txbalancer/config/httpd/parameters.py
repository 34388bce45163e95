"""
Words C{key=value} behind members and balancers, to values of options.

They are read by the options' own parsers: what Apache cuts short or guesses is refused
(APACHE items X1, X2). Of a key that is given again, the last value counts (0.5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.expressions import Expressions
from txbalancer.config.httpd.said import doubt, fault
from txbalancer.config.httpd.tree import Directive
from txbalancer.config.options import MEMBER_OPTIONS, TABLES, parse
from txbalancer.config.suggest import choose_from, did_you_mean
from txbalancer.core import values
from txbalancer.core.registry import Registry
from txbalancer.core.specs import MemberSpec, apache_defaults

BALANCER_OPTIONS = TABLES["balancer"]
NOT_CARRIED: dict[str, tuple[values.Kind[Any], str]] = {
    "flushpackets": (values.choice("on", "off", "auto"), "answers are passed on as they come"),
    "flushwait": (values.integer(0, 1000), "answers are passed on as they come"),
    "flusher": (values.text(15), "it is for fdpass only"),
}
"""Parameters of Apache's that have no effect here (W18, W19, W25), and why."""

MEMBER_KEYS = frozenset({*MEMBER_OPTIONS, *NOT_CARRIED, "enablereuse", "hctemplate"})
MOUNT_KEYS = frozenset({"interpolate", "mapping", "nocanon", "noquery"})
OF_TEMPLATES = ("hcmethod", "hcuri", "hcexpr", "hcinterval", "hcpasses", "hcfails")


@dataclass(frozen=True, slots=True)
class Given:
    """
    The value of an option and the directive that gave it.

    @ivar key: as in INI files.
    """

    key: str
    value: Any
    place: Directive


Parameters = dict[str, Given]
"""Attribute of a spec to what was given last."""


class ParameterReader:
    """
    Reads parameters in one server; faults are noted and left out.
    """

    __slots__ = ("_apache", "_findings", "_parent", "_registry", "_templates", "expressions")

    def __init__(
        self,
        findings: Findings,
        registry: Registry,
        apache: bool,
        expressions: Expressions,
        parent: ParameterReader | None = None,
    ) -> None:
        self._findings, self._registry, self._apache = findings, registry, apache
        self._parent, self.expressions = parent, expressions
        self._templates: dict[str, Parameters] = {}

    def member(self, words: Sequence[str], directive: Directive) -> Parameters:
        """
        Read the parameters of a member.
        """
        found: Parameters = {}
        for key, text in self._pairs(words, directive):
            try:
                found.update(self._member_value(key, text, directive))
            except ValueError as error:
                fault(self._findings, directive, f"{key}: {error}")
        return found

    def balancer(
        self, words: Sequence[str], directive: Directive, name: str
    ) -> tuple[Parameters, Parameters]:
        """
        Read the parameters of a balancer.

        @return: its own, and what it was given that can only be meant for its members.
        """
        own: Parameters = {}
        shared: Parameters = {}
        for key, text in self._pairs(words, directive):
            try:
                if key in BALANCER_OPTIONS:
                    attribute, value = self._balancer_value(key, text)
                    own[attribute] = Given(key, value, directive)
                elif key in MEMBER_KEYS:
                    shared.update(self._member_value(key, text, directive))
                    doubt(
                        self._findings,
                        directive,
                        f"{key} is a parameter of members, which Apache refuses here: it is taken "
                        f"for all members of balancer://{name} that do not give it themselves",
                    )
                else:
                    raise ValueError(_unknown(key, (*BALANCER_OPTIONS, *MEMBER_KEYS)))
            except ValueError as error:
                fault(self._findings, directive, f"{key}: {error}")
        return own, shared

    def template(self, directive: Directive) -> None:
        """
        Read C{ProxyHCTemplate NAME key=value …} (APACHE item C3).
        """
        name, *words = directive.args or ("",)
        if not name or "=" in name:
            fault(self._findings, directive, "takes NAME key=value …: the name is missing")
            return
        hc = [word for word in words if word[:2].lower() == "hc" or "=" not in word]
        for word in words:
            if word not in hc:
                key = word.partition("=")[0].lower()
                hint = did_you_mean(key, OF_TEMPLATES)
                fault(self._findings, directive, f"{key}: only hc… belongs in a template{hint}")
        self._templates[name.lower()] = self._whole(directive) | self.member(hc, directive)

    def _whole(self, directive: Directive) -> Parameters:
        # Apache copies all of a template, what it leaves to the defaults too.
        known = apache_defaults(MemberSpec) if self._apache else {}
        return {key: Given(key, known[key], directive) for key in OF_TEMPLATES if key in known}

    def _pairs(self, words: Sequence[str], directive: Directive) -> Iterator[tuple[str, str]]:
        seen = set[str]()
        for word in words:
            key, equals, text = word.partition("=")
            key = key.lower()
            if not equals:
                fault(self._findings, directive, no_pair(word))
                continue
            if key in seen:
                doubt(self._findings, directive, f"{key} is given twice: the last one counts")
            if text.startswith(("'", '"')):
                like = f'write "{key}={text.strip(_QUOTES)}" or no quotes'
                doubt(self._findings, directive, f"{word}: its quotes count, as in Apache: {like}")
            seen.add(key)
            yield key, text

    def _balancer_value(self, key: str, text: str) -> tuple[str, Any]:
        attribute, option = BALANCER_OPTIONS[key]
        if key == "stickysession" and not text:
            return attribute, None
        if key == "nonce" and text.lower() == "none":
            return attribute, "None"
        # An INI file allows more members than Apache does (B11).
        value = GROWTH(text) if key == "growth" else parse(option, text, self._registry)
        return attribute, value

    def _member_value(self, key: str, text: str, directive: Directive) -> Parameters:
        if key == "hctemplate":
            found = self._template(text)
            return {name: Given(each.key, each.value, directive) for name, each in found.items()}
        if key in NOT_CARRIED:
            kind, why = NOT_CARRIED[key]
            kind(text)
            doubt(self._findings, directive, f"{key} has no effect: {why}")
            return {}
        if key == "enablereuse":
            return {"disablereuse": Given(key, not values.flag(text), directive)}
        if key not in MEMBER_OPTIONS:
            raise ValueError(_no_member_key(key))
        attribute, option = MEMBER_OPTIONS[key]
        special = _SPECIAL.get(key)
        value = special(self, text) if special else None
        if value is None:
            value = parse(option, text, self._registry)
        return {attribute: Given(key, value, directive)}

    def _template(self, name: str) -> Parameters:
        found = self._templates.get(name.lower())
        if found is not None:
            return found
        if self._parent is not None:
            return self._parent._template(name)
        known = choose_from(name, self._templates)
        raise ValueError(f"no template {name!r} was declared before, by ProxyHCTemplate{known}")


_QUOTES = "'\""


def _method(reader: ParameterReader, text: str) -> None:
    if text.upper() == "PROVIDER":
        raise ValueError("PROVIDER is a name that Apache keeps for itself: use GET, TCP or CPING")


def _expression(reader: ParameterReader, text: str) -> str:
    return reader.expressions.find(text)


def _times(reader: ParameterReader, text: str) -> int:
    return TIMES(text) or 1  # as Apache counts it (C2)


def _field_size(reader: ParameterReader, text: str) -> int:
    _, option = MEMBER_OPTIONS["responsefieldsize"]
    size: int = values.zero_or(option.kind)(text) or 8192
    return size


GROWTH = values.integer(1, 100)
TIMES = values.integer(0, 1000)
_SPECIAL: dict[str, Callable[[ParameterReader, str], Any]] = {
    "hcmethod": _method,
    "hcexpr": _expression,
    "hcpasses": _times,
    "hcfails": _times,
    "responsefieldsize": _field_size,
}


def no_pair(word: str) -> str:
    """
    Say that a word lacks its value.
    """
    key = word.lower()
    hint = f" (did you mean {key}=…?)" if key in MEMBER_KEYS or key in BALANCER_OPTIONS else ""
    return f"{word!r} is not of the form key=value{hint}"


def _no_member_key(key: str) -> str:
    if key in BALANCER_OPTIONS:
        return (
            f"belongs to the balancer: write ProxySet {key}=… in its section, "
            "or give it after balancer:// in ProxyPass"
        )
    if key in MOUNT_KEYS:
        return "belongs to a ProxyPass"
    return _unknown(key, MEMBER_KEYS)


def _unknown(key: str, known: Sequence[str] | frozenset[str]) -> str:
    if key == "multipathtcp":
        return "is not available in this version, nor in Apache 2.4"
    return f"is not known here{did_you_mean(key, known)}"
