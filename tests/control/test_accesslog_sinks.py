"""
Where access-log lines go, with real files, pipes and sockets.
"""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from txbalancer.control import logsinks
from txbalancer.control.logsinks import FileSink, StreamSink, SyslogSink, open_sink
from txbalancer.errors import StartError


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """
    Make a pipe: its reading and its writing end.
    """
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_a_file_is_appended_to_and_private(tmp_path: Path) -> None:
    """
    Lines follow what is there; a new file is not for everyone to read.
    """
    path = tmp_path / "access.log"
    for line in (b"a\n", b"b\n"):
        sink = open_sink(str(path))
        assert sink is not None
        assert sink.write(line) == 2
        sink.close()
    assert path.read_bytes() == b"a\nb\n"
    assert path.stat().st_mode & 0o007 == 0


def test_a_relative_path_is_fixed_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Reopening after a change of directory finds the same place.
    """
    monkeypatch.chdir(tmp_path)
    sink = open_sink("access.log")
    assert sink is not None
    os.rename("access.log", "access.log.1")
    monkeypatch.chdir("/")
    sink.reopen()
    sink.write(b"new\n")
    sink.close()
    assert (tmp_path / "access.log").read_bytes() == b"new\n"
    assert (tmp_path / "access.log.1").read_bytes() == b""


def test_a_failed_reopening_keeps_the_file(tmp_path: Path) -> None:
    """
    The old file is written on when the new one is not to be had.
    """
    folder = tmp_path / "logs"
    folder.mkdir()
    sink = FileSink(str(folder / "access.log"))
    folder.rename(tmp_path / "moved")
    with pytest.raises(FileNotFoundError):
        sink.reopen()
    sink.write(b"a\n")
    sink.close()
    assert (tmp_path / "moved" / "access.log").read_bytes() == b"a\n"


@pytest.mark.parametrize(
    ("path", "cause"),
    [("/nowhere/access.log", "No such file or directory"), ("/", "Is a directory")],
)
def test_an_unwritable_file_stops_the_start_with_one_line(path: str, cause: str) -> None:
    """
    The error names the path and the cause.
    """
    with pytest.raises(StartError) as caught:
        open_sink(path)
    assert str(caught.value) == f"access log {path}: {cause}"


def test_a_named_pipe_without_a_reader_stops_the_start(tmp_path: Path) -> None:
    """
    Opening a pipe that nobody reads does not hang.
    """
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    with pytest.raises(StartError, match="No such device or address"):
        open_sink(path)


def test_a_named_pipe_that_is_full_takes_nothing(tmp_path: Path) -> None:
    """
    A reader that stands still makes the sink give back, not wait.
    """
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    sink = FileSink(path)
    total = sum(iter(lambda: sink.write(b"x" * 4095 + b"\n"), 0))
    assert total >= 4096
    assert os.read(reader, 10) == b"x" * 10
    sink.close()
    os.close(reader)


def test_a_full_disk_is_an_error() -> None:
    """
    The device that is always full gives ENOSPC for the log to deal with.
    """
    sink = FileSink("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        sink.write(b"a\n")
    assert caught.value.errno == errno.ENOSPC
    sink.close()


def test_a_disk_that_is_almost_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Of several processes that write to a file, none leaves half a line there in which another
    goes on: what is not whole is taken off again, and comes when there is room.
    """
    path, write, room = tmp_path / "access.log", os.write, 10

    def write_what_fits(descriptor: int, data: bytes) -> int:
        nonlocal room
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = write(descriptor, bytes(data)[:room])
        room -= done
        return done

    one, other = FileSink(str(path)), FileSink(str(path))
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", write_what_fits)
            assert one.write(b"aaaa\nbbbb bbbb\n") == 5
            room = 3
            with pytest.raises(OSError, match="No space left"):
                one.write(b"bbbb bbbb\n")
            assert path.read_bytes() == b"aaaa\n"
        assert other.write(b"cccc\n") == 5
        assert one.write(b"bbbb bbbb\n") == 10
        assert path.read_bytes() == b"aaaa\ncccc\nbbbb bbbb\n"
    finally:
        one.close()
        other.close()


def test_room_that_comes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What was written in two pieces stays.
    """
    path, write = tmp_path / "access.log", os.write
    sink = FileSink(str(path))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, bytes(data)[:4]))
        assert sink.write(b"aaaa bb\n") == 8
    sink.close()


def test_a_shared_pipe_is_never_waited_for(pipe: tuple[int, int]) -> None:
    """
    Standard output that nobody reads takes what fits and then nothing.
    """
    reader, writer = pipe
    sink = StreamSink(writer, "standard output")
    taken = sink.write(b"x" * 1000000)
    assert 4096 <= taken < 1000000
    assert sink.write(b"y") == 0
    os.read(reader, 8192)
    assert sink.write(b"y") == 1


def test_a_shared_pipe_that_another_process_filled(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A descriptor that refuses in spite of its poll is taken for full.
    """
    sink = StreamSink(pipe[1], "standard output")

    def refuse(descriptor: int, data: bytes) -> int:
        raise BlockingIOError(errno.EAGAIN, "busy")

    with monkeypatch.context() as patched:
        patched.setattr(logsinks.os, "write", refuse)
        assert sink.write(b"x") == 0


