"""
The epoll reactor's loop without a log context around each event.

Twisted pushes a context with the name of the descriptor around every read and write, for
log observers of old. It costs three quarters of a microsecond, twice per request, and
nothing here looks at it (ADR 0004).

Nor is a socket taken off epoll before it is closed, which does the same; what had been told
of it in the same turn is not taken for news of another one that got its number.
"""

from __future__ import annotations

from select import EPOLLIN
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.logger import Logger

_MOST_EVENTS = 512
"""Events taken in one turn; the rest is there in the next."""

log = Logger()


def dispatch_directly(reactor: Any) -> bool:
    """
    Let a reactor call its descriptors directly, if it is Twisted's own epoll reactor.

    For a process that is ours alone: others may want the context.

    @return: whether it was done.
    """
    if type(reactor) is not EPollReactor:
        return False
    poll = reactor._poller.poll
    selectables = reactor._selectables
    serve = reactor._doReadOrWrite
    disconnect = reactor._disconnectSelectable
    closed: set[int] = set()
    _read_directly(reactor)
    reads, writes = reactor._reads, reactor._writes

    def forget(fd: int) -> None:
        selectables.pop(fd, None)
        reads.discard(fd)
        writes.discard(fd)
        closed.add(fd)

    def iterate(timeout: float | None) -> None:
        try:
            events = poll(
                -1 if timeout is None else timeout, min(len(selectables), _MOST_EVENTS) or 1
            )
        except InterruptedError:
            return
        closed.clear()
        for fd, event in events:
            selectable = selectables.get(fd)
            if selectable is None or fd in closed:
                continue
            try:
                if event != EPOLLIN:
                    serve(selectable, fd, event)
                    continue
                try:
                    why = selectable.doRead()
                except Exception as error:
                    log.failure("a connection is given up")
                    why = error
                if why:
                    disconnect(selectable, why, True)
            except Exception:
                # Its own handlers failed even at disconnecting; the others must go on.
                log.failure("a connection could not be served")

    reactor.doIteration = iterate  # type: ignore[method-assign]
    reactor.forget = forget  # type: ignore[attr-defined]
    return True


def _read_directly(reactor: Any) -> None:
    """
    Have a reactor begin and end to watch for nothing but input in one step each.
    """
    reads, writes, selectables = reactor._reads, reactor._writes, reactor._selectables
    register, unregister = reactor._poller.register, reactor._poller.unregister
    add, remove = reactor.addReader, reactor.removeReader

    def add_reader(reader: Any) -> None:
        fd = reader.fileno()
        if fd in selectables:
            add(reader)
            return
        try:
            register(fd, EPOLLIN)
        except OSError:
            # Files are not for epoll, and are read in another way.
            add(reader)
            return
        reads.add(fd)
        selectables[fd] = reader

    def remove_reader(reader: Any) -> None:
        fd = reader.fileno()
        if fd not in reads or fd in writes:
            remove(reader)
            return
        del selectables[fd]
        reads.remove(fd)
        unregister(fd)

    reactor.addReader, reactor.removeReader = add_reader, remove_reader
