"""
A client of the socket for commands.
"""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any


class Control(http.client.HTTPConnection):
    """
    One connection to the socket for commands.
    """

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10.0)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))

    def ask(self, method: str, target: str, body: Any = None) -> Any:
        """
        Ask the API and return what it says; anything but success fails the test.
        """
        data = None if body is None else json.dumps(body)
        self.request(method, f"/api/v1{target}", data, {"Content-Type": "application/json"})
        answer = self.getresponse()
        text = answer.read()
        assert answer.status < 300, (method, target, answer.status, text)
        return json.loads(text) if text else None
