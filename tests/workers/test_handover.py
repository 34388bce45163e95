"""
Connections on their way from one process to another.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from txbalancer.workers import handover
from txbalancer.workers.handover import Inbox, Sender, enter, open_box, path_of, receive
from txbalancer.workers.places import Places
from txbalancer.workers.spread import SHORT, Spread
from txbalancer.workers.table import BEAT, EDITION, LOAD, OPEN, SENT


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """
    Make a connection.
    """
    one, other = socket.socketpair()
    with one, other:
        yield one, other


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    """
    Make a supervisor's side.
    """
    made = Places(str(tmp_path))
    yield made
    made.close()


def test_a_connection_arrives(tmp_path: Path, pair: tuple[socket.socket, socket.socket]) -> None:
    """
    What is put into a box comes out of it, with its key, as another file of the same connection.
    """
    found: list[tuple[int, int]] = []
    sender = Sender(str(tmp_path))
    with open_box(str(tmp_path), 1) as box:
        assert sender.send(1, 7, pair[0].fileno())
        Inbox(box, lambda key, number: found.append((key, number))).doRead()
    sender.close()
    ((key, number),) = found
    assert key == 7
    with socket.socket(fileno=number) as taken:
        taken.sendall(b"here")
        assert pair[1].recv(10) == b"here"


def test_no_box_or_a_full_one(tmp_path: Path, pair: tuple[socket.socket, socket.socket]) -> None:
    """
    Where nobody is or nothing fits any more, the sender is told and keeps the connection.
    """
    sender = Sender(str(tmp_path))
    assert not sender.send(1, 7, pair[0].fileno())
    with open_box(str(tmp_path), 1) as box:
        count = 0
        while sender.send(1, 7, pair[0].fileno()):
            count += 1
            assert count < 100_000
        assert count
        taken = 0
        while found := list(receive(box)):
            taken += len(found)
            for _, number in found:
                os.close(number)
        assert taken == count
    sender.close()


def test_what_is_no_connection(tmp_path: Path) -> None:
    """
    A message without a file is one connection less, and ends nothing.
    """
    with open_box(str(tmp_path), 1) as box:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.sendto(b"12345678", path_of(str(tmp_path), 1))
        assert list(receive(box)) == [(0, -1)]


def test_columns_are_used_again(places: Places) -> None:
    """
    The lowest free column is the next one, and nothing of its last process is left in it.
    """
    assert [places.take() for _ in range(3)] == [1, 2, 3]
    assert places.table.used == 4
    row = places.rows["busy",]
    for each in (EDITION, OPEN, BEAT, row):
        places.table.column(2)[each] = 5
    places.leave(2)
    assert [places.table.column(2)[each] for each in (EDITION, OPEN, BEAT, row)] == [0] * 4
    assert places.take() == 2


def test_a_folder_that_was_cleared_away(tmp_path: Path) -> None:
    """
    The folder of boxes is made again where something has removed it, for its owner alone.
    """
    folder = tmp_path / "shared"
    places = Places(str(folder))
    places.take()
    shutil.rmtree(folder)
    assert places.take() == 2
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in folder.iterdir()] == ["2.box"]
    places.close()


def test_a_lost_one_leaves_its_box(
    places: Places, pair: tuple[socket.socket, socket.socket]
) -> None:
    """
    Connections that a process had not taken any more go to another that serves, or wait for one.
    """
    one, two = places.take(), places.take()
    sender = Sender(places.folder)
    places.table.column(two)[SENT + one] += 1
    assert sender.send(one, 7, pair[0].fileno())
    sender.close()
    assert places.table.coming(one) == 1
    places.leave(one)
    assert places.table.coming(one) == 0
    with socket.socket(fileno=os.dup(places.files(two)[1])) as box:
        assert list(receive(box)) == []
        places.table.column(two)[EDITION] = 1
        places.distribute()
        assert places.table.coming(two) == 1
        ((key, number),) = receive(box)
    os.close(number)
    assert key == 7


def test_nothing_is_less_than_on_its_way(places: Places) -> None:
    """
    Who finds that a box is gone takes back what was counted; that may be after the process has
    left, and must not be missing from what is on its way to the next one.
    """
    one, two = places.take(), places.take()
    spread = Spread(places.table, two)
    spread.sent(one)
    places.leave(one)
    spread.not_sent(one)
    assert places.table.coming(one) == 0
    assert places.take() == one
    spread.sent(one)
    assert places.table.coming(one) == 1


def test_what_arrives_between_two_looks(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A connection that is sent and taken while somebody counts does not make less than none.
    """
    one, two = places.take(), places.take()
    table, total = places.table, places.table.total

    def meanwhile(row: int) -> int:
        found = total(row)
        Spread(table, two).sent(one)
        Spread(table, one).taken()
        return found

    monkeypatch.setattr(table, "total", meanwhile)
    assert table.coming(one) == 0


