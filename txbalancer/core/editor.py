"""
Header edits at work: those of a mount, compiled once.

Source: httpd 2.4 C{mod_headers}, in meaning. Edits of requests come before a member is
elected and before X-Forwarded-For and the like are added; edits of answers come last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Protocol

from txbalancer.core.edits import HeaderEdit
from txbalancer.core.headers import FORWARDING
from txbalancer.core.patterns import compile_pattern
from txbalancer.core.request import Request
from txbalancer.core.variables import Facts, Part, fill, parse_text, variable

_REFERENCE = re.compile(rb"\$(\d)")

Change = Callable[[list[bytes], Facts], None]
"""Changes header lines in place."""


def compile_edit(edit: HeaderEdit) -> Change:
    """
    Make the change of one edit.
    """
    change = _MAKERS[edit.action](edit)
    if not edit.env:
        return change
    defined = variable(edit.env.removeprefix("!"))
    wanted = not edit.env.startswith("!")

    def conditional(lines: list[bytes], facts: Facts) -> None:
        if (defined(facts) is not None) is wanted:
            change(lines, facts)

    return conditional


class AnswerEditor:
    """
    The edits of answers.

    Lines of C{always} are apart from those of a member's answer: they come first, on
    answers made here too, and do not see what the member said.
    """

    __slots__ = ("_always", "_member")

    def __init__(self, edits: Iterable[HeaderEdit]) -> None:
        edits = tuple(edits)
        self._always = tuple(compile_edit(each) for each in edits if each.always)
        self._member = tuple(compile_edit(each) for each in edits if not each.always)

    def edit(self, lines: list[bytes], facts: Facts, member: bool) -> list[bytes]:
        """
        Return the header lines of an answer as they are to be.

        @param lines: without framing; used up.
        @param member: whether the answer is a member's.
        """
        always: list[bytes] = []
        for change in self._always:
            change(always, facts)
        if member:
            for change in self._member:
                change(lines, facts)
        return always + lines


def answer_editor(edits: Iterable[HeaderEdit]) -> AnswerEditor | None:
    """
    Make the editor of a mount's answers; C{None} when there is nothing to edit.
    """
    edits = tuple(edits)
    return AnswerEditor(edits) if edits else None


class EditableRequest(Request, Protocol):
    """
    The head of a request whose header lines can be replaced.

    @ivar lines: those that are passed on.
    @ivar noted: lower-case name -> value of those that matter here.
    """

    lines: list[bytes]
    noted: dict[bytes, bytes]


_READ = FORWARDING | {b"host", b"cookie", b"referer", b"user-agent"}
"""Names whose values are noted; but for the last three their lines are made anew."""
_MADE = {name: name.title() + b": " for name in sorted(FORWARDING)}


class RequestEditor:
    """
    The edits of requests. What follows, as sessions and logs, sees the edited request;
    the choice of the mount came before, and answers go to the Host that was asked for.
    """

    __slots__ = ("_changes", "_own_proto")

    def __init__(self, edits: Iterable[HeaderEdit], addproto: bool) -> None:
        """
        @param addproto: whether the client's X-Forwarded-Proto is not to be believed.
        """
        self._changes = tuple(map(compile_edit, edits))
        self._own_proto = addproto

    def edit(self, request: EditableRequest, facts: Facts) -> None:
        """
        Change the header lines of a request, and what is noted of them.
        """
        noted = request.noted
        if self._own_proto:
            noted[b"x-forwarded-proto"] = b"https" if request.peer.secure else b"http"
        lines = [b"Host: " + request.host] if request.host else []
        lines += [_MADE[name] + noted[name] for name in _MADE if name in noted]
        lines += request.lines
        for change in self._changes:
            change(lines, facts)
        for name in _READ:
            noted.pop(name, None)
        kept = []
        for line in lines:
            name, _, value = line.partition(b":")
            key = name.lower()
            if key in _READ:
                value = value.strip(b" \t")
                joint = b"; " if key == b"cookie" else b", "
                noted[key] = noted[key] + joint + value if key in noted else value
            if key not in _MADE and key != b"host":
                kept.append(line)
        request.lines = kept


# -- the actions


def _value(edit: HeaderEdit) -> tuple[bytes, tuple[Part, ...]]:
    return edit.name.encode() + b": ", parse_text(edit.value)


def _set(edit: HeaderEdit) -> Change:
    start, parts = _value(edit)

    def change(lines: list[bytes], facts: Facts) -> None:
        places = _places(lines, start)
        line = start + fill(parts, facts)
        if places:
            lines[places[0]] = line
            for place in reversed(places[1:]):
                del lines[place]
        else:
            lines.append(line)

    return change


def _setifempty(edit: HeaderEdit) -> Change:
    start, parts = _value(edit)

    def change(lines: list[bytes], facts: Facts) -> None:
        if not _places(lines, start):
            lines.append(start + fill(parts, facts))

    return change


def _add(edit: HeaderEdit) -> Change:
    start, parts = _value(edit)

    def change(lines: list[bytes], facts: Facts) -> None:
        lines.append(start + fill(parts, facts))

    return change


def _append(edit: HeaderEdit) -> Change:
    start, parts = _value(edit)
    merges = edit.action == "merge"

    def change(lines: list[bytes], facts: Facts) -> None:
        places = _places(lines, start)
        value = fill(parts, facts)
        if not places:
            lines.append(start + value)
            return
        there = lines[places[0]]
        if not (merges and value in list_items(there.partition(b":")[2])):
            lines[places[0]] = there + b", " + value

    return change


def _unset(edit: HeaderEdit) -> Change:
    start = edit.name.encode() + b": "

    def change(lines: list[bytes], facts: Facts) -> None:
        for place in reversed(_places(lines, start)):
            del lines[place]

    return change


def _edit(edit: HeaderEdit) -> Change:
    start, parts = _value(edit)
    pattern = compile_pattern(edit.pattern)
    most = 1 if edit.action == "edit" else 0

    def change(lines: list[bytes], facts: Facts) -> None:
        places = _places(lines, start)
        if not places:
            return
        # A value of a variable has no groups in it, whatever it looks like.
        pieces = [(isinstance(part, bytes), fill((part,), facts)) for part in parts]

        def replacement(match: re.Match[bytes]) -> bytes:
            return b"".join(
                _REFERENCE.sub(lambda found: match[int(found[1])] or b"", piece)
                if constant
                else piece
                for constant, piece in pieces
            )

        for place in places:
            name, _, value = lines[place].partition(b":")
            lines[place] = name + b": " + pattern.sub(replacement, value.strip(b" \t"), most)

    return change


_MAKERS: dict[str, Callable[[HeaderEdit], Change]] = {
    "set": _set,
    "setifempty": _setifempty,
    "add": _add,
    "append": _append,
    "merge": _append,
    "unset": _unset,
    "edit": _edit,
    "edit*": _edit,
}


def _places(lines: list[bytes], start: bytes) -> list[int]:
    """
    Find the lines of a header.

    @param start: its name, a colon and a blank.
    """
    size = len(start) - 1
    lower = start[:size].lower()
    return [place for place, line in enumerate(lines) if line[:size].lower() == lower]


_ITEM = re.compile(rb'(?:"(?:\\.|[^"\\])*+(?:"|\\?\Z)|[^,"])+', re.DOTALL)


def list_items(value: bytes) -> list[bytes]:
    """
    Split a value at its commas, but not at those in quotes, the last of which may be missing.
    """
    return [item.strip(b" \t") for item in _ITEM.findall(value)]
