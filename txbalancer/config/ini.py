r"""
INI text to sections that know their lines.

C{[kind]} or C{[kind:label]} starts a section, C{key = value} an entry. Lines indented
deeper than their key go on with its value. C{;} and C{#} start a comment line; C{;} after
white space starts a comment at the end of a line, and C{\;} there is a plain semicolon. In
a line that goes on with a value, C{\#} at the start is a plain number sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from txbalancer.config.findings import Findings

BLANKS = " \t"
_COMMENT = re.compile(r"(?:^|[ \t]);.*", re.DOTALL)
_ESCAPED = re.compile(r"((?:^|[ \t])\\*)\\;")
_ESCAPABLE = re.compile(r"((?:^|[ \t])\\*);")
_ESCAPED_SIGN = re.compile(r"(\\*)\\#")
_ESCAPABLE_SIGN = re.compile(r"(\\*)#")
_HEADER = re.compile(r"\[[ \t]*([A-Za-z-]+)[ \t]*(?::(.*))?\]", re.DOTALL)
_KEY = re.compile(r"[\w.-]+[ \t]*=")
_SECTION_WITHIN = re.compile(
    r"\[(?:txbalancer|(?:listener|balancer|mount|log|limit|hctemplate):.*)\]"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """
    A key with its value.

    @ivar key: in lower case, except for the NAME of C{query.NAME}.
    @ivar line: where the key stands.
    @ivar lines: the (line number, text) pairs of the value, none of them empty.
    """

    key: str
    line: int
    lines: list[tuple[int, str]]

    @property
    def value(self) -> str:
        """
        The value as one text.
        """
        return " ".join(text for _, text in self.lines)


@dataclass(frozen=True, slots=True)
class Section:
    """
    A section: what kind of thing it describes, and under which label.
    """

    kind: str
    label: str
    line: int
    entries: dict[str, Entry] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """
        The section's name as it stands between the brackets.
        """
        return f"{self.kind}:{self.label}" if self.label else self.kind

    def line_of(self, key: str) -> int:
        """
        Return where a key stands, or the section's own line when it is not there.
        """
        return self.entries[key].line if key in self.entries else self.line


def read_sections(text: str, findings: Findings) -> list[Section]:
    """
    Read a whole file; what cannot be read is noted and skipped.
    """
    reader = _Reader(findings)
    for number, line in _meaningful(text):
        reader.take(number, line)
    return reader.sections


def is_ini(text: str) -> bool:
    """
    Tell whether a file is INI rather than in Apache's syntax, by its first line with a meaning.

    One without such a line counts as INI.
    """
    for _, line in _meaningful(text):
        line = line.strip(BLANKS)
        return line.startswith("[") or _KEY.match(line) is not None
    return True


def escape(value: str) -> str:
    """
    Write a value so that no part of it is read as a comment.
    """
    return _ESCAPABLE.sub(r"\1\\;", value)


def escape_line(value: str) -> str:
    """
    Write one line of a value that has several, so that it is not read as a comment.
    """
    match = _ESCAPABLE_SIGN.match(value)
    return escape(f"{match[1]}\\{value[match.end(1) :]}" if match else value)


def _meaningful(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = line.removesuffix("\r")
        if line.lstrip(BLANKS)[:1] not in ("", ";", "#"):
            yield number, line


def _clean(text: str) -> str:
    text = text.strip(BLANKS)
    return _ESCAPED.sub(r"\1;", _COMMENT.sub("", text).rstrip(BLANKS))


def _fold(key: str) -> str:
    # Names of query parameters are case-sensitive, everything else is not.
    return "query." + key[6:] if key.lower().startswith("query.") else key.lower()


class _Reader:
    __slots__ = ("_entry", "_findings", "_indent", "_seen", "_skipping", "sections")

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.sections: list[Section] = []
        self._seen: dict[tuple[str, str], int] = {}
        self._entry: Entry | None = None
        self._indent = 0
        self._skipping = False

    def take(self, number: int, line: str) -> None:
        """
        Take the next line that is neither empty nor a comment.
        """
        indent = len(line) - len(line.lstrip(BLANKS))
        text = line.strip(BLANKS)
        if self._entry is not None and indent > self._indent:
            self._continue(number, text, self._entry)
        elif text.startswith("["):
            self._open(number, text)
        elif not self.sections and not self._skipping:
            what = "a key before the first section"
            self._findings.error(number, "", "", f"{what}; begin with a section: [listener:NAME]")
            self._skipping = True
            self._indent = indent
            self._set(number, text)
        else:
            self._indent = indent
            self._set(number, text)

    def _continue(self, number: int, text: str, entry: Entry) -> None:
        text = _clean(text)
        match = _ESCAPED_SIGN.match(text)
        text = match[1] + text[match.end() - 1 :] if match else text
        if _SECTION_WITHIN.fullmatch(text):
            section = "" if self._skipping else self.sections[-1].title
            self._findings.error(
                number,
                section,
                entry.key,
                f"the indented line goes on with this value; write {text} without indentation",
            )
        else:
            entry.lines.append((number, text))

    def _open(self, number: int, text: str) -> None:
        self._entry = None
        self._skipping = True
        text = _clean(text)
        match = _HEADER.fullmatch(text)
        if match is None:
            wanted = "[KIND] or [KIND:NAME]" if text.endswith("]") else "a closing ]"
            self._findings.error(number, "", "", f"{text!r} is no section: {wanted} is expected")
            return
        section = Section(match[1].lower(), (match[2] or "").strip(BLANKS), number)
        # Labels of mounts are paths; all others are names.
        folded = section.label if section.kind == "mount" else section.label.lower()
        first = self._seen.setdefault((section.kind, folded), number)
        if first != number:
            remedy = "; give it another label and `path =`" if section.kind == "mount" else ""
            self._findings.error(
                number, section.title, "", f"the section is there already, in line {first}{remedy}"
            )
            return
        self._skipping = False
        self.sections.append(section)

    def _set(self, number: int, text: str) -> None:
        self._entry = None
        key, equals, value = text.partition("=")
        entry = Entry(_fold(key.strip(BLANKS)), number, [])
        # The blanks after = matter: `= ;` is an empty value and a comment, `=;` a semicolon.
        value = _clean("=" + value)[1:].strip(BLANKS) if equals else ""
        if value:
            entry.lines.append((number, value))
        if self._skipping:
            self._entry = entry
            return
        section = self.sections[-1]
        if not equals or not entry.key:
            self._findings.error(
                number, section.title, "", f"{_clean(text)!r} is not of the form key = value"
            )
            return
        first = section.entries.setdefault(entry.key, entry)
        if first is not entry:
            self._findings.error(
                number, section.title, entry.key, f"the key is there already, in line {first.line}"
            )
        self._entry = entry
