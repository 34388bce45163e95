"""
Sections such as C{<IfModule>}: whether what is in them counts.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from txbalancer.config.httpd.known import is_carried
from txbalancer.config.httpd.lexer import split_words
from txbalancer.config.httpd.modules import Modules
from txbalancer.config.httpd.variables import Variables

VERSION = (2, 4, 71)
"""The Apache that this is in place of."""

_NUMBER = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?", re.ASCII)
_ORDERS: dict[str, Callable[[tuple[int, ...]], bool]] = {
    "": lambda asked: asked == VERSION,
    "=": lambda asked: asked == VERSION,
    "==": lambda asked: asked == VERSION,
    ">": lambda asked: asked < VERSION,
    ">=": lambda asked: asked <= VERSION,
    "<": lambda asked: asked > VERSION,
    "<=": lambda asked: asked >= VERSION,
}


@dataclass(frozen=True, slots=True)
class Known:
    """
    What a section may ask about.

    @ivar root: the folder where relative paths begin.
    """

    variables: Variables
    modules: Modules
    root: str


def holds(kind: str, text: str, known: Known) -> bool:
    """
    Decide on a section.

    @param kind: its name in lower case, one of L{KINDS}.
    @param text: what stands behind the name, up to the bracket.
    @raise ValueError: saying what is wrong and what is allowed.
    """
    negated = text.startswith("!") and kind != "ifversion"
    words, _ = split_words(text[1:] if negated else text)
    if kind == "ifversion":
        return _version(words)
    if len(words) != 1:
        raise ValueError(f"takes one word, {_FORMS[kind]}")
    return _TESTS[kind](words[0], known) is not negated


def _file(word: str, known: Known) -> bool:
    return os.path.exists(os.path.join(known.root, word))


_TESTS: dict[str, Callable[[str, Known], bool]] = {
    "ifdefine": lambda word, known: known.variables.is_defined(word),
    "ifdirective": lambda word, known: is_carried(word, section=False),
    "iffile": _file,
    "ifmodule": lambda word, known: known.modules.has(word),
    "ifsection": lambda word, known: is_carried(word, section=True),
}
_FORMS = {
    "ifdefine": "NAME or !NAME",
    "ifdirective": "the name of a directive, or that after !",
    "iffile": "a path, or that after !",
    "ifmodule": "mod_NAME.c or NAME_module, or that after !",
    "ifsection": "the name of a section, or that after !",
}
KINDS = frozenset({*_TESTS, "ifversion"})
"""Names of these sections, in lower case."""


def _version(words: list[str]) -> bool:
    order, asked = words if len(words) == 2 else ("", *words) if len(words) == 1 else ("?", "")
    negated = order.startswith("!")
    order = order.removeprefix("!")
    if negated and not order:
        order = "?"
    if (
        len(asked) > 1
        and asked.startswith("/")
        and asked.endswith("/")
        and order in ("", "=", "==")
    ):
        order, asked = "~", asked[1:-1]
    if order == "~":
        return _matches(asked) is not negated
    match = _NUMBER.fullmatch(asked)
    if order not in _ORDERS or match is None:
        raise ValueError("takes [OPERATOR] VERSION, such as >= 2.4.1; or ~ and an expression")
    return _ORDERS[order](tuple(int(each or 0) for each in match.groups())) is not negated


def _matches(pattern: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.search(pattern, ".".join(map(str, VERSION))) is not None
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
