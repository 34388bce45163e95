"""
The file in which state outlives a process.

It is only ever replaced whole: a process that dies while it writes leaves the file of
before or the new one, never a part. What it replaces stays beside it, as C{FILE.previous}.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from txbalancer.errors import StartError, why

SCHEMA = 2
"""Rises when a version of the program could not read what the next one writes."""

_INDENTS = {1: 1, 2: None}
"""Schema -> how its text is indented, which the checksum is made of."""

_MODE = 0o600
"""The file has the secret of the manager's forms in it."""


@dataclass(frozen=True, slots=True)
class Found:
    """
    What a file held.

    @ivar state: made of JSON's types; C{None} when there was nothing to be had.
    @ivar notes: what went wrong on the way, for people.
    """

    state: Any
    notes: tuple[str, ...] = ()


def encode(state: Any) -> bytes:
    """
    Make the text of a file, with its schema and checksum.

    @param state: made of JSON's types.
    """
    text = json.dumps(state, indent=_INDENTS[SCHEMA], allow_nan=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f'{{"schema": {SCHEMA}, "sha256": "{digest}", "state":\n{text}\n}}\n'.encode()


def decode(data: bytes) -> Any:
    """
    Read what L{encode} made.

    @raise ValueError: saying why it cannot be used.
    """
    try:
        whole = json.loads(data)
        schema, digest, state = whole["schema"], whole["sha256"], whole["state"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError("it is no state of txbalancer, or not all of it") from error
    if type(schema) is not int or schema not in _INDENTS:
        raise ValueError(f"it is of schema {schema!r}, and this version knows 1 to {SCHEMA}")
    try:
        text = json.dumps(state, indent=_INDENTS[schema])
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if digest != hashlib.sha256(text.encode()).hexdigest():
        raise ValueError("its checksum is wrong: it was damaged or edited")
    return state


class StateFile:
    """
    @ivar path: where it is; its folder has to be writable, too.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.previous = f"{path}.previous"
        self.fresh = f"{path}.new"

    def read(self) -> Found:
        """
        Read the state that was written last, or the one before that if it is damaged.

        A damaged file is set aside under another name, to be looked at.
        """
        notes: list[str] = []
        # Without the file itself a replacement was cut short: then the new one, if it is whole.
        for path in (self.path, self.fresh, self.previous):
            if path == self.fresh and notes:
                continue
            try:
                with open(path, "rb") as file:
                    state = decode(file.read())
            except FileNotFoundError:
                continue
            except OSError as error:
                notes.append(f"{path}: {error.strerror}")
            except ValueError as error:
                if path != self.fresh:
                    notes.append(f"{path} cannot be used: {error}; {self._set_aside(path)}")
            else:
                if notes:
                    notes.append(f"the state before that is used, from {path}")
                return Found(state, tuple(notes))
        if notes:
            notes.append("changes made at run time are lost, the configuration alone holds")
        return Found(None, tuple(notes))

    def keep_aside(self) -> str:
        """
        Move away a file that another process wrote, before it is replaced.

        @return: for people, what became of it; empty when there was none.
        """
        if not os.path.lexists(self.path):
            return ""
        return f"{self.path} was there already: {self._set_aside(self.path, 'found')}"

    def _set_aside(self, path: str, why: str = "damaged") -> str:
        aside = f"{self.path}.{why}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
        if path == self.previous:
            aside += "-previous"
        try:
            os.replace(path, aside)
        except OSError as error:
            return f"it stays there: {error.strerror}"
        return f"it is {aside} now"

    def write(self, data: bytes) -> None:
        """
        Replace the file, so that it is on the disk when this returns.

        @raise OSError: when that failed; the file of before is still there.
        """
        descriptor = _make(self.fresh)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        with suppress(FileNotFoundError):
            os.replace(self.path, self.previous)
        os.replace(self.fresh, self.path)
        folder = os.open(os.path.dirname(os.path.abspath(self.path)), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def check(self) -> None:
        """
        Try whether it can be written, without changing it.

        @raise StartError: saying what to do.
        """
        folder = os.path.dirname(os.path.abspath(self.path))
        trial = f"{self.path}.trial"
        try:
            if os.path.isdir(self.path):
                raise IsADirectoryError(21, "Is a directory")
            if os.path.exists(self.path) and not os.path.isfile(self.path):
                # Such as /dev/null, which everybody else would miss, or a pipe.
                raise StartError(
                    f"state {self.path}: it is no regular file: name another,"
                    " or leave `state` empty"
                )
            os.close(_make(trial))
            os.unlink(trial)
        except OSError as error:
            raise StartError(f"state {self.path}: {_remedy(folder, error)}") from error


def _make(path: str) -> int:
    """
    Open a file that nobody else made: neither a link that leads elsewhere, nor one that others
    may read.
    """
    with suppress(FileNotFoundError):
        os.unlink(path)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)


def _remedy(folder: str, error: OSError) -> str:
    """
    Say what to do about a file that cannot be written.
    """
    if isinstance(error, IsADirectoryError):
        return "it is a folder: name a file in it"
    if isinstance(error, FileNotFoundError):
        return (
            f"there is no folder {folder}: make it with `mkdir -p {folder}`, owned by the"
            " service's user (systemd makes one: StateDirectory=), or leave `state` empty"
        )
    return (
        f"{why(error)}: {folder} has to be a folder that the service's user may write;"
        " or leave `state` empty"
    )
