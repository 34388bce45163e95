"""
Pages in the notation of C{man}.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

from txbalancer import __version__

# Of the version that __version__ names: pages must not change by being made again.
_DATE = "2026-11-21"
_SPECIAL = str.maketrans(
    {"\\": "\\e", "-": "\\-", "'": "\\(aq", "^": "\\(ha", "~": "\\(ti", "`": "\\(ga"}
)
_WRAPPER = textwrap.TextWrapper(72, break_long_words=False, break_on_hyphens=False)
_MARKUP = re.compile(r"``(.+?)``|:doc:`([^`]+)`", re.DOTALL)


class Page:
    """
    A page of the manual that grows from its head to its end.
    """

    def __init__(self, name: str, section: int, about: str) -> None:
        """
        @param name: what the page describes.
        @param section: 1 for commands, 5 for files.
        @param about: one line for C{apropos}.
        """
        self._lines = [
            '.\\" Made by `python -m txbalancer.manpages`; edits here are lost.',
            f'.TH {name.upper()} {section} {_DATE} "txbalancer {__version__}"',
        ]
        self.section("NAME")
        self._lines.append(f"{escaped(name)} \\- {escaped(about)}")

    def section(self, title: str) -> None:
        """
        Begin a section.
        """
        self._lines.append(f'.SH "{title.translate(_SPECIAL)}"')

    def subsection(self, title: str) -> None:
        """
        Begin a part of a section.
        """
        self._lines.append(f'.SS "{title.translate(_SPECIAL)}"')

    def text(self, text: str) -> None:
        """
        Add reStructuredText: paragraphs, lists, literal blocks and literals are understood.
        """
        literal = False
        for block in re.split(r"\n{2,}", text.strip("\n")):
            if literal and block.startswith("    "):
                self.literal(line[4:] for line in block.splitlines())
            elif block.startswith("- "):
                self._list(block)
            else:
                self._lines += self._follows(".PP", block.removesuffix(" ::"))
            literal = block.endswith("::") or (literal and block.startswith("    "))

    def item(self, term: str, text: str) -> None:
        """
        Add a term with what it means.
        """
        self._lines += [".TP", bold(term), *self._broken(marked(text))]

    def literal(self, lines: Iterable[str]) -> None:
        """
        Add lines that stay as they are.
        """
        self._lines += [*self._begun(".PP"), ".RS 4", ".nf", *map(escaped, lines), ".fi", ".RE"]

    def __str__(self) -> str:
        """
        Return the page.
        """
        return "\n".join(self._lines) + "\n"

    def _list(self, block: str) -> None:
        for each in re.split(r"\n?^- ", block, flags=re.MULTILINE)[1:]:
            self._lines += self._follows(".IP • 2", each)

    def _follows(self, macro: str, text: str) -> list[str]:
        return [*self._begun(macro), *self._broken(marked(text))]

    def _begun(self, macro: str) -> list[str]:
        # Right behind a heading a paragraph begins by itself.
        begun = macro == ".PP" and self._lines[-1].startswith((".SH", ".SS"))
        return [] if begun else [macro]

    def _broken(self, text: str) -> list[str]:
        # Each sentence on its line: roff then leaves the room that goes with its end.
        sentences = re.split(r"(?<=[.:?]) (?=[A-Z])", text)
        return [_guarded(line) for each in sentences for line in _WRAPPER.wrap(each)]


def escaped(text: str) -> str:
    """
    Return text of which nothing means anything to roff.
    """
    return _guarded(text.translate(_SPECIAL))


def bold(text: str) -> str:
    """
    Return text as it is to be typed.
    """
    return f"\\fB{text.translate(_SPECIAL)}\\fR"


def marked(text: str) -> str:
    """
    Return a paragraph of reStructuredText.
    """
    parts = []
    for index, part in enumerate(_MARKUP.split(" ".join(text.split()))):
        if part is not None:
            parts.append((_prose, bold, _page)[index % 3](part))
    return "".join(parts)


def _prose(text: str) -> str:
    return text.replace("\\ ", "").translate(_SPECIAL)


def _page(name: str) -> str:
    return f"the manual on {name}"


def _guarded(line: str) -> str:
    return f"\\&{line}" if line.startswith(".") else line