def test_strays_are_closed_at_the_end(
    tmp_path: Path, pair: tuple[socket.socket, socket.socket]
) -> None:
    """
    A connection for which nobody ever comes is closed with everything else.
    """
    places = Places(str(tmp_path))
    one = places.take()
    sender = Sender(places.folder)
    assert sender.send(one, 7, pair[0].fileno())
    sender.close()
    places.leave(one)
    places.close()
    pair[0].close()
    assert pair[1].recv(10) == b""


def test_who_clears_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    What all workers share goes with the supervisor's process, not with one worker's line to it.
    """
    monkeypatch.setattr(handover, "_CLEAR", 0.001)
    folder = tmp_path / "shared"
    folder.mkdir()
    handover.clear_away(str(folder), os.getppid())
    assert folder.exists()
    handover.clear_away(str(folder), -1)
    assert not folder.exists()


def test_a_box_that_is_made_anew(
    places: Places, pair: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    """
    What was in the former one, and nobody has taken, goes to those that serve; what comes is in the
    new one.
    """
    one = places.take()
    sender = Sender(places.folder)
    assert sender.send(one, 7, pair[0].fileno())
    assert places.lost() == []
    os.unlink(path_of(places.folder, one))
    assert places.lost() == [one]
    assert not sender.send(one, 8, pair[0].fileno())
    former = places.renew(one)
    assert places.lost() == []
    assert sender.send(one, 8, pair[0].fileno())
    sender.close()
    places.table.column(one)[EDITION] = 1
    places.empty(former)
    with socket.socket(fileno=os.dup(places.files(one)[1])) as box:
        found = list(receive(box))
    assert [key for key, _ in found] == [8, 7]
    for _, number in found:
        os.close(number)


def test_somebody_elses_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Nobody is trusted who has made a folder, or a link, where ours was; ours is locked against what
    clears away old files.
    """
    folder, elsewhere = tmp_path / "shared", tmp_path / "elsewhere"
    number = enter(str(folder))
    other = os.open(folder, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(other)
    os.close(number)
    elsewhere.mkdir()
    folder.rmdir()
    folder.symlink_to(elsewhere)
    with pytest.raises(OSError, match="Not a directory"):
        enter(str(folder))
    monkeypatch.setattr(os, "geteuid", lambda: -2)
    with pytest.raises(PermissionError, match="somebody else's"):
        enter(str(elsewhere))


def given(places: Places, count: int) -> list[int]:
    """
    Give connections to three workers, and return how many are in the box of each.
    """
    for _ in range(count):
        one, other = socket.socketpair()
        with other:
            places.give(1, 7, one.detach())
    found = []
    for column in (1, 2, 3):
        with socket.socket(fileno=os.dup(places.files(column)[1])) as box:
            numbers = [number for _, number in receive(box)]
        for number in numbers:
            os.close(number)
        found.append(len(numbers))
    return found


def test_a_burst_is_for_all(places: Places) -> None:
    """
    Connections of a lost worker that come at once, before anybody has taken one, are not all given
    to whoever had the fewest before.
    """
    for column in (1, 2, 3):
        assert places.take() == column
        places.table.column(column)[EDITION] = 1
    assert given(places, 9) == [3, 3, 3]


def test_nothing_is_given_to_those_short_of_memory(places: Places) -> None:
    """
    A worker that is short of memory gets none of them, and where all are, nobody accepts any; one
    that was accepted already is somebody's all the same.
    """
    for column in (1, 2, 3):
        assert places.take() == column
        places.table.column(column)[EDITION] = 1
    places.table.column(1)[LOAD] = SHORT
    assert given(places, 4) == [0, 2, 2]
    for column in (2, 3):
        places.table.column(column)[LOAD] = SHORT
    assert not places.give(1, 7, -1)
    assert sum(given(places, 1)) == 1


def test_a_folder_of_somebody_else(
    tmp_path: Path, pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Where the folder is gone and somebody else has made one of its name with boxes in it, nobody
    puts a connection there, and the supervisor says so, though every box seems to be there.
    """
    folder = tmp_path / "places"
    places, sender = Places(str(folder)), Sender(str(folder))
    column = places.take()
    shutil.rmtree(folder)
    folder.mkdir()
    with open_box(str(folder), column) as box:
        assert sender.send(column, 7, pair[0].fileno())
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        assert not sender.send(column, 7, pair[0].fileno())
        assert [key for key, number in receive(box) if not os.close(number)] == [7]
        assert places.lost() == [column]
        with pytest.raises(PermissionError):
            places.renew(column)
        folder.rename(tmp_path / "elsewhere")
        folder.symlink_to(tmp_path / "elsewhere")
        monkeypatch.undo()
        assert not sender.send(column, 7, pair[0].fileno())
        assert places.lost() == [column]
    sender.close()
    places.close()
