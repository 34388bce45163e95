"""
A service that is changed two hundred times a second while it is busy.
"""

from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.control import Control
from tests.integration.process import STOP_SECONDS, BalancerProcess, until
from tests.peers import Peers, free_port, require

pytestmark = [pytest.mark.integration, pytest.mark.peers]

CHANGES, RATE, HANDS = 600, 200, 8
CONNECTIONS = 32

TEXT = """\
[txbalancer]
workers = WORKERS
access-log = ACCESS
access-log-format = json
state = state.json
control = control.sock
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
[listener:side]
endpoint = tcp:SIDE:interface=127.0.0.1
[balancer:shop]
growth = 1
members =
MEMBERS
[balancer:two]
members = TWO
[balancer:three]
members = TWO
[mount:/metrics]
to = metrics:
listener = side
[mount:/bm]
to = manager:
listener = side
[mount:/]
to = balancer://shop/
"""

# Every tenth answer is a 404, every eighth request has a body; any other answer is wrong.
SERVER = 'location / { if ($arg_id ~ "9$") { return 404 "no\\n"; } return 200 "$arg_id\\n"; }'
SCRIPT = """\
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init(args) count = 0; wrong = 0 end
function request()
  count = count + 1
  local target = "/?id=" .. count
  if count % 8 == 0 then return wrk.format("PUT", target, {}, string.rep("x", 500)) end
  return wrk.format("GET", target)
end
function response(status, headers, body)
  if status ~= 404 and (status ~= 200 or not string.match(body, "^%d+\\n$")) then
    wrong = wrong + 1
  end
end
function done(summary, latency, requests)
  local wrong = 0
  for _, thread in ipairs(threads) do wrong = wrong + thread:get("wrong") end
  local errors = summary.errors
  print("RESULT requests=" .. summary.requests .. " wrong=" .. wrong
    .. " connect=" .. errors.connect .. " read=" .. errors.read .. " write=" .. errors.write
    .. " timeout=" .. errors.timeout)
end
"""


Change = tuple[str, str, Any]


def place(balancer: str, member: str) -> str:
    """
    Return where the API has a member.
    """
    return f"/balancers/{balancer}/members/{quote(member, safe='')}"


def of_first(member: str) -> Iterator[Change]:
    """
    Yield changes of a member without end.
    """
    for number in count():
        yield "PATCH", member, {"loadfactor": 1 + number % 9, "lbset": number % 2}
        yield "PATCH", member, {"route": f"r{number}", "disabled": number % 4 == 0}


def of_second(member: str) -> Iterator[Change]:
    """
    Drain one, and give it other shares for a second.
    """
    for number in count():
        yield "PATCH", member, {"drain": number % 3 == 0}
        yield "PATCH", member, {"loadfactor": 1 + number % 3, "lasting": 1}


def of_dead(member: str) -> Iterator[Change]:
    """
    Bring in a member that does not answer, and take it out again.
    """
    for number in count():
        yield "PATCH", member, {"disabled": number % 2 == 1, "error": False}


def of_balancer(balancer: str) -> Iterator[Change]:
    """
    Change how members are chosen.
    """
    for number in count():
        yield "PATCH", balancer, {"lbmethod": ("byrequests", "bybusyness", "hash")[number % 3]}
        yield "PATCH", balancer, {"maxattempts": number % 5 + 2}


def of_guest(url: str) -> Iterator[Change]:
    """
    Have a member come and go.
    """
    for number in count():
        yield "POST", "/balancers/shop/members", {"url": url, "loadfactor": 1 + number % 5}
        yield "DELETE", place("shop", url), None


def of_undoing(balancer: str, member: str) -> Iterator[Change]:
    """
    Change another balancer, and undo it all.
    """
    for number in count():
        yield "PATCH", place(balancer, member), {"drain": True, "lbset": 1 + number % 9}
        yield "DELETE", place(balancer, member), None
        yield "POST", "/undo", {"balancer": balancer}
        yield "POST", "/undo", {"balancer": balancer}


