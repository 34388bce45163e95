"""
Clients that keep a balancer busy and miss nothing.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Self

from tests.integration.process import until

CLIENTS = 8
PATIENCE = 15.0
BODY = b"x" * 2000
"""Sent with every eighth request, which is a C{PUT}: it may be sent twice as well."""

ECHO = 'return 200 "$arg_id NAME\\n";'
"""What an nginx member answers: the request's id and its own name."""

CUT_SHORT = "cut short"


class Load:
    """
    Threads that send request after request for the length of a C{with} block.

    Every request has an id of its own, which its answer must repeat; anything else is
    a failure. The members answer C{ID NAME}.

    @ivar failures: what went wrong, one line each; empty is what tests want.
    @ivar names: how many answers came from each member.
    """

    def __init__(self, port: int, path: str = "/", cookie: Callable[[int], str] | None = None):
        """
        @param path: what is asked for, without a query.
        @param cookie: gives a client's C{Cookie} header by its number.
        """
        self.failures: list[str] = []
        self.names: Counter[str] = Counter()
        self._port, self._path, self._cookie = port, path, cookie
        self._over = threading.Event()
        self._stopping = False
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._client, args=(number,), daemon=True)
            for number in range(CLIENTS)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.more()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE + 5.0)
        if any(thread.is_alive() for thread in self._threads):
            self.failures.append("a client hangs")

    @property
    def answers(self) -> int:
        """
        How many good answers came.
        """
        return sum(self.names.values())

    @property
    def lost(self) -> list[str]:
        """
        The failures but for answers cut short, which nobody can help where a member dies in the
        midst of one.
        """
        return [each for each in self.failures if CUT_SHORT not in each]

    def more(self, count: int = 200) -> None:
        """
        Wait for some more answers.
        """
        goal = self.answers + count
        until(lambda: self.answers >= goal or self.failures, f"{count} more answers", 30.0)

    def more_from(self, name: str, count: int = 20) -> None:
        """
        Wait for some more answers of one member.
        """
        goal = self.names[name] + count
        until(lambda: self.names[name] >= goal, f"{count} more answers of {name}", 30.0)

    def run(self, seconds: float) -> None:
        """
        Let the clients work for a while.
        """
        time.sleep(seconds)

    def expect_stop(self) -> None:
        """
        From now on a connection may end between answers, and none need come about.
        """
        self._stopping = True

    def _client(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        headers = {"Cookie": self._cookie(number)} if self._cookie else {}
        count = 0
        while not self._over.is_set():
            count += 1
            ident = f"{number}-{count}"
            try:
                name = self._ask(connection, ident, count % 8 == 0, headers)
            except (ConnectionError, http.client.RemoteDisconnected) as error:
                connection.close()
                if self._stopping:
                    return
                self._fail(f"{ident}: {error!r}")
            except Exception as error:
                connection.close()
                self._fail(f"{ident}: {error!r}")
            else:
                with self._lock:
                    self.names[name] += 1
        connection.close()

    def _ask(
        self, connection: http.client.HTTPConnection, ident: str, put: bool, headers: dict[str, str]
    ) -> str:
        method, body = ("PUT", BODY) if put else ("GET", None)
        connection.request(method, f"{self._path}?id={ident}", body, headers)
        with connection.getresponse() as answer:
            try:
                text = answer.read().decode()
            except (ConnectionError, http.client.IncompleteRead) as error:
                raise ValueError(CUT_SHORT) from error
        got, _, name = text.strip().partition(" ")
        if answer.status != 200 or got != ident:
            raise ValueError(f"{answer.status} {text[:300]!r}")
        return name

    def _fail(self, text: str) -> None:
        with self._lock:
            self.failures.append(text)
        # A balancer that is gone would fill the list at full speed.
        self._over.wait(0.05)
