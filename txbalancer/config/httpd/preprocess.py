"""
A file in Apache's syntax, and what it includes, to a tree of what is in force.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.branches import KINDS, Known, holds
from txbalancer.config.httpd.files import Files
from txbalancer.config.httpd.includes import Search
from txbalancer.config.httpd.lexer import Line, fault_of, logical_lines, next_word, split_words
from txbalancer.config.httpd.modules import Modules
from txbalancer.config.httpd.tree import Directive
from txbalancer.config.httpd.variables import Variables
from txbalancer.config.suggest import choose_from

MOST_NESTED = 100
"""Sections within each other."""

_PRAGMA = re.compile(r"#[ \t]*txbalancer:[ \t]*(.*)", re.IGNORECASE)
DEFAULTS = ("modern", "apache")


@dataclass(frozen=True, slots=True)
class Preprocessed:
    """
    What is in force of a file.

    @ivar defaults: whose defaults it asks for, C{apache} or C{modern}.
    """

    tree: tuple[Directive, ...]
    defaults: str


@dataclass(slots=True)
class _Open:
    """
    A section that was begun.

    @ivar counts: whether what is in it counts.
    @ivar children: where its directives go; the list of the section around it for C{<If…>}.
    """

    directive: Directive
    counts: bool
    children: list[Directive] = field(default_factory=list)


def preprocess(
    text: str,
    findings: Findings,
    *,
    lenient: bool = False,
    defines: Iterable[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Preprocessed:
    """
    Read a whole file; what cannot be read is noted and skipped.

    @param text: its content; bytes that are no UTF-8 are there as lone surrogates.
    @param lenient: whether modules that are not here may be loaded.
    @param defines: names for C{<IfDefine>}, as those of Apache's C{-D}.
    @param environ: for C{${NAME}}, the process's own if not given.
    """
    reader = _Reader(
        findings, lenient, Variables(defines, os.environ if environ is None else environ)
    )
    reader.read(text, findings.path)
    reader.tell_modules()
    return Preprocessed(tuple(reader.top), reader.defaults or "apache")


class _Reader:
    __slots__ = (
        "_files",
        "_findings",
        "_given_up",
        "_known",
        "_lenient",
        "_missing_from",
        "_open",
        "_told",
        "defaults",
        "top",
    )

    def __init__(self, findings: Findings, lenient: bool, variables: Variables) -> None:
        # Without ServerRoot, relative paths begin where Apache's default would be: beside the file.
        root = os.path.dirname(os.path.abspath(findings.path))
        self._findings = findings
        self._lenient = lenient
        self._missing_from = ("", 0)
        self._known = Known(variables, Modules(), root)
        self._open: list[_Open] = []
        self._files = Files()
        self._given_up = False
        self._told: set[str] = set()
        self.top: list[Directive] = []
        self.defaults = ""

    # -- files

    def read(self, text: str, path: str) -> None:
        """
        Read one file into the innermost section that is open.
        """
        self._files.enter(path)
        base = len(self._open)
        for line in logical_lines(text):
            if not self._given_up:
                self._take(line, base)
        if not self._given_up:
            for each in reversed(self._open[base:]):
                name = each.directive.name
                self._error(each.directive.line, name, f"is not closed: </{name}> is missing")
        del self._open[base:]
        self._files.leave()

    def _include(self, line: int, name: str, words: list[str]) -> None:
        if len(words) != 1:
            self._error(line, name, "takes one path, in quotes if it has blanks")
            return
        search = Search(words[0], self._known.root)
        missing = () if name.lower() == "includeoptional" else search.missing
        for text in (*missing, *search.faults):
            self._error(line, name, text)
        for path in search.files:
            try:
                self.read(self._files.content(path), path)
            except ValueError as error:
                self._error(line, name, str(error))
            except OverflowError as error:
                self._once(line, name, str(error))

    # -- lines

    def _take(self, line: Line, base: int) -> None:
        if line.is_comment:
            self._comment(line)
            return
        fault = fault_of(line.text) if self._counts else ""
        if fault:
            self._error(line.number, "", fault)
            return
        text = self._text(line)
        name, rest = next_word(text)
        if name.startswith("</"):
            self._close(line.number, name, rest, base)
        elif name.startswith("<"):
            self._begin(line.number, name, rest)
        elif self._counts and name:
            self._plain(line.number, name, rest)
        elif self._counts:
            self._error(line.number, "", "the name of a directive is missing")

    def _text(self, line: Line) -> str:
        text = line.text
        if not self._counts:
            return text
        try:
            return self._known.variables.expand(text, lambda told: self._undefined(line, told))
        except OverflowError as error:
            self._once(line.number, "", str(error))
            return text

    def _undefined(self, line: Line, told: str) -> None:
        self._findings.warn(line.number, "", "", told, self._files.path)

    def _comment(self, line: Line) -> None:
        match = _PRAGMA.match(line.text)
        if match is None or not self._counts:
            return
        words = match[1].lower().split()
        if words[:1] != ["defaults"] or len(words) != 2 or words[1] not in DEFAULTS:
            hint = choose_from(match[1], [f"defaults {each}" for each in DEFAULTS])
            self._error(line.number, "# txbalancer", f"{match[1]!r} is not known{hint}")
        elif any(each.directive.key not in KINDS for each in self._open):
            self._error(line.number, "# txbalancer", "may stand outside of all sections only")
        elif self.defaults and self.defaults != words[1]:
            self._error(line.number, "# txbalancer", f"defaults are {self.defaults} already")
        else:
            self.defaults = words[1]

    def _plain(self, line: int, name: str, text: str) -> None:
        words, closed = split_words(text)
        if not closed:
            self._findings.warn(line, "", name, "a quote is not closed", self._files.path)
        match name.lower():
            case "include" | "includeoptional":
                self._include(line, name, words)
            case "define" | "undefine":
                self._define(line, name, words)
            case "loadmodule":
                self._load(line, name, words)
            case "error":
                self._error(line, name, " ".join(words))
            case key:
                found = Directive(name, tuple(words), text, self._files.path, line)
                if key == "serverroot" and len(words) == 1:
                    self._known = replace(self._known, root=os.path.abspath(words[0]))
                self._siblings.append(found)

    def _define(self, line: int, name: str, words: list[str]) -> None:
        defining = name.lower() == "define"
        if not 1 <= len(words) <= (2 if defining else 1):
            self._error(
                line, name, f"takes NAME{' [VALUE], in quotes if it has blanks' * defining}"
            )
        elif ":" in words[0]:
            self._error(line, name, f"{words[0]}: a name must not have a colon")
        elif defining:
            self._known.variables.define(words[0], words[1] if len(words) == 2 else None)
        else:
            self._known.variables.undefine(words[0])

    def _load(self, line: int, name: str, words: list[str]) -> None:
        if len(words) != 2:
            self._error(line, name, "takes NAME_module and a file")
            return
        modules = self._known.modules
        fault = modules.load(words[0])
        if modules.missing and not self._missing_from[1]:
            self._missing_from = (self._files.path, line)
        if fault and self._lenient:
            self._findings.warn(line, "", name, f"{fault}; left out", self._files.path)
        elif fault:
            self._error(line, name, fault)

    def tell_modules(self) -> None:
        """
        Note which modules of Apache are loaded and not here, all at once.
        """
        missing = ", ".join(dict.fromkeys(self._known.modules.missing))
        if missing:
            path, line = self._missing_from
            text = f"nothing is done here of what these modules are for: {missing}"
            self._findings.warn(line, "", "LoadModule", text, path)

    # -- sections

    def _begin(self, line: int, opening: str, rest: str) -> None:
        name = opening[1:].removesuffix(">")
        whole = opening.endswith(">")
        text, bracket, _ = rest.rpartition(">")
        if not name:
            self._error(line, "", "< without a name: write <Name …>")
            return
        if not bracket and (not whole or rest) and self._counts:
            self._error(line, name, "the closing > is missing")
        text = (text if bracket else rest).strip()
        words, closed = split_words(text)
        if not closed and self._counts:
            self._findings.warn(line, "", name, "a quote is not closed", self._files.path)
        directive = Directive(name, tuple(words), text, self._files.path, line, ())
        if len(self._open) >= MOST_NESTED:
            self._error(line, name, f"sections are nested more than {MOST_NESTED} deep")
            self._given_up = True
            return
        self._open.append(self._section(directive))

    def _section(self, directive: Directive) -> _Open:
        key = directive.key
        if not self._counts:
            return _Open(directive, counts=False)
        if key == "macro":
            self._siblings.append(directive)
            return _Open(directive, counts=False)
        if key not in KINDS:
            return _Open(directive, counts=True)
        try:
            counts = holds(key, directive.text, self._known)
        except ValueError as error:
            self._error(directive.line, directive.name, str(error))
            counts = False
        self._tell_left(directive, counts)
        return _Open(directive, counts, self._siblings)

    def _tell_left(self, directive: Directive, counts: bool) -> None:
        if directive.key != "ifmodule" or counts or len(directive.args) != 1:
            return
        (name,) = directive.args
        if self._known.modules.is_left(name):
            self._findings.warn(
                directive.line,
                "",
                directive.name,
                f"no LoadModule above loads {name}: the section is left out",
                self._files.path,
            )

    def _close(self, line: int, closing: str, rest: str, base: int) -> None:
        name = closing[2:].removesuffix(">")
        if not closing.endswith(">"):
            self._error(line, f"</{name}", "the closing > is missing")
        depth = len(self._open)
        fits = [each.directive.key == name.lower() for each in self._open[base:]]
        if depth == base or not any(fits):
            opened = f"; <{self._open[-1].directive.name}> is open" if depth > base else ""
            self._error(line, f"</{name}>", f"without <{name}>{opened}")
            return
        while not fits.pop():
            wrong = self._open.pop().directive
            self._error(
                line, f"</{name}>", f"</{wrong.name}> of line {wrong.line} is expected before"
            )
        self._end()

    def _end(self) -> None:
        ended = self._open.pop()
        if ended.counts and ended.directive.key not in KINDS:
            self._siblings.append(replace(ended.directive, children=tuple(ended.children)))

    # -- where we are

    @property
    def _counts(self) -> bool:
        return not self._open or self._open[-1].counts

    @property
    def _siblings(self) -> list[Directive]:
        return self._open[-1].children if self._open else self.top

    def _error(self, line: int, name: str, text: str) -> None:
        self._findings.error(line, "", name, text, self._files.path)

    def _once(self, line: int, name: str, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._error(line, name, text)
