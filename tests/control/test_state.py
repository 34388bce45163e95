"""
The file in which state outlives a process.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from txbalancer.control.state import Found, StateFile, decode, encode
from txbalancer.errors import StartError

OLD, NEW = {"a": [1, None, "ä"]}, {"a": [2, True, 0.1]}


@pytest.fixture
def file(tmp_path: Path) -> StateFile:
    """
    Return a file that is not there yet.
    """
    return StateFile(str(tmp_path / "state.json"))


def test_what_is_written_is_read(file: StateFile, tmp_path: Path) -> None:
    """
    The latest counts, the one before stays beside it, and nothing else is left.
    """
    assert file.read().state is None
    file.write(encode(OLD))
    file.write(encode(NEW))
    assert file.read() == Found(NEW)
    assert decode(Path(file.previous).read_bytes()) == OLD
    assert sorted(each.name for each in tmp_path.iterdir()) == ["state.json", "state.json.previous"]


def test_only_the_owner_may_read_it(file: StateFile) -> None:
    """
    The secret of the manager's forms is in it.
    """
    file.write(encode(NEW))
    assert os.stat(file.path).st_mode & 0o777 == 0o600


STEPS = ["open", "fdopen", "fsync", "replace", "close"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("turn", [0, 1])
@pytest.mark.parametrize("first", [True, False])
def test_a_crash_at_any_step(
    file: StateFile, monkeypatch: pytest.MonkeyPatch, step: str, turn: int, first: bool
) -> None:
    """
    Whenever a process dies, what is found then is the old state or the new one, and whole.
    """
    if not first:
        file.write(encode({"a": "older"}))
        file.write(encode(OLD))
    real, count = getattr(os, step), iter(range(9))

    class Crash(BaseException):
        """
        The power is gone.
        """

    def dying(*args: object, **more: object) -> object:
        if next(count) == turn:
            raise Crash
        return real(*args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, step, dying)
        with suppress(Crash):
            file.write(encode(NEW))
    found = StateFile(file.path).read()
    assert found.state in ((None, NEW) if first else (OLD, NEW))
    assert found.notes == ()
    file.write(encode({"a": "next"}))
    assert file.read().state == {"a": "next"}


@pytest.mark.parametrize("size", [0, 1, 10, 50, 100])
def test_a_crash_in_the_middle_of_the_text(file: StateFile, size: int) -> None:
    """
    A part of a new file is not taken for the whole, with or without the old one.
    """
    file.write(encode(OLD))
    Path(file.fresh).write_bytes(encode(NEW)[:size])
    assert file.read().state == OLD
    os.replace(file.path, file.previous)
    assert (file.read().state, file.read().notes) == (OLD, ())
    Path(file.fresh).write_bytes(encode(NEW))
    assert file.read().state == NEW


def test_a_damaged_file_is_set_aside(file: StateFile, tmp_path: Path) -> None:
    """
    The state before it is used, and both the message and the folder tell of it.
    """
    file.write(encode(OLD))
    file.write(encode(NEW))
    data = Path(file.path).read_bytes().replace(b"true", b"null")
    Path(file.path).write_bytes(data)
    found = file.read()
    assert found.state == OLD
    aside = next(each for each in tmp_path.iterdir() if "damaged" in each.name)
    assert re.fullmatch(r"state\.json\.damaged-\d{8}T\d{6}Z", aside.name)
    assert found.notes == (
        f"{file.path} cannot be used: its checksum is wrong: it was damaged or edited;"
        f" it is {aside} now",
        f"the state before that is used, from {file.previous}",
    )
    assert aside.read_bytes() == data
    assert not os.path.exists(file.path)


def test_both_damaged(file: StateFile) -> None:
    """
    Then the configuration alone holds, and nothing is overwritten.
    """
    Path(file.path).write_bytes(b"{}")
    Path(file.previous).write_bytes(b"")
    found = file.read()
    assert found.state is None
    assert "no state of txbalancer" in found.notes[0]
    assert "-previous now" in found.notes[1]
    assert "configuration alone" in found.notes[2]


@pytest.mark.parametrize("schema", [0, 3, True, "2", None])
def test_a_newer_schema(file: StateFile, schema: object) -> None:
    """
    What a later version wrote is kept for it, not guessed at.
    """
    whole = json.loads(encode(NEW))
    whole["schema"] = schema
    Path(file.path).write_text(json.dumps(whole))
    assert f"of schema {schema!r}, and this version knows 1 to 2" in file.read().notes[0]


def test_an_older_schema(file: StateFile) -> None:
    """
    What earlier versions wrote, spaced over many lines, is read; a checksum guards it, too.
    """
    text = json.dumps(OLD, indent=1)
    digest = hashlib.sha256(text.encode()).hexdigest()
    whole = f'{{"schema": 1, "sha256": "{digest}", "state":\n{text}\n}}\n'
    assert decode(whole.encode()) == OLD
    with pytest.raises(ValueError, match="checksum"):
        decode(whole.replace("null", "true").encode())


def test_what_cannot_be_read(file: StateFile) -> None:
    """
    Neither a folder in its place nor a lack of rights ends a start here.
    """
    os.mkdir(file.path)
    assert file.read().notes[0] == f"{file.path}: Is a directory"


def test_what_cannot_be_set_aside(file: StateFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It is told where it is.
    """
    Path(file.path).write_bytes(b"x")

    def refuse(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    assert "it stays there: Permission denied" in file.read().notes[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(0, 200), st.binary(max_size=4), st.booleans())
@example(0, b"[" * 100000, False)
@example(1, b"", True)
def test_any_damage_is_noticed(file: StateFile, place: int, change: bytes, cut: bool) -> None:
    """
    Bytes that are other, more or fewer: never an exception, never another state.
    """
    file.write(encode(OLD))
    file.write(encode(NEW))
    data = encode(NEW)
    place %= len(data)
    rest = b"" if cut else data[place + len(change) :]
    Path(file.path).write_bytes(data[:place] + change + rest)
    assert file.read().state in (NEW, OLD)


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("nowhere/state.json", "there is no folder .*/nowhere: make it with `mkdir -p .*/nowhere`"),
        (".", "it is a folder: name a file in it"),
        ("file/state.json", "may write; or leave `state` empty"),
        ("pipe", "pipe: it is no regular file: name another, or leave `state` empty"),
    ],
)
def test_a_path_that_cannot_be_written(tmp_path: Path, path: str, remedy: str) -> None:
    """
    A start is refused with what to do about it.
    """
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StartError, match=remedy):
        StateFile(str(tmp_path / path)).check()


def test_links_are_not_followed(file: StateFile, tmp_path: Path) -> None:
    """
    What others put into the folder is neither written through nor left readable for them.
    """
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for path in (file.fresh, f"{file.path}.trial"):
        os.symlink(victim, path)
    file.check()
    file.write(encode(NEW))
    assert victim.read_text() == "precious"
    Path(file.fresh).touch(0o666)
    file.write(encode(NEW))
    assert not os.path.islink(file.path)
    assert os.stat(file.path).st_mode & 0o077 == 0


def test_a_trial_changes_nothing(file: StateFile, tmp_path: Path) -> None:
    """
    Nothing is left of it.
    """
    file.check()
    assert list(tmp_path.iterdir()) == []
