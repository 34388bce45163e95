"""
Changes of header lines that a configuration asks for: Apache's C{Header} and C{RequestHeader}.

Here they are read and written; L{editor<txbalancer.core.editor>} makes them.
Source: httpd 2.4 C{mod_headers}, in meaning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from txbalancer.core import values
from txbalancer.core.patterns import compile_pattern
from txbalancer.core.variables import parse_text, variable

ACTIONS = ("set", "setifempty", "append", "merge", "add", "unset", "edit", "edit*")

_MISSING = {
    "echo": "request headers are not copied into answers",
    "note": "there are no notes that a header could go to",
}
_FRAMING = frozenset(("content-length", "transfer-encoding", "upgrade", "expect"))
_OF_ONE_CONNECTION = frozenset(
    ("connection", "keep-alive", "proxy-connection", "te", "trailer", "proxy-authenticate")
)


@dataclass(frozen=True, slots=True)
class HeaderEdit:
    """
    One change of a head.

    @ivar action: one of L{ACTIONS}.
    @ivar name: of the header, spelled as it is to be sent.
    @ivar value: with C{%{NAME}e}, C{%{NAME}s}, C{%t}, C{%D} and C{%%}; empty for C{unset};
        for C{edit} what stands in for the pattern, with C{$1} for its groups.
    @ivar always: whether it is for lines that answers made here have too. They are apart from
        the lines of members' answers, as in Apache.
    @ivar env: a variable that must be set, as C{NAME}, or must not be, as C{!NAME}; empty = always.
    @ivar pattern: regular expression of C{edit}, which replaces its first match, and C{edit*}.
    """

    action: str
    name: str
    value: str = ""
    always: bool = False
    env: str = ""
    pattern: str = ""


def split_words(text: str) -> list[str]:
    """
    Split a line into words as Apache does: a word may be in quotes, with C{\\} before
    quotes and backslashes within.

    @raise ValueError: for a quote that is not closed.
    """
    words = []
    rest = text.strip()
    while rest:
        quote = rest[0] if rest[0] in "\"'" else ""
        if quote:
            found = _QUOTED[quote].match(rest)
            if found is None:
                raise ValueError(f"{text!r}: a quote is not closed")
            word = found[1]
        else:
            found = _BARE.match(rest)
            assert found is not None, "there is a character that is no blank"
            word = found[0]
        words.append(re.sub(rf"\\([\\{quote}])", r"\1", word))
        rest = rest[found.end() :].lstrip()
    return words


_QUOTED = {quote: re.compile(rf"{quote}((?:\\[\\{quote}]|[^{quote}])*+){quote}") for quote in "\"'"}
_BARE = re.compile(r"\S+", re.ASCII)


def quoted(word: str) -> str:
    """
    Write a word so that L{split_words} reads it.
    """
    if re.fullmatch(r"[^\s\"'\\]+", word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def show_edit(edit: HeaderEdit) -> str:
    """
    Write a change in the form that L{edit} reads.
    """
    words = ["always"] if edit.always else []
    words += [edit.action, edit.name]
    if edit.pattern:
        words.append(quoted(edit.pattern))
    if edit.action != "unset":
        words.append(quoted(edit.value))
    if edit.env:
        words.append(f"env={edit.env}")
    return " ".join(words)


@values.kind(
    "[always] set|setifempty|append|merge|add|unset|edit|edit* NAME [PATTERN] [VALUE]"
    " [env=[!]VARIABLE]",
    show_edit,
)
def edit(text: str) -> HeaderEdit:
    """
    Read one change, as after Apache's C{Header}.
    """
    words = split_words(text)
    always = False
    if words and words[0].lower() in ("always", "onsuccess"):
        always = words.pop(0).lower() == "always"
    action = _action(words.pop(0) if words else "")
    name = _name(words.pop(0) if words else "", action)
    wanted = {"unset": 0, "edit": 2, "edit*": 2}.get(action, 1)
    env = _env(words.pop()) if len(words) > wanted else ""
    if len(words) != wanted:
        what = ("NAME only", "NAME and VALUE (in quotes if it has blanks)", "NAME PATTERN VALUE")
        raise ValueError(f"{action} takes {what[wanted]}, then env=VARIABLE if wanted: {text!r}")
    pattern = words.pop(0) if wanted == 2 else ""
    value = words[0] if words else ""
    _check(value, pattern, action)
    return HeaderEdit(action, name, value, always, env, pattern)


edits = values.each_line(edit)


def _action(word: str) -> str:
    lower = word.lower()
    if lower in ACTIONS:
        return lower
    if lower in _MISSING:
        raise ValueError(f"{lower} is not available: {_MISSING[lower]}")
    close = get_close_matches(lower, ACTIONS, 1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise ValueError(f"{word!r} is no action{hint}: use {', '.join(ACTIONS)}")


def _name(word: str, action: str) -> str:
    name = values.token(word.removesuffix(":"))
    lower = name.lower()
    if lower in _FRAMING or (lower in _OF_ONE_CONNECTION and action != "unset"):
        raise ValueError(
            f"{name} concerns one connection and its messages, and is made for each: leave it out"
        )
    return name


def _env(word: str) -> str:
    """
    Read the condition at the end of a line.
    """
    lower = word.lower()
    if lower == "early":
        raise ValueError("early is for tests of Apache itself and not available: leave it out")
    if lower.startswith("expr="):
        raise ValueError("expr= is not available: use env=, or a mount with conditions")
    if not lower.startswith("env="):
        raise ValueError(f"{word!r} must be env=VARIABLE, or in quotes with the word before it")
    variable(word[4:].removeprefix("!"))
    return word[4:]


def _check(value: str, pattern: str, action: str) -> None:
    for text in (value, pattern):
        if any((ord(char) < 32 and char != "\t") or ord(char) == 127 for char in text):
            raise ValueError(f"{text!r} has a control character")
    if value.lower().startswith("expr="):
        raise ValueError("expr= is not available: use %{NAME}e in the value")
    parse_text(value)
    if action in ("edit", "edit*"):
        groups = compile_pattern(pattern).groups
        most = max((int(number) for number in re.findall(r"\$(\d)", value)), default=0)
        if not pattern or most > groups:
            raise ValueError(f"{value!r}: the pattern {pattern!r} has only {groups} groups")