@pytest.mark.parametrize("named", [False, True])
def test_pipes_get_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """
    Several processes may write to one pipe: each writes pieces that end with a line, except of
    a line that is longer than a piece.
    """
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    sink: FileSink | StreamSink = FileSink(str(path))
    writing = os.open(path, os.O_WRONLY)
    if not named:
        sink.close()
        sink = StreamSink(writing, "standard output")
    pieces: list[bytes] = []
    write = os.write

    def note(descriptor: int, data: bytes) -> int:
        pieces.append(bytes(data))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", note)
    data = b"".join(b"%d %b\n" % (number, b"x" * 300) for number in range(40)) + b"y" * 5000 + b"\n"
    assert sink.write(data) == len(data)
    sink.close()
    os.close(writing)
    os.close(reading)
    assert b"".join(pieces) == data
    assert all(each.endswith(b"\n") and len(each) <= 4096 for each in pieces[:-2])
    assert [len(each) for each in pieces[-2:]] == [4096, 905]


def test_a_shared_pipe_without_a_reader_is_an_error() -> None:
    """
    Standard output into a program that is gone gives EPIPE, not the end of the service.
    """
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        StreamSink(writer, "standard output").write(b"x")
    os.close(writer)


def test_standard_output_into_a_file(tmp_path: Path) -> None:
    """
    A file takes everything in one call.
    """
    descriptor = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    sink = StreamSink(descriptor, "standard output")
    assert sink.write(b"x" * 100000) == 100000
    sink.reopen()
    sink.close()
    os.close(descriptor)


def test_the_words_for_destinations() -> None:
    """
    A dash is standard output, off is nothing.
    """
    sink = open_sink("-")
    assert isinstance(sink, StreamSink)
    assert sink.name == "standard output"
    assert open_sink("Off") is None


@pytest.fixture
def syslog(tmp_path: Path) -> Iterator[tuple[socket.socket, SyslogSink]]:
    """
    Make a local syslog socket and a sink that is connected to it.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.settimeout(1)
        daemon.bind(str(tmp_path / "log"))
        sink = SyslogSink(str(tmp_path / "log"), clock=lambda: 1795247861.0)
        yield daemon, sink
        sink.close()


def test_syslog_gets_a_message_for_each_line(syslog: tuple[socket.socket, SyslogSink]) -> None:
    """
    Each line is one message of facility daemon and severity info, with time, name and pid.
    """
    daemon, sink = syslog
    assert sink.write(b"one\ntwo\n") == 8
    first, second = daemon.recv(9999), daemon.recv(9999)
    assert re.fullmatch(rb"<30>Nov 2[01] \d\d:\d\d:\d\d txbalancer\[%d\]: one" % os.getpid(), first)
    assert second.endswith(b": two")


def test_syslog_lines_have_a_bound(syslog: tuple[socket.socket, SyslogSink]) -> None:
    """
    A very long line is cut for syslog and counts as taken.
    """
    daemon, sink = syslog
    assert sink.write(b"x" * 20000 + b"\n") == 20001
    assert len(daemon.recv(99999)) < 8300


def test_syslog_that_is_full_is_not_waited_for(syslog: tuple[socket.socket, SyslogSink]) -> None:
    """
    Lines that the daemon has no room for are given back, whole.
    """
    sink = syslog[1]
    taken = sink.write(b"line\n" * 10000)
    assert 0 < taken < 50000
    assert taken % 5 == 0


def test_syslog_that_was_started_anew_is_found(
    tmp_path: Path, syslog: tuple[socket.socket, SyslogSink]
) -> None:
    """
    A new daemon under the old name gets the lines without any help.
    """
    old, sink = syslog
    old.close()
    os.unlink(tmp_path / "log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.settimeout(1)
        daemon.bind(str(tmp_path / "log"))
        assert sink.write(b"a\n") == 2
        assert daemon.recv(999).endswith(b": a")


def test_syslog_that_is_gone_is_an_error(
    tmp_path: Path, syslog: tuple[socket.socket, SyslogSink]
) -> None:
    """
    Without a daemon nothing is taken and the cause is told; lines before it count.
    """
    daemon, sink = syslog
    daemon.close()
    os.unlink(tmp_path / "log")
    with pytest.raises(FileNotFoundError):
        sink.write(b"a\n")


def test_syslog_that_goes_amid_a_batch_keeps_the_count(
    syslog: tuple[socket.socket, SyslogSink], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    An error after some lines tells how many were taken.
    """
    sink = syslog[1]
    sent: list[bytes] = []

    def send(message: bytes) -> None:
        if sent:
            raise OSError(errno.EIO, "gone")
        sent.append(message)

    monkeypatch.setattr(sink, "_send", send)
    assert sink.write(b"one\ntwo\n") == 4


def test_no_syslog_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A machine without a syslog socket is told apart from a file that cannot be written.
    """

    def absent() -> SyslogSink:
        return SyslogSink("/nowhere/log")

    monkeypatch.setattr(logsinks, "SyslogSink", absent)
    with pytest.raises(StartError, match="access log syslog: No such file"):
        open_sink("syslog")
