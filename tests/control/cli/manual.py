"""
The examples of docs/cli.rst, carried out: C{make docs} writes their outputs anew.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import tempfile
from pathlib import Path
from unittest.mock import patch

from tests.control.cli.services import Service, serving
from txbalancer.control.limitviews import LimitView

PAGE = Path(__file__).parents[3] / "docs/cli.rst"
SOCKET = "/run/txbalancer/control.sock"
WIDTH = 100
_BLOCK = re.compile(r"^\.\. code-block:: console\n\n((?:    .*\n|\n(?=    ))+)", re.MULTILINE)
_PASSING = (
    (r"\b\d\d:\d\d:\d\d\b", "12:34:56"),
    (r"\b20\d\d-\d\d-\d\d\b", "2026-11-21"),
    (r"process \d+", "process 4711"),
)

TEXT = """
[listener:web]
endpoint = tcp:80
[balancer:shop]
stickysession = SESSION
growth = 4
members =
    http://10.0.0.1:8080 route=web1
    http://10.0.0.2:8080 route=web2 hcmethod=GET hcuri=/up
    http://10.0.0.3:8080 route=web3 status=+H
[balancer:api]
members = http://10.0.0.1:9090
[mount:/bm]
to = manager:
[mount:/api]
to = balancer://api/
[mount:/]
to = balancer://shop/
"""
LINE = {
    "time": "2026-11-21T12:34:56.789Z",
    "status": 200,
    "duration": 0.0123,
    "balancer": "shop",
    "member": "http://10.0.0.1:8080",
    "method": "GET",
    "host": "www.example.org",
    "target": "/cart",
    "reason": "ok",
}
SLOW = {**LINE, "status": 504, "duration": 60.02, "target": "/search?q=a"}
SLOW |= {"reason": "response-timeout", "member": "http://10.0.0.2:8080"}
PROBE = {
    "passed": False,
    "text": "GET /up: status 500",
    "seconds": 0.0021,
    "when": 0.0,
    "transcript": "> GET /up HTTP/1.0\n> Host: 10.0.0.2:8080\n< HTTP/1.0 500 No database",
}

LIMITS = (
    LimitView("listener web", "max-connections", 214, 10_000),
    LimitView("listener web", "connections-per-client", 92, 100, refused=31),
    LimitView("balancer shop", "max-requests", 90, 90, waiting=7),
    LimitView("limit logins", "rate", 58, 100_000, passed=1207, refused=12, dry_run=True)._replace(
        rate="5/min", burst=10, spent=4
    ),
)


def _furnish(service: Service) -> None:
    """
    Let some time pass, with requests.
    """
    for number in range(30):
        _exchange(service, 503 if number == 7 else 200, number % 3 == 0)
    service.rig.advance(5)
    where = "/balancers/shop/members/http%3A%2F%2F10.0.0.2%3A8080/probe"
    service.canned["POST", where] = 200, "application/json", json.dumps(PROBE).encode()
    lines = b"".join(json.dumps(each).encode() + b"\n" for each in (LINE, SLOW))
    service.canned["GET", "/log"] = 200, "application/x-ndjson", lines
    limits = json.dumps({"limits": [each.as_json() for each in LIMITS]}).encode()
    service.canned["GET", "/limits"] = 200, "application/json", limits
    done = ["balancer shop: lbmethod byrequests -> bybusyness"]
    service.rig.targets.steering.reload = lambda who: done


def _exchange(service: Service, status: int, sticky: bool) -> None:
    rig = service.rig
    client = rig.client()
    cookie = "Cookie: SESSION=x.web1\r\n" if sticky else ""
    client.send(f"GET / HTTP/1.1\r\nHost: a\r\n{cookie}\r\n".encode())
    member = rig.accept()
    rig.advance(0.01)
    member.send(f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    client.taken()
    rig.targets.telemetry.meters.measure(rig.outcomes.pop())


def _written(text: str, service: Service) -> str:
    """
    Return the page with the outputs that its commands have now.
    """

    def carried_out(match: re.Match[str]) -> str:
        commands = [line[6:] for line in match[1].splitlines() if line.startswith("    $ ")]
        lines = [line for each in commands for line in (f"$ {each}", *_output(service, each))]
        return ".. code-block:: console\n\n" + "".join(
            f"    {line}".rstrip() + "\n" for line in lines
        )

    return _BLOCK.sub(carried_out, text)


def _output(service: Service, command: str) -> list[str]:
    _, *words = shlex.split(command)
    service.output.truncate(0)
    service.output.seek(0)
    found = service.run(*words, width=0 if "--wait" in words else WIDTH)
    assert found.exception is None or isinstance(found.exception, SystemExit), command
    # Warnings come before what they are about, and so does what a stream says of itself.
    text = found.stderr + service.output.getvalue() + found.stdout
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text).replace(str(service.path), SOCKET)
    return [line.rstrip() for line in text.splitlines()]


def settled(text: str) -> str:
    """
    Replace what is another in each run.
    """
    for pattern, fixed in _PASSING:
        text = re.sub(pattern, fixed, text)
    return text


def fresh(page: str) -> str:
    """
    Return the page as it would be now.
    """
    # A short path: lines must not be broken because of it. Nor by the terminal of who asks:
    # rich takes a dumb one to have 80 columns, whatever it is told.
    with (
        patch.dict(os.environ, {"TERM": "xterm"}),
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        serving(Path(folder) / "s", TEXT) as service,
    ):
        _furnish(service)
        return settled(_written(page, service))


def main() -> None:
    """
    Write the page anew.
    """
    PAGE.write_text(fresh(PAGE.read_text()))


if __name__ == "__main__":
    main()
