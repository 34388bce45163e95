"""
What values look like in lines of a log: escaped, and made once for those that come again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TypeVar

Quote = Callable[[bytes], bytes]
Key = TypeVar("Key")

PLAIN = bytes(code for code in range(0x20, 0x7F) if code not in b'"\\')
"""Characters that need no escape in any format."""

SUSPECT = bytes(code if code in PLAIN else ord("?") for code in range(256))
"""To be translated with: what is no plain character is another one then."""

_APACHE_ESCAPES = {
    code: f"\\{chr(code)}" if chr(code) in '"\\' else f"\\x{code:02x}"
    for code in range(256)
    if code not in PLAIN
} | {8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 13: "\\r"}


def escape(value: bytes) -> bytes:
    """
    Escape quotes, backslashes and everything unprintable as Apache does in its logs.
    """
    return value.decode("latin-1").translate(_APACHE_ESCAPES).encode("ascii")


def escape_json(value: bytes) -> bytes:
    """
    Escape for the inside of a JSON string; bytes that are no UTF-8 stay readable as C{\\xhh}.
    """
    return json.dumps(value.decode("utf-8", "backslashreplace"))[1:-1].encode("ascii")


def skeleton(template: bytes) -> bytes:
    """
    Return what a line of this template holds beside plain characters.
    """
    return re.sub(rb"%(?:0?\d?d|\.\df|[b%])", b"", template).translate(None, PLAIN)


def fill(template: bytes, values: tuple[object, ...], expected: bytes, quote: Quote) -> bytes:
    """
    Put the values into the template, escaped when any of them needs it.

    What a line holds beside plain characters is known beforehand: the quotes and escapes of
    the format itself. If there is anything more, a value brought it in.

    @param expected: L{skeleton} of the template.
    """
    line = template % values
    if line.translate(None, PLAIN) == expected:
        return line
    return template % tuple([quote(each) if type(each) is bytes else each for each in values])


class Texts(dict[Key, bytes]):
    """
    The texts of values: the subscript of a value that came before costs a look-up, and the
    first one a call.

    Whatever clients send may become a key, so that all are forgotten when they are too many.
    """

    __slots__ = ("_left", "_most", "_write")

    _OVERHEAD = 300

    def __init__(self, write: Callable[[Key], bytes], most: int = 1024 * 1024) -> None:
        """
        @param write: makes the text of a value.
        @param most: bytes of memory, about.
        """
        super().__init__()
        self._write = write
        self._left = self._most = most

    def __missing__(self, value: Key) -> bytes:
        text = self._write(value)
        # A text is hardly shorter than its value.
        cost = 2 * len(text) + self._OVERHEAD
        self._left -= cost
        if self._left < 0:
            self.clear()
            self._left = self._most - cost
        self[value] = text
        return text
