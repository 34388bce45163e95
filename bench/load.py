"""
Requests: what they look like, and wrk, which sends them.
"""

import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.site import COOKIE, BenchError

BROWSER = (
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/126.0.0.0 Safari/537.36",
    ),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.9,de;q=0.8"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Referer", "http://bench.test/shop/list?page=3&sort=price"),
    ("Cache-Control", "max-age=0"),
    ("Upgrade-Insecure-Requests", "1"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Sec-Fetch-User", "?1"),
)
"""Eleven headers; the cookie is the twelfth. Host is not counted."""

SCRIPT = """\
local requests = {
%s
}
local turn = 0
function request()
    turn = turn %% #requests + 1
    return requests[turn]
end
function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '\\nBENCH {"requests":%%d,"bytes":%%.0f,"seconds":%%f,' ..
        '"p99":%%f,"status":%%d,"broken":%%d}\\n',
        summary.requests, summary.bytes, summary.duration / 1e6,
        latency:percentile(99) / 1e3, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout))
end
"""


def request(path: str, headers: Iterable[tuple[str, str]] = ()) -> str:
    """
    The text of a GET request.
    """
    lines = [f"GET {path} HTTP/1.1", "Host: bench.test"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines) + "\r\n\r\n"


def browser_request(path: str, cookie: str) -> str:
    """
    A GET request with twelve headers of a browser, among them the sticky cookie.
    """
    value = f"theme=dark; {COOKIE}={cookie}"
    return request(path, (*BROWSER, ("Cookie", value)))


def script(requests: Sequence[str]) -> str:
    """
    A wrk script that sends the requests in turn and reports as JSON.
    """
    # A JSON string is a Lua string as long as it has no \\u and no \\/ in it.
    return SCRIPT % ",\n".join(f"    {json.dumps(text)}" for text in requests)


@dataclass(frozen=True, slots=True)
class Load:
    """
    What wrk saw.

    @ivar requests: whole answers.
    @ivar size: bytes received, those of unfinished answers too.
    @ivar p99: milliseconds.
    @ivar errors: answers with a status from 400 on, lost and late ones.
    """

    requests: int
    size: int
    seconds: float
    p99: float
    errors: int


def parse(output: str) -> Load:
    """
    Read the line that the script printed.

    @raise BenchError: there is none.
    """
    for line in output.splitlines():
        if line.startswith("BENCH "):
            found = json.loads(line[6:])
            return Load(
                requests=found["requests"],
                size=int(found["bytes"]),
                seconds=found["seconds"],
                p99=found["p99"],
                errors=found["status"] + found["broken"],
            )
    raise BenchError(f"wrk did not report:\n{output}")


@dataclass(frozen=True, slots=True)
class Wrk:
    """
    Runs wrk with one thread; on the core of this process, which children inherit.
    """

    program: str
    folder: Path

    def run(
        self,
        port: int,
        requests: Sequence[str],
        seconds: float,
        connections: int,
        scheme: str = "http",
    ) -> Load:
        """
        Drive a proxy and wait.

        @raise BenchError: wrk failed or did not end in time.
        """
        path = self.folder / "load.lua"
        path.write_text(script(requests))
        command = [
            self.program,
            "-t1",
            f"-c{connections}",
            f"-d{max(1, round(seconds))}",
            "--timeout=30",
            f"--script={path}",
            f"{scheme}://127.0.0.1:{port}/",
        ]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=seconds + 40, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise BenchError(f"wrk did not end in {error.timeout:g} s") from error
        if done.returncode:
            raise BenchError(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
        return parse(done.stdout)
