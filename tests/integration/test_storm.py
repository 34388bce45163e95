"""
Everything at once, at full speed: wrk with many connections while members come and go.
"""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.conftest import Starts
from tests.integration.control import Control
from tests.integration.load import ECHO
from tests.integration.process import STOP_SECONDS, until
from tests.peers import Peers, require

pytestmark = [pytest.mark.integration, pytest.mark.peers]

CONNECTIONS = 64
SECONDS = 6

# Each thread of wrk counts on its own; answers of one connection come in order, but a thread
# has several connections, so only that the answer repeats an id of that thread is checked here:
# the member puts the id into a header and the body, and both must agree.
SCRIPT = """\
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init(args) count = 0; wrong = 0; seen = {} end
function request()
  count = count + 1
  return wrk.format("GET", "/?id=" .. count, {["X-Id"] = tostring(count)})
end
function response(status, headers, body)
  local id = string.match(body, "^(%d+) web%d\\n$")
  if status ~= 200 or id == nil or headers["X-Id"] ~= id or seen[id] then wrong = wrong + 1 end
  if id ~= nil then seen[id] = true end
end
function done(summary, latency, requests)
  local wrong = 0
  for _, thread in ipairs(threads) do wrong = wrong + thread:get("wrong") end
  local errors = summary.errors
  print("RESULT requests=" .. summary.requests .. " wrong=" .. wrong
    .. " connect=" .. errors.connect .. " read=" .. errors.read .. " write=" .. errors.write
    .. " status=" .. errors.status .. " timeout=" .. errors.timeout)
end
"""


def test_storm(balancer: Starts, peers: Peers, tmp_path: Path) -> None:
    """
    While members crash, hang, restart and are reloaded in and out, at least two of four
    being well at any time, wrk sees no error and no answer that belongs to another request.
    """
    script = tmp_path / "check.lua"
    script.write_text(SCRIPT)
    members = [
        peers.nginx(f"location / {{ add_header X-Id $arg_id; {ECHO.replace('NAME', name)} }}")
        for name in ("web1", "web2", "web3", "web4")
    ]
    lines = [f"    {each.url} timeout=500ms retry=200ms" for each in members]
    mount = "[mount:/]\nto = balancer://pool/\n"

    def pool(lines: list[str], method: str) -> str:
        return (
            f"[balancer:pool]\nlbmethod = {method}\nmembers =\n" + "\n".join(lines) + f"\n{mount}"
        )

    process = balancer(pool(lines, "byrequests"))
    command = [require("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "5s"]
    wrk = subprocess.Popen(
        [*command, "-s", str(script), f"http://127.0.0.1:{process.port}/"],
        stdout=subprocess.PIPE,
        text=True,
    )
    control = Control(process.folder / "control.sock")

    def calm() -> bool:
        members = control.ask("GET", "/balancers/pool")["members"]
        return all(each["status"]["usable"] for each in members) or wrk.poll() is not None

    try:
        over = time.monotonic() + SECONDS - 1.5
        while time.monotonic() < over:
            members[0].kill()
            process.reload(pool(lines[:3], "bybusyness"))
            members[0].start()
            members[1].signal(signal.SIGSTOP)
            process.reload(pool(lines, "byrequests"))
            time.sleep(0.7)
            members[1].signal(signal.SIGCONT)
            members[2].stop()
            process.reload(pool([lines[3], *lines[:3]], "leastload"))
            members[2].start()
            # Who was away is well again only when somebody has found that out.
            until(calm, "all are in use again")
        said, _ = wrk.communicate(timeout=SECONDS + STOP_SECONDS)
    finally:
        wrk.kill()
        wrk.wait()
        control.close()
    found = re.search(r"RESULT requests=(\d+) (.*)", said)
    assert found is not None, said
    assert int(found[1]) > 1000
    assert found[2] == "wrong=0 connect=0 read=0 write=0 status=0 timeout=0", process.log()[-2000:]
    assert "Traceback" not in process.log()
