"""
Asks the API of a service in memory.
"""

from __future__ import annotations

import json
from typing import Any

from tests.control.manager.boards import CONFIGURATION
from txbalancer.testing import MemoryRig

BASE = "/bm/api/v1"


class Asker:
    """
    A program that uses the API.

    @ivar status: of the last answer; C{headers}: its header lines, by lower-case name.
    """

    def __init__(self, text: str = CONFIGURATION) -> None:
        self.rig = MemoryRig(text)
        self.board = self.rig.targets.steering
        self.status = 0
        self.headers: dict[str, str] = {}

    def send(self, method: str, path: str, body: bytes = b"", client: str = "192.0.2.1", **more):
        """
        Send a request and return the client's end.
        """
        target = path if path.startswith("/bm") or path.startswith("/only") else BASE + path
        lines = [f"{method} {target} HTTP/1.1", "Host: lb.test"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
        if body or method in ("POST", "PATCH", "PUT"):
            lines.append(f"Content-Length: {len(body)}")
        end = self.rig.client(client)
        end.send("\r\n".join([*lines, "", ""]).encode() + body)
        return end

    def taken(self, end: Any) -> str:
        """
        Return the body of what came so far, and note status and headers.
        """
        head, _, body = end.taken().decode().partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        self.status = int(first.split(" ")[1])
        self.headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        return body

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """
        Send a request and return the answer's JSON; C{None} for no body.

        @param body: JSON's types, or bytes as they are.
        """
        data = body if isinstance(body, bytes) else b""
        if body is not None and not isinstance(body, bytes):
            data = json.dumps(body).encode()
        if body is not None:
            more.setdefault("Content_Type", "application/json")
        text = self.taken(self.send(method, path, data, **more))
        return json.loads(text) if text else None

    def get(self, path: str, **more: Any) -> Any:
        """
        Look at something.
        """
        return self.ask("GET", path, **more)

    def member(self, name: str = "http://10.0.0.1", balancer: str = "shop") -> Any:
        """
        Return a live member.
        """
        found = self.rig.balancer(balancer).members
        return next(each for each in found if each.name == name)
