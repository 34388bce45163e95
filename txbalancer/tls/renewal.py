"""
Taking certificates that are new on the disk, without a reload.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Generic, TypeVar

from txbalancer.core.specs import MemberSpec
from txbalancer.errors import StartError
from txbalancer.tls.certificates import CertificateFault
from txbalancer.tls.listeners import ListenerTLS, server_options, watched
from txbalancer.tls.stamps import Stamp, stamps

T = TypeVar("T")
Seen = Mapping[str, Stamp]


class Settling(Generic[T]):
    """
    Notices that files have changed, once they have stopped changing: a certificate and its key
    are rarely written at the same moment.
    """

    __slots__ = ("_changing", "_refused")

    def __init__(self) -> None:
        self._changing: Seen | None = None
        self._refused: Seen | None = None

    def look(self, then: Seen, now: Seen, load: Callable[[], T]) -> T | StartError | None:
        """
        Load what has changed and then stayed as it is from one look to the next.

        @param then: what the files were like when they were last loaded.
        @return: C{None} when there is nothing new; an error once for each state of the files.
        """
        if now == then:
            self._changing = self._refused = None
            return None
        if now == self._refused:
            return None
        if now != self._changing:
            self._changing = now
            return None
        try:
            return load()
        except StartError as error:
            self._refused = now
            return error


class Renewal:
    """
    Looks after the files of one listener. It is used by one thread at a time.
    """

    __slots__ = ("_settling",)

    def __init__(self) -> None:
        self._settling: Settling[ListenerTLS | None] = Settling()

    def look(self, tls: ListenerTLS) -> ListenerTLS | StartError | None:
        """
        Make what is to take the place of C{tls}, when its files say so.

        @return: C{None} as long as there is nothing to do.
        """
        spec = tls.spec
        try:
            now = stamps(watched(spec))
        except CertificateFault:
            # The folder is gone: an empty state, whose loading says so.
            now = {}
        return self._settling.look(tls.seen, now, lambda: server_options(spec, tls))


def files_of(member: MemberSpec) -> list[str]:
    """
    Return the files that a member's TLS depends on.
    """
    found = [member.sslproxycacertificatefile, member.sslproxymachinecertificatefile]
    folder = member.sslproxycacertificatepath
    if folder:
        found.append(folder)
        # When it is gone its stamp tells.
        with suppress(OSError):
            found += [os.path.join(folder, name) for name in os.listdir(folder)]
    return [each for each in found if each]
