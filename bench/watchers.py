"""
Who looks on while a load runs: a Prometheus that scrapes every second, and somebody with the
manager's page open.
"""

import contextlib
import http.client
import threading
from collections.abc import Iterator

from bench.site import MANAGER, METRICS, BenchError

EVERY = 1.0
"""Seconds between two scrapes: fifteen times as often as is usual."""


class Watchers:
    """
    Two threads of this process, so that what they take counts as the benchmark's own.

    @ivar scrapes: pages of metrics that were read to their end.
    @ivar events: lines of the page's live stream with news in them.
    """

    def __init__(self, port: int) -> None:
        self.scrapes = self.events = 0
        self.fault = ""
        self._port = port
        self._end = threading.Event()
        self._threads = [threading.Thread(target=each) for each in (self._scrape, self._follow)]

    def start(self) -> None:
        """
        Begin to look.
        """
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        """
        Look no more.
        """
        self._end.set()
        for each in self._threads:
            each.join()

    def check(self, seconds: float) -> None:
        """
        See that both had something to read all the time.

        @raise BenchError: they had not; figures would be of something else.
        """
        wanted = seconds / EVERY - 1
        # The page hears nothing while nothing changes, as before the load.
        if self.fault or self.scrapes < 0.7 * wanted or self.events < 0.5 * wanted:
            raise BenchError(
                f"{self.scrapes} scrapes and {self.events} events in {seconds:.0f} s:"
                f" {self.fault or 'too few'}"
            )

    def _scrape(self) -> None:
        with self._connected() as connection:
            while not self._end.wait(EVERY):
                answer = self._get(connection, METRICS, "application/openmetrics-text")
                self.scrapes += answer.read().endswith(b"# EOF\n")

    def _follow(self) -> None:
        with self._connected() as connection:
            answer = self._get(connection, f"{MANAGER}?live=1", "text/event-stream")
            while not self._end.is_set():
                self.events += answer.readline().startswith(b"data:")

    @contextlib.contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            yield connection
        except (OSError, http.client.HTTPException, BenchError) as error:
            self.fault = str(error)
        finally:
            connection.close()

    def _get(
        self, connection: http.client.HTTPConnection, path: str, accept: str
    ) -> http.client.HTTPResponse:
        # The manager heeds no parameters without a Referer of its own.
        headers = {"Accept": accept, "Referer": f"http://127.0.0.1:{self._port}{MANAGER}"}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise BenchError(f"{path}: {answer.status}")
        return answer


@contextlib.contextmanager
def watching(port: int) -> Iterator[Watchers]:
    """
    Watchers that look on inside the C{with} block.
    """
    watchers = Watchers(port)
    watchers.start()
    try:
        yield watchers
    finally:
        watchers.stop()