class Steerer(threading.Thread):
    """
    Makes its part of the changes in their rhythm.

    @ivar fault: what went wrong.
    """

    def __init__(self, path: Path, changes: Iterator[Change]) -> None:
        super().__init__(daemon=True)
        self.fault: BaseException | None = None
        self._control, self._changes = Control(path), changes

    def run(self) -> None:
        began = time.monotonic()
        try:
            for number, change in zip(range(CHANGES // HANDS), self._changes, strict=False):
                self._control.ask(*change)
                time.sleep(max(0.0, began + (number + 1) * HANDS / RATE - time.monotonic()))
        except BaseException as error:
            self.fault = error
        self._control.close()


def steer(process: BalancerProcess, members: list[str], guest: str) -> float:
    """
    Make all changes by several hands, and return how many seconds that took.
    """
    began = time.monotonic()
    first, second, third, dead = (place("shop", each) for each in members)
    hands = [
        Steerer(process.folder / "control.sock", changes)
        for changes in (
            of_first(first),
            of_second(second),
            (("PATCH", third, {"route": f"t{number}"}) for number in count()),
            of_dead(dead),
            of_balancer("/balancers/shop"),
            of_guest(guest),
            of_undoing("two", members[2]),
            of_undoing("three", members[2]),
        )
    ]
    assert len(hands) == HANDS
    for each in hands:
        each.start()
    for each in hands:
        each.join(60.0)
        assert not each.is_alive()
        assert each.fault is None, each.fault
    return time.monotonic() - began


def summed(records: list[dict[str, Any]]) -> dict[str, Any]:
    """
    Add up lines of an access log.
    """
    attempts = [reason for each in records for _, reason in map(tried, each["tried"])]
    return {
        "total": len(records),
        "classes": dict(Counter(f"{each['status'] // 100}xx" for each in records)),
        "bytes_in": sum(each["bytes_in"] for each in records),
        "bytes_out": sum(each["bytes_out"] for each in records),
        "retries": sum(max(0, each["attempts"] - 1) for each in records),
        "failures": dict(Counter(each["reason"] for each in records if each["reason"] != "ok")),
        "failed_attempts": dict(Counter(attempts)),
    }


def tried(each: Any) -> tuple[str, str]:
    """
    Return member and reason of an attempt that failed.
    """
    return (each["member"], each["reason"]) if isinstance(each, dict) else tuple(each)


def of_report(found: dict[str, Any]) -> dict[str, Any]:
    """
    Return the same of what the API tells about requests.
    """
    classes = {name: number for name, number in found["classes"].items() if number}
    return {name: found[name] for name in summed([])} | {"classes": classes}


class Metrics:
    """
    What Prometheus would see now.
    """

    def __init__(self, side: int) -> None:
        text = ask(f"http://127.0.0.1:{side}/metrics").body.decode()
        self._samples = [
            each for family in text_string_to_metric_families(text) for each in family.samples
        ]

    def of(self, name: str, **labels: str) -> dict[str, float]:
        """
        Return the values of a counter that are not 0, by the last label beside these.
        """
        return {
            next((value for key, value in each.labels.items() if key not in labels), ""): each.value
            for each in self._samples
            if each.name == f"txbalancer_{name}_total"
            and labels.items() <= each.labels.items()
            and each.value
        }


@pytest.fixture
def side() -> int:
    """
    Return a port for pages, apart from what is measured.
    """
    return free_port()


@pytest.mark.parametrize("workers", [0, 2])
def test_two_hundred_changes_a_second(
    balancer: Starts, peers: Peers, tmp_path: Path, side: int, workers: int
) -> None:
    """
    With one process and with several: no request is dropped, each change is on the disk when it
    is answered, and the API, the metrics and the page tell the sums of the access log: for the
    balancer, and for each member that was never away.
    """
    alive = [peers.nginx(SERVER).url for _ in "1234"]
    members, guest = [*alive[:3], f"http://127.0.0.1:{free_port()}"], alive[3]
    lines = [f"    {each} route=w{number}" for number, each in enumerate(members)]
    lines[3] += " status=+D"
    text = TEXT.replace("MEMBERS", "\n".join(lines)).replace("TWO", members[2])
    text = text.replace("WORKERS", str(workers))
    process = balancer(text.replace("SIDE", str(side)))
    script = tmp_path / "check.lua"
    script.write_text(SCRIPT)
    command = [require("wrk"), "-t1", f"-c{CONNECTIONS}", "-d90s", "-s", str(script)]
    wrk = subprocess.Popen(
        [*command, f"http://127.0.0.1:{process.port}/"], stdout=subprocess.PIPE, text=True
    )
    try:
        took = steer(process, members, guest)
        wrk.send_signal(signal.SIGINT)
        said, _ = wrk.communicate(timeout=STOP_SECONDS)
    finally:
        wrk.kill()
        wrk.wait()
    found = re.search(r"RESULT requests=(\d+) (.*)", said)
    assert found is not None, said
    assert found[2] == "wrong=0 connect=0 read=0 write=0 timeout=0", process.log()[-2000:]
    assert int(found[1]) > 1000
    # Far less of it where others keep the machine busy, too.
    assert CHANGES / took > RATE / (20 if workers else 10), f"{CHANGES} changes took {took:.1f} s"
    assert "Traceback" not in process.log()

    with closing(Control(process.folder / "control.sock")) as control:
        report = until(lambda: settled(process, control), "the access log has all requests")
    records = [each for each in process.records() if each["balancer"] == "shop"]
    assert of_report(report["requests"]) == summed(records)
    sums, metrics, shop = summed(records), Metrics(side), {"balancer": "shop"}
    assert metrics.of("balancer_requests", **shop) == sums["classes"]
    assert metrics.of("balancer_failures", **shop) == sums["failures"]
    assert metrics.of("balancer_retries", **shop) == {"": sums["retries"]}
    assert metrics.of("balancer_received_bytes", **shop) == {"": sums["bytes_in"]}
    assert metrics.of("balancer_sent_bytes", **shop) == {"": sums["bytes_out"]}
    assert report["requests"]["retries"] > 0 < report["requests"]["classes"]["4xx"]
    manager = f"http://127.0.0.1:{side}/bm"
    page = ask(f"{manager}?xml=1", Referer=manager).body.decode()
    for number in (1, 2):
        name = members[number]
        mine = summed([each for each in records if each["member"] == name])
        (shown,) = (each for each in report["members"] if each["url"] == name)
        assert of_report(shown["requests"])["classes"] == mine["classes"]
        assert of_report(shown["requests"])["bytes_out"] == mine["bytes_out"]
        assert metrics.of("member_requests", member=name, **shop) == mine["classes"]
        attempts = sum(
            1 for each in records for member, _ in map(tried, each["tried"]) if member == name
        )
        assert shown["elected"] == mine["total"] + attempts
        assert f"<httpd:elected>{shown['elected']}</httpd:elected>" in page


def settled(process: BalancerProcess, control: Control) -> Any:
    """
    Return what the API tells of the balancer once nothing is in progress or on its way to
    the log.
    """
    report = control.ask("GET", "/balancers/shop")
    lines = sum(each["balancer"] == "shop" for each in process.records())
    done = report["requests"]["in_flight"] == 0 and report["requests"]["total"] == lines
    return report if done else None
