"""
C{ProxyHCExpr}: expressions of health checks, which members name (APACHE item C3).
"""

from __future__ import annotations

from typing import NamedTuple

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.said import doubt, fault
from txbalancer.config.httpd.tree import Directive
from txbalancer.config.suggest import choose_from
from txbalancer.core import hcexpr, specs, values
from txbalancer.core.specs import NamedText

FORM = "takes NAME {EXPRESSION}"


class Declared(NamedTuple):
    """
    An expression and where it was declared.
    """

    named: NamedText
    place: Directive


class Expressions:
    """
    The expressions of one server; a virtual host sees those of the main server too.
    """

    __slots__ = ("_children", "_findings", "_found", "_parent", "_suffix")

    def __init__(
        self, findings: Findings, parent: Expressions | None = None, suffix: str = ""
    ) -> None:
        self._findings, self._parent, self._suffix = findings, parent, suffix
        self._found: dict[str, Declared] = {}
        self._children: list[Expressions] = []
        if parent is not None:
            parent._children.append(self)

    @property
    def texts(self) -> tuple[NamedText, ...]:
        """
        What all servers declared, for L{GlobalSpec}.
        """
        mine = tuple(each.named for each in self._found.values())
        return mine + tuple(text for child in self._children for text in child.texts)

    def declare(self, directive: Directive) -> None:
        """
        Read C{ProxyHCExpr}; a fault is noted.
        """
        try:
            name, text = _split(directive.text)
            for warning in hcexpr.parse(text).warnings:
                doubt(self._findings, directive, warning)
            named = specs.named_text(f"{values.name(name)} {text}")
        except ValueError as error:
            fault(self._findings, directive, error)
            return
        first = self._found.get(named.name)
        if first is not None and first.named.text != text:
            doubt(
                self._findings,
                directive,
                f"{name} is declared in line {first.place.line} too: this one counts",
            )
        # Another server may have another expression of that name: names are one space here.
        public = named.name
        if self._parent is not None and self._parent.knows_otherwise(named):
            public = f"{named.name}{self._suffix}"
        self._found[named.name] = Declared(NamedText(public, text), directive)

    def knows_otherwise(self, named: NamedText) -> bool:
        """
        Tell whether the name stands for another text in this server or a virtual host.
        """
        return any(each.name == named.name and each.text != named.text for each in self.texts)

    def find(self, name: str) -> str:
        """
        Return the name by which specs refer to an expression.

        @raise ValueError: when it was not declared before.
        """
        found = self._found.get(name.lower())
        if found is not None:
            return found.named.name
        if self._parent is not None:
            return self._parent.find(name)
        known = choose_from(name, self._found)
        raise ValueError(f"no expression {name!r} was declared before, by ProxyHCExpr{known}")


def _split(text: str) -> tuple[str, str]:
    """
    Divide C{NAME {EXPRESSION}}; the expression may be in quotes instead of braces.
    """
    name, rest = _word(text.strip())
    expression, rest = _word(rest)
    if not name or not expression:
        raise ValueError(f"{FORM}: the {'expression' if name else 'name'} is missing")
    if rest:
        raise ValueError(f"{FORM}, and nothing after it: put all of the expression in the braces")
    return name, expression


def _word(text: str) -> tuple[str, str]:
    """
    Take one word, in quotes or in braces if it begins so, from the start of a text.
    """
    if text[:1] in ("'", '"'):
        return _quoted(text)
    if text[:1] == "{":
        return _braced(text)
    word, *rest = text.split(None, 1) or [""]
    return word, "".join(rest)


def _quoted(text: str) -> tuple[str, str]:
    quote, found, place = text[0], "", 1
    while place < len(text) and text[place] != quote:
        if text[place] == "\\" and text[place + 1 : place + 2] in (quote, "\\"):
            place += 1
        found += text[place]
        place += 1
    return found, text[place + 1 :].strip()


def _braced(text: str) -> tuple[str, str]:
    depth = 0
    for place, char in enumerate(text):
        depth += {"{": 1, "}": -1}.get(char, 0)
        if not depth:
            return text[1:place].strip(), text[place + 1 :].strip()
    raise ValueError(f"{FORM}: a closing brace is missing")
