"""
Bytes from one socket to another that never come up here: splice(2), through a pipe.

For directions in which much is on its way; what is short costs less by C{recv} and C{send}.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.main import CONNECTION_LOST
from twisted.python.failure import Failure

from txbalancer.net.eager import EagerWrites
from txbalancer.net.pipes import Pipe, Pipes

AVAILABLE = hasattr(os, "splice")
"""Whether the system has it."""

LARGE = 32768
"""Bytes at once from which on more is to be expected."""

BULK = 1 << 18
"""Bytes still to come that are worth it, where their number is known."""

_SMALL = 8192
_MOST_SMALL = 8
"""How many times in a row there may be less than that before bytes come up here again."""

_TURN = 1 << 20
"""Bytes after which others get their turn."""


class Pump:
    """
    One direction between two transports, for as long as it carries much.

    While it runs, it reads in place of the source; while something is in its pipe, it writes
    in place of the sink, whose own writes queue behind that. A sink that is full pauses its
    producer, as it does where the bytes come up here.

    @ivar running: whether it reads.
    """

    __slots__ = (
        "_done",
        "_inside",
        "_left",
        "_moved",
        "_pipe",
        "_pipes",
        "_sink",
        "_sink_fd",
        "_small",
        "_source",
        "_source_fd",
        "running",
    )

    def __init__(
        self,
        source: Any,
        sink: Any,
        moved: Callable[[int], object],
        pipes: Pipes,
    ) -> None:
        """
        @param source: an L{EagerWrites} transport, and C{sink} too; see L{can_splice}.
        @param moved: called with the number of bytes taken off the source, each time.
        """
        self._source, self._sink, self._moved, self._pipes = source, sink, moved, pipes
        self._source_fd: int = source.fileno()
        self._sink_fd: int = sink.fileno()
        self._pipe: Pipe | None = None
        self._inside = self._small = 0
        self._left = -1
        self._done: Callable[[], object] | None = None
        self.running = False

    @classmethod
    def between(
        cls, source: Any, sink: Any, moved: Callable[[int], object], pipes: Pipes
    ) -> Pump | None:
        """
        Return one where it can be, else C{None}.

        @param sink: a transport, or C{None} where bytes cannot go on as they are.
        """
        if not (pipes.most and can_splice(source) and can_splice(sink)):
            return None
        return cls(source, sink, moved, pipes)

    def start(self, most: int = -1, done: Callable[[], object] | None = None) -> None:
        """
        Read in place of the source from now on.

        @param most: bytes after which to stop; below 0 for no limit.
        @param done: called when as many were taken off the source; they may be in the pipe yet.
        """
        self._left, self._done = most, done
        self._small = 0
        self.running = True
        self._source.doRead = self.read

    def stop(self) -> None:
        """
        Let the source read for itself again. What is in the pipe still goes out.
        """
        self.running = False
        _restore(self._source, "doRead", self.read)

    def read(self) -> Any:
        """
        Take what there is; in place of C{doRead}.
        """
        if self._pipe is not None:
            # Somebody wants more although the sink is full.
            self._source.stopReading()
            return None
        pipe = self._take_pipe()
        if pipe is None:
            # What is read there is not counted here: nothing may be taken beyond the limit, which
            # would be of another exchange. Whoever reads may start this again.
            self.stop()
            return self._source.doRead()
        self._pipe = pipe
        moved = 0
        result: Any = None
        try:
            while not self._inside and moved < _TURN and self._left:
                wanted = pipe.size if self._left < 0 else min(pipe.size, self._left)
                taken = os.splice(self._source_fd, pipe.writer, wanted, flags=_FLAGS)
                if not taken:
                    self.stop()
                    break
                moved += taken
                if self._left > 0:
                    self._left -= taken
                self._inside = taken
                self._flush(pipe)
                if taken < LARGE:
                    break
        except BlockingIOError:
            pass
        except OSError:
            result = CONNECTION_LOST
            self.stop()
        return self._after(moved, result)

    def _take_pipe(self) -> Pipe | None:
        """
        Return an empty pipe, unless bytes have to come up here: there is none, something is
        queued before them, or the sink is at its end, which whoever reads has to see.
        """
        sink = self._sink
        if sink._writeDisconnected or sink.disconnecting or not sink.connected:
            return None
        if sink.dataBuffer or sink._tempDataLen:
            return None
        return self._pipes.take()

    def _flush(self, pipe: Pipe) -> None:
        """
        Put out what is inside, as far as the sink takes it.
        """
        try:
            self._inside -= os.splice(pipe.reader, self._sink_fd, self._inside, flags=_FLAGS)
        except BlockingIOError:
            pass
        except OSError:
            self._inside = -1

    def _after(self, moved: int, result: Any) -> Any:
        """
        Tell what came of a read.
        """
        at_end = not self.running and result is None
        pipe, inside = self._pipe, self._inside
        assert pipe is not None
        if moved:
            # First of all: a sink that is full may put deadlines off, which this puts on.
            self._moved(moved)
        if not inside:
            self._pipe = None
            self._pipes.give(pipe)
        elif inside < 0:
            self._broken()
        elif self._sink.connected and not self._sink._aborting:
            self._block()
        else:
            self._drop()
        if moved:
            self._look(moved)
        return self._source.doRead() if at_end else result

    def _look(self, moved: int) -> None:
        """
        See whether it is worth going on, or over.
        """
        self._small = self._small + 1 if moved < _SMALL else 0
        if self._left and self._small == _MOST_SMALL:
            self.stop()
        if not self._left and self.running:
            self.stop()
            if self._done is not None:
                self._done()

    # -- a sink that does not keep up

    def _block(self) -> None:
        """
        Write in place of the sink until the pipe is empty.
        """
        sink = self._sink
        sink.held = True
        sink.doWrite = self.write
        sink.write = self._queue
        sink.connectionLost = self._lost
        sink.startWriting()
        if sink.producer is None:
            self._source.stopReading()
        elif not sink.producerPaused:
            sink.producerPaused = True
            sink.producer.pauseProducing()

    def write(self) -> Any:
        """
        Go on with what is inside; in place of C{doWrite}.
        """
        pipe, sink = self._pipe, self._sink
        assert pipe is not None
        before = self._inside
        self._flush(pipe)
        if self._inside < 0:
            self._broken()
            return None
        if self._inside != before:
            sink.progress += 1
        if self._inside:
            return None
        self._release()
        self._pipes.give(pipe)
        # It knows what comes next: its queue, its producer, or its end.
        return sink.doWrite()

    def _queue(self, data: bytes) -> None:
        FileDescriptor.write(self._sink, data)

    def _release(self) -> None:
        self._pipe = None
        self._sink.held = False
        for name, mine in (
            ("doWrite", self.write),
            ("write", self._queue),
            ("connectionLost", self._lost),
        ):
            _restore(self._sink, name, mine)

    def _lost(self, reason: Failure) -> None:
        """
        Give up what is inside: the sink is gone; in place of C{connectionLost}.
        """
        self._drop()
        self._sink.connectionLost(reason)

    def _drop(self) -> None:
        pipe = self._pipe
        if pipe is not None:
            self._inside = 0
            self._release()
            self._pipes.drop(pipe)

    def _broken(self) -> None:
        """
        Give up a sink that cannot be written to: what it still sends is to be read.
        """
        self.stop()
        self._drop()
        self._sink.give_up_writing()


def can_splice(transport: Any) -> bool:
    """
    Tell whether bytes can go from or to a transport by a L{Pump}.
    """
    return AVAILABLE and isinstance(transport, EagerWrites)


def _restore(transport: Any, name: str, mine: Any) -> None:
    """
    Give a transport its own method back, unless another has been put there since.
    """
    if vars(transport).get(name) == mine:
        delattr(transport, name)


_FLAGS = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK if AVAILABLE else 0
