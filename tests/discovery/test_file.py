"""
Members in files and folders.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from txbalancer.core.specs import MemberSpec, SourceSpec
from txbalancer.discovery.file import FileFault, FileSource, factory


class Folder:
    """
    A folder that is looked at.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wall = 1_800_000_000.0
        self.source = FileSource(str(path), lambda: self.wall)

    def write(self, name: str, text: str, changed: float = 0.0) -> None:
        """
        Write a file; C{changed} is its time of change, in seconds before now.
        """
        path = self.path / name
        path.write_text(text)
        os.utime(path, (self.wall - changed, self.wall - changed))

    def look(self) -> list[str] | None:
        """
        Look once; C{None} for nothing new.
        """
        found: list[object] = []
        self.source.find().addBoth(found.append)
        answer = found[0]
        if hasattr(answer, "raiseException"):
            answer.raiseException()
        return None if answer is None else list(answer.lines)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """
    Return an empty folder.
    """
    return Folder(tmp_path)


def test_files_of_a_folder_in_order(folder: Folder) -> None:
    """
    All files count but hidden ones and leftovers; comments and empty lines do not; each line
    is known by its place.
    """
    folder.write("b", "http://10.0.0.2 route=b\n")
    folder.write("a", "# first\n\n  http://10.0.0.1  \n; no\n")
    folder.write(".hidden", "http://10.0.0.3\n")
    folder.write("a~", "http://10.0.0.4\n")
    (folder.path / "sub").mkdir()
    found: list[object] = []
    folder.source.find().addCallback(found.append)
    (answer,) = found
    assert answer.lines == ("http://10.0.0.1", "http://10.0.0.2 route=b")
    assert answer.where == (f"{folder.path}/a:3", f"{folder.path}/b:1")


def test_a_change_counts_when_it_is_seen_twice(folder: Folder) -> None:
    """
    What is half written is not taken: only what looks the same twice.
    """
    folder.write("a", "http://10.0.0.1:8080\n")
    assert folder.look() == ["http://10.0.0.1:8080"]
    assert folder.look() is None
    folder.write("a", "http://10.0.0.1:80")
    assert folder.look() is None
    folder.write("a", "http://10.0.0.1:8081\n")
    assert folder.look() is None
    assert folder.look() == ["http://10.0.0.1:8081"]
    folder.write("b", "http://10.0.0.2\n")
    assert folder.look() is None
    assert folder.look() == ["http://10.0.0.1:8081", "http://10.0.0.2"]
    (folder.path / "a").unlink()
    assert folder.look() is None
    assert folder.look() == ["http://10.0.0.2"]


def test_a_change_within_the_same_moment_is_seen(folder: Folder) -> None:
    """
    Another text of the same length at the same time of change in the same file counts, as long
    as that time is near.
    """
    folder.write("a", "http://10.0.0.1\n")
    assert folder.look() == ["http://10.0.0.1"]
    folder.write("a", "http://10.0.0.2\n")
    assert folder.look() is None
    assert folder.look() == ["http://10.0.0.2"]


def test_a_file_that_rests_is_not_read(folder: Folder, monkeypatch) -> None:
    """
    Once a file is old and was seen twice, only its inode is looked at.
    """
    folder.write("a", "http://10.0.0.1\n", changed=10.0)
    folder.look()
    folder.look()
    reads: list[str] = []
    monkeypatch.setattr("txbalancer.discovery.file._lines", reads.append)
    assert folder.look() is None
    assert reads == []


def test_back_to_what_was_told_is_nothing_new(folder: Folder) -> None:
    """
    A change that is taken back before it was seen twice never was.
    """
    folder.write("a", "http://10.0.0.1\n")
    folder.look()
    folder.write("a", "http://10.0.0.9\n")
    assert folder.look() is None
    folder.write("a", "http://10.0.0.1\n")
    assert folder.look() is None
    assert folder.look() is None


def test_a_file_that_comes_later(tmp_path: Path) -> None:
    """
    A file that is missing at first is a fault that names it, and is found once it is there.
    """
    folder = Folder(tmp_path)
    folder.source = FileSource(str(tmp_path / "a"), lambda: folder.wall)
    with pytest.raises(FileFault, match=r"/a: No such file"):
        folder.look()
    folder.write("a", "http://10.0.0.1\n")
    assert folder.look() is None
    assert folder.look() == ["http://10.0.0.1"]


def test_what_cannot_be_read_is_named(folder: Folder) -> None:
    """
    Pipes, large files and other bytes than UTF-8 are refused with file and line.
    """
    (folder.path / "a").write_bytes(b"http://10.0.0.1\n\xff\n")
    with pytest.raises(FileFault, match=r"/a:2: byte 0xff is not UTF-8"):
        folder.look()
    os.truncate(folder.path / "a", 1024**2 + 1)
    with pytest.raises(FileFault, match=r"/a is larger than 1 MiB"):
        folder.look()
    (folder.path / "a").unlink()
    os.mkfifo(folder.path / "a")
    with pytest.raises(FileFault, match=r"/a is no regular file"):
        folder.look()


@pytest.mark.parametrize("place", ["file:", "file:members", "file://host/x", "file:/a\0b"])
def test_places_that_are_no_paths(place: str) -> None:
    """
    Only whole paths are taken, whether or not they are there.
    """
    with pytest.raises(ValueError, match="must be file:/PATH"):
        factory.check(place)


@pytest.mark.parametrize("place", ["file:/nowhere/x", "file:///nowhere/x"])
def test_places_are_paths(place: str) -> None:
    """
    Both spellings are the same path; the scheme of members is in the file only.
    """
    assert factory.check(place) == ""
    source = factory(SourceSpec(place, "file", MemberSpec("")), Clock())
    faults: list[str] = []
    source.find().addErrback(lambda reason: faults.append(str(reason.value)))
    source.close()
    assert faults == ["/nowhere/x: No such file or directory"]
