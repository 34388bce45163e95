"""
The guards of a service's mounts, and what they share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from txbalancer.core.specs import MountSpec
from txbalancer.net.names import Names
from txbalancer.net.offload import Offload
from txbalancer.proxy.credentials import Credentials
from txbalancer.proxy.guard import Guard
from txbalancer.proxy.runtime import Runtime
from txbalancer.proxy.throttle import Owing


class Guards:
    """
    Puts guards before targets; files of passwords outlive reloads.

    @ivar files: users and passwords by the path of their file.
    @ivar on_wrong: called with the file, the client and a digest for each wrong password.
    """

    def __init__(self, runtime: Runtime, secret: Callable[[], bytes]) -> None:
        """
        @param secret: returns what all processes of the service have.
        """
        self._runtime, self._secret = runtime, secret
        self.on_wrong: Callable[[str, str, bytes], object] = lambda path, client, guess: None
        # Names that nobody knows take long, and must not hold up passwords.
        self.hashing = Offload(runtime.reactor)
        self.look_ups = Offload(runtime.reactor)
        self._names = Names(runtime.reactor, self.look_ups, self._now)
        self.files: dict[str, Credentials] = {}

    def wrap(self, spec: MountSpec, target: Any) -> Any:
        """
        Return a mount's target behind a guard, or as it is where everybody may come in.

        @raise StartError: when the mount's C{auth-file} cannot be used.
        """
        if not (spec.require or spec.operate):
            return target
        return Guard(spec, target, self._names, self._credentials(spec.auth_file))

    def _now(self) -> float:
        return self._runtime.now()

    def _credentials(self, path: str) -> Credentials | None:
        if not path:
            return None
        if path not in self.files:
            made = Credentials(path, self.hashing, self._now, self._secret())
            made.guesses.on_wrong = lambda client, guess: self.on_wrong(path, client, guess)
            self.files[path] = made
        return self.files[path]

    def learn(self, path: str, client: str, guess: bytes) -> None:
        """
        Count a wrong password that another process has seen.
        """
        if path in self.files:
            self.files[path].guesses.learn(client, guess, self._now())

    def owing(self) -> dict[str, list[Owing]]:
        """
        Return who has wrong guesses against it, by the path of the file.
        """
        now = self._now()
        return {path: each.guesses.owing(now) for path, each in self.files.items()}

    def owe(self, owing: Mapping[str, Iterable[Owing]]) -> None:
        """
        Let clients have as much against them as L{owing} of another process has told.
        """
        for path, rows in owing.items():
            if path in self.files:
                self.files[path].guesses.owe(rows, self._now())
