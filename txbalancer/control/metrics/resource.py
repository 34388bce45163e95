"""
The page that Prometheus reads: C{to = metrics:}.
"""

from __future__ import annotations

import re
from typing import Any

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as PLAIN
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import INTERNAL_SERVER_ERROR, Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from txbalancer.control.metrics.of_process import process_registry
from txbalancer.control.metrics.of_service import Sources
from txbalancer.control.metrics.scrape import Known, Scrape
from txbalancer.control.reading import REFUSAL, refuses
from txbalancer.control.slices import Slices

_QUALITY = re.compile(r"[01](\.[0-9]{0,3})?")


def negotiated(accept: str) -> str:
    """
    Return the content type to answer with: OpenMetrics for those who like it as much as plain
    text, plain text for all others (RFC 9110 section 12.5.1).
    """
    liking = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for each in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in each.split(";"))
        if kind in liking:
            quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
            known = _QUALITY.fullmatch(quality)
            liking[kind] = max(liking[kind], float(quality) if known else 0.0)
    openmetrics, plain = liking.values()
    return OPENMETRICS if openmetrics and openmetrics >= plain else PLAIN


class Metrics(Resource):
    """
    Writes everything in small pieces, between which the reactor goes on with its work.

    Whoever asks while a page is being written gets that one.
    """

    isLeaf = True
    log = Logger()

    def __init__(self, sources: Sources, clock: Any) -> None:
        """
        @param clock: an L{IReactorTime<twisted.internet.interfaces.IReactorTime>}.
        """
        super().__init__()
        self._sources = sources
        self._process = process_registry()
        self._known: Known = {}
        self._slices = Slices(clock)
        self._waiting: dict[str, dict[Request, None]] = {}

    def render(self, request: Request) -> bytes | int:
        """
        Answer a request, in the format that suits its C{Accept}.
        """
        headers = request.responseHeaders
        headers.setRawHeaders("Cache-Control", ["no-store"])
        headers.setRawHeaders("X-Content-Type-Options", ["nosniff"])
        if refuses(request):
            return REFUSAL
        content_type = negotiated(request.getHeader("accept") or "")
        headers.setRawHeaders("Content-Type", [content_type])
        request.notifyFinish().addErrback(lambda _: self._gone(content_type, request))
        waiting = self._waiting.setdefault(content_type, {})
        waiting[request] = None
        if len(waiting) == 1:
            self._scrape(content_type)
        return NOT_DONE_YET

    def _gone(self, content_type: str, request: Request) -> None:
        self._waiting.get(content_type, {}).pop(request, None)

    def _scrape(self, content_type: str) -> None:
        scrape = Scrape(self._sources, self._process, content_type == OPENMETRICS, self._known)
        done = self._slices.run(scrape.steps())
        done.addCallbacks(
            lambda _: self._done(content_type, scrape),
            lambda reason: self._failed(content_type, reason),
        )

    def _done(self, content_type: str, scrape: Scrape) -> None:
        self._known = scrape.known
        self._answer(content_type, scrape.pieces)

    def _failed(self, content_type: str, reason: Failure) -> None:
        self.log.failure("the page of metrics failed", reason)
        for request in self._waiting[content_type]:
            request.setResponseCode(INTERNAL_SERVER_ERROR)
            request.setHeader("Content-Type", "text/plain; charset=utf-8")
        self._answer(content_type, [b"This page is out of order.\n"])

    def _answer(self, content_type: str, pieces: list[bytes]) -> None:
        length = str(sum(map(len, pieces)))
        for request in self._waiting.pop(content_type):
            request.setHeader("Content-Length", length)
            for piece in pieces if request.method == b"GET" else [b""]:
                request.write(piece)
            request.finish()
