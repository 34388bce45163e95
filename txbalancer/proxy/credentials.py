"""
Users and passwords of one file, verified beside the traffic.

Whoever was verified is remembered until the file changes, by a digest under a key of
this service's processes, so that the requests of a browser cost one try together.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable

from twisted.logger import Logger

from txbalancer.core import htpasswd
from txbalancer.errors import StartError, why
from txbalancer.net.offload import Job, Offload
from txbalancer.proxy.throttle import Guesses

_MOST = 4096
"""Verified credentials that are remembered."""
_TOLD = 3
"""Lines that cannot be used of which a fault tells."""
_LOOK_EVERY = 1.0
"""Seconds between looks at the file."""

Stamp = tuple[int, int, int]
Done = Callable[[bool | None], None]


class Try:
    """
    One password being verified, for everybody who sent it meanwhile.
    """

    __slots__ = ("digest", "job", "waiting")

    def __init__(self, digest: bytes, done: Done) -> None:
        self.digest = digest
        self.job: Job | None = None
        self.waiting: list[Done] = [done]


class Credentials:
    """
    An htpasswd file.

    @ivar path: its name.
    @ivar guesses: how many wrong passwords came from whom.
    """

    log = Logger()

    def __init__(
        self, path: str, offload: Offload, now: Callable[[], float], secret: bytes
    ) -> None:
        """
        @param secret: that all processes have which tell each other of guesses.
        @raise StartError: when the file cannot be read or has lines that cannot be used.
        """
        self.path = path
        self.guesses = Guesses()
        self._offload, self._now = offload, now
        self._key = hmac.digest(secret, b"passwords of " + os.fsencode(path), "sha256")
        self._known: dict[bytes, None] = {}
        self._trying: dict[bytes, Try] = {}
        self._looked = now()
        self._stamp, self._users = load(path)
        self._decoy = _dearest(self._users)

    def digest(self, user: str, password: bytes) -> bytes:
        """
        Return what tells these from others, and nothing else to anybody without the secret.
        """
        text = b"%d:%b:%b" % (len(user), _bytes(user), password)
        return hmac.digest(self._key, text, "sha256")

    def remembers(self, user: str, password: bytes) -> bool:
        """
        Tell whether they were verified before, by the file as it is.
        """
        self._renew()
        return self.digest(user, password) in self._known

    def check(self, user: str, password: bytes, done: Done) -> Try | None:
        """
        Verify a password.

        @param done: called, perhaps at once, with whether it is right, or with C{None} when
            too many wait for that already.
        @return: what L{forget} takes, while it is being verified.
        """
        self._renew()
        digest = self.digest(user, password)
        if digest in self._known:
            done(True)
            return None
        found = self._trying.get(digest)
        if found is not None:
            found.waiting.append(done)
            return found
        # A user who is not there takes as long as one with a wrong password.
        hashed = self._users.get(user)
        tried, known = hashed or self._decoy, self._known
        attempt = self._trying[digest] = Try(digest, done)
        attempt.job = self._offload.submit(
            lambda: htpasswd.verify(tried, password) if tried else False,
            lambda right: self._verified(attempt, bool(right) and hashed is not None, known),
        )
        if attempt.job is None:
            self._drop(attempt)
            done(None)
        return attempt

    def forget(self, attempt: Try, done: Done) -> None:
        """
        Do not call C{done} any more; what nobody waits for is not begun.
        """
        if done in attempt.waiting:
            attempt.waiting.remove(done)
        if not attempt.waiting and attempt.job is not None and self._offload.forget(attempt.job):
            self._drop(attempt)

    def _verified(self, attempt: Try, right: bool, known: dict[bytes, None]) -> None:
        # By another file than the one of now it was right, but is not remembered.
        self._drop(attempt)
        if right and known is self._known:
            if len(known) >= _MOST:
                del known[next(iter(known))]
            known[attempt.digest] = None
        while attempt.waiting:
            attempt.waiting.pop(0)(right)

    def _drop(self, attempt: Try) -> None:
        if self._trying.get(attempt.digest) is attempt:
            del self._trying[attempt.digest]

    # -- the file

    def _renew(self) -> None:
        """
        Read the file again when it has changed; a fault leaves in force what was good.
        """
        now = self._now()
        if now - self._looked < _LOOK_EVERY:
            return
        self._looked = now
        try:
            stamp = _stamp(os.stat(self.path))
        except OSError:
            stamp = (0, 0, 0)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._stamp, self._users = load(self.path)
        except StartError as error:
            self.log.warn("{error}; the users read before stay in force", error=error)
            return
        self._decoy = _dearest(self._users)
        self._known = {}
        self._trying = {}
        self.log.info("{path}: read anew, {count} users", path=self.path, count=len(self._users))


def load(path: str) -> tuple[Stamp, dict[str, str]]:
    """
    Read a file: its stamp, and user -> hash.

    @raise StartError: when it cannot be read or has lines that cannot be used; it names all.
    """
    try:
        with open(path, "rb") as file:
            stamp = _stamp(os.fstat(file.fileno()))
            users, faults = htpasswd.read(file.read())
    except OSError as error:
        raise StartError(f"{path}: {why(error)}") from error
    if faults:
        told = [f"{path}:{each.line}: {each.text}" for each in faults[:_TOLD]]
        if len(faults) > _TOLD:
            told.append(f"and {len(faults) - _TOLD} lines more: is it a file of htpasswd's?")
        raise StartError("; ".join(told))
    return stamp, users


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_mtime_ns, found.st_size, found.st_ino


def _dearest(users: dict[str, str]) -> str:
    return max(users.values(), key=htpasswd.cost_of, default="")


def _bytes(user: str) -> bytes:
    return user.encode("utf-8", "surrogateescape")
