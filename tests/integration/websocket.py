"""
A WebSocket member: says back what it hears, and more where it is asked for.
"""

from __future__ import annotations

import threading
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve


class EchoMember:
    """
    A server in a thread.

    @ivar port: where it listens, on 127.0.0.1.
    @ivar paths: of the connections so far, with the header lines that came.
    @ivar closes: the code and the reason with which each of them ended.
    """

    def __init__(self) -> None:
        self.paths: list[tuple[str, Any]] = []
        self.closes: list[tuple[int | None, str | None]] = []
        self._server = serve(
            self._serve,
            "127.0.0.1",
            0,
            select_subprotocol=lambda _, offered: offered[0] if offered else None,
            max_size=2**24,
            close_timeout=2,
        )
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()

    def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.paths.append((connection.request.path, connection.request.headers))
        try:
            for message in connection:
                if message == "bye":
                    connection.close(4001, "asked for it")
                else:
                    connection.send(message)
        except ConnectionClosed:
            pass
        self.closes.append((connection.close_code, connection.close_reason))
