r"""
Text in Apache's syntax to logical lines, and lines to words.

A backslash right before a line's end joins it with the next, in comments too. A line whose
first character is C{#} is a comment; later in a line C{#} has no meaning. A word may stand in
double or single quotes; within them, C{\} before the quote or another C{\} is left out.
Tried out on Apache 2.4.71.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

BLANKS = " \t\v\f\r\n"
_NO_TEXT = re.compile("[\ud800-\udfff]")
_BLANK = re.compile(r"[ \t\v\f\r\n]*")
_UNQUOTED = re.compile(r"(?P<word>[^ \t\v\f\r\n]*)(?P<end>)")
_QUOTED = {
    '"': re.compile(r'"(?P<word>(?:\\["\\]|[^"])*+)(?P<end>"?)'),
    "'": re.compile(r"'(?P<word>(?:\\['\\]|[^'])*+)(?P<end>'?)"),
}
_ESCAPED = {'"': re.compile(r'\\(["\\])'), "'": re.compile(r"\\(['\\])")}
_BACKSLASHES = re.compile(r"\\(\\)")


@dataclass(frozen=True, slots=True)
class Line:
    """
    A line with what was continued joined to it, without blanks at its ends.

    @ivar number: 1-based, where it begins.
    """

    number: int
    text: str

    @property
    def is_comment(self) -> bool:
        """
        Tell whether the whole line is a comment.
        """
        return self.text.startswith("#")


def logical_lines(text: str) -> Iterator[Line]:
    """
    Yield the lines of a file that are not empty, comments among them.
    """
    parts: list[str] = []
    start = 1
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = line.removesuffix("\r")
        if line.endswith("\\"):
            parts.append(line[:-1])
            continue
        parts.append(line)
        joined = "".join(parts).strip(BLANKS)
        if joined:
            yield Line(start, joined)
        parts.clear()
        start = number + 1
    joined = "".join(parts).strip(BLANKS)
    if joined:
        yield Line(start, joined)


def fault_of(text: str) -> str:
    """
    Say what makes a line unreadable: bytes that are no text; empty when nothing does.
    """
    if "\0" in text:
        return "there is a zero byte in the line"
    found = None if text.isascii() else _NO_TEXT.search(text)
    # As `surrogateescape` decodes them.
    return f"byte 0x{ord(found[0]) & 0xFF:02x} is not UTF-8 text" if found else ""


def next_word(text: str) -> tuple[str, str]:
    """
    Take the first word off a text.

    @return: the word without its quotes, and the rest without blanks before it.
    """
    word, end, _ = _take(text, _skip(text, 0))
    return word, text[_skip(text, end) :]


def split_words(text: str) -> tuple[list[str], bool]:
    """
    Split a text into words.

    @return: the words, and whether every quote is closed. Apache reads an open one to the end.
    """
    found: list[str] = []
    closed = True
    place = _skip(text, 0)
    while place < len(text):
        word, place, whole = _take(text, place)
        found.append(word)
        closed = closed and whole
        place = _skip(text, place)
    return found, closed


def _skip(text: str, place: int) -> int:
    match = _BLANK.match(text, place)
    assert match is not None  # it matches nothing too
    return match.end()


def _take(text: str, place: int) -> tuple[str, int, bool]:
    quote = text[place : place + 1]
    match = _QUOTED.get(quote, _UNQUOTED).match(text, place)
    assert match is not None  # a quoted word was begun, the other may be empty
    inner = match["word"]
    word = _ESCAPED.get(quote, _BACKSLASHES).sub(r"\1", inner) if "\\" in inner else inner
    return word, match.end(), quote not in _QUOTED or bool(match["end"])
