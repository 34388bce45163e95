"""
What a probe and a member said to each other, written down for people.
"""

from __future__ import annotations

MOST = 4096
"""Characters that a transcript has at most."""

MOST_HEAD = 2048
"""Bytes of an answer's head that are shown, and of the request."""

MOST_BODY = 512
"""Bytes of an answer's body that are shown, as they came: chunks have their lengths."""

_SECRETS = frozenset({"authorization", "cookie", "proxy-authorization", "set-cookie"})
_HIDDEN = "(hidden)"


class Transcript:
    """
    Takes notes while a probe runs, as cheaply as can be; L{text} makes lines of them.

    Lines with C{>} were sent, those with C{<} received, and those with C{*} tell what happened
    and how long after the start.
    """

    __slots__ = ("_began", "_kept", "_notes", "_received")

    def __init__(self, began: float) -> None:
        """
        @param began: when the probe did, in seconds of any clock.
        """
        self._began = began
        self._notes: list[tuple[str, float, bytes | str]] = []
        self._received = self._kept = 0

    def note(self, words: str, now: float) -> None:
        """
        Note that something happened.
        """
        self._notes.append(("*", now, words))

    def sent(self, data: bytes, now: float) -> None:
        """
        Note what was said to the member.
        """
        self._notes.append((">", now, data[:MOST_HEAD]))

    def received(self, data: bytes, now: float) -> None:
        """
        Note what the member said.
        """
        if not self._received:
            self.note("the answer begins", now)
        self._received += len(data)
        left = MOST_HEAD + MOST_BODY - self._kept
        if left > 0:
            self._kept += len(data[:left])
            self._notes.append(("<", now, data[:left]))

    def text(self) -> str:
        """
        Return the lines, in the order of what happened.
        """
        lines: list[str] = []
        answer: list[bytes] = []
        for kind, at, what in self._notes:
            if isinstance(what, str):
                if answer:
                    lines += self._answer(answer)
                    answer = []
                lines.append(f"* {(at - self._began) * 1000:.1f} ms: {printable(what)}")
            elif kind == "<":
                answer.append(what)
            else:
                lines += _head_lines(">", what)
        if answer:
            lines += self._answer(answer)
        text = "\n".join(lines)
        return text if len(text) <= MOST else f"{text[: MOST - 2]}\n\N{HORIZONTAL ELLIPSIS}"

    def _answer(self, parts: list[bytes]) -> list[str]:
        data = b"".join(parts)
        head, end, body = data.partition(b"\r\n\r\n")
        lines = _head_lines("<", head[:MOST_HEAD] + end)
        if body:
            shown = body[:MOST_BODY].decode("utf-8", "replace")
            lines += [f"< {_line(each)}".rstrip() for each in shown.splitlines()]
        left_out = self._received - len(head[:MOST_HEAD] + end + body[:MOST_BODY])
        if left_out:
            lines.append(f"< ({left_out} bytes more)")
        return lines


def _head_lines(mark: str, head: bytes) -> list[str]:
    text = head.decode("latin-1").replace("\r\n", "\n").removesuffix("\n")
    return [f"{mark} {_line(each)}".rstrip() for each in text.split("\n")]


def _line(line: str) -> str:
    """
    Return a line of a head to be shown; what only the member may know is left out.
    """
    name, colon, _ = line.partition(":")
    if colon and name.strip().lower() in _SECRETS:
        return f"{name}: {_HIDDEN}"
    return printable(line)


def printable(text: str) -> str:
    """
    Return a text in which everything can be seen and nothing moves a terminal's cursor.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
