"""
A balancer with several processes, as one: what is seen of it, and what counts all of them.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.control import Control
from tests.integration.crowd import Client
from tests.integration.load import ECHO, Load
from tests.integration.process import BalancerProcess, status, until
from tests.integration.scripted import Gate, Request, ScriptedMember
from tests.peers import Peers

pytestmark = pytest.mark.integration

HEAD = """\
[txbalancer]
workers = 2
access-log = ACCESS
access-log-format = json
graceful-timeout = 5s
control = control.sock
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
[mount:/bm]
to = manager:
[mount:/metrics]
to = metrics:
[mount:/]
to = balancer://shop/
[balancer:shop]
"""


def control_of(process: BalancerProcess) -> Any:
    """
    Return a connection to the socket for commands, to be closed.
    """
    return closing(Control(process.folder / "control.sock"))


def served(process: BalancerProcess, control: Control, least: int = 1) -> Any:
    """
    Return the balancer's report once it tells as many requests as the log, and so many at least.
    """
    lines = [each for each in process.records() if each["balancer"] == "shop"]
    report = control.ask("GET", "/balancers/shop")
    requests = report["requests"]
    fine = requests["in_flight"] == 0 and requests["total"] == len(lines) >= least
    return (report, lines) if fine else None


def test_a_killed_worker_leaves_the_sums_right(balancer: Starts, peers: Peers) -> None:
    """
    Under load a worker is killed: what had been counted is what is in the log, of each member,
    status and byte; and nothing is in progress that ended with it.
    """
    members = [peers.nginx(f"location / {{ {ECHO.replace('NAME', name)} }}") for name in "ab"]
    process = balancer(f"{HEAD}members =\n  {members[0].url}\n  {members[1].url}\n")
    with control_of(process) as control:
        with Load(process.port) as load:
            load.more(300)
            victim = control.ask("GET", "/workers")["workers"][0]["pid"]
            os.kill(victim, signal.SIGKILL)
            load.more(300)
        report, lines = until(lambda: served(process, control), "the counters equal the log")
        requests = report["requests"]
        assert requests["bytes_out"] == sum(each["bytes_out"] for each in lines)
        assert requests["bytes_in"] == sum(each["bytes_in"] for each in lines)
        assert requests["classes"]["2xx"] == sum(each["status"] == 200 for each in lines)
        for member in report["members"]:
            mine = sum(each["member"] == member["url"] for each in lines)
            assert member["requests"]["total"] == mine > 0
            assert member["busy"] == 0
        events = control.ask("GET", "/events")["events"]
        (lost,) = [each for each in events if each["kind"] == "worker"]
        assert "worker 1 is lost" in lost["text"]
    metrics = samples(process)
    assert metrics["txbalancer_workers"] == 2
    assert metrics["txbalancer_workers_replaced_total"] == 1


def samples(process: BalancerProcess) -> dict[str, float]:
    """
    Return what Prometheus would see, by name and worker.
    """
    text = ask(f"http://127.0.0.1:{process.port}/metrics").body.decode()
    return {
        each.name + each.labels.get("worker", ""): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


def test_workers_are_shown(balancer: Starts, peers: Peers) -> None:
    """
    The page, the API, the command line and the metrics tell of each worker, and what they tell
    together is what there was.
    """
    member = peers.nginx("location / { return 204; }")
    process = balancer(f"{HEAD}members = {member.url}\n")
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(process.port)) for _ in range(8)]
        for _ in range(5):
            assert {each.ask() for each in clients} == {204}
        with control_of(process) as control:
            found = until(
                lambda: _with(control, 40, 8), "40 requests over 8 connections are counted"
            )
        assert all(each["requests"] and each["connections"] for each in found)
        assert all(each["cpu"] > 0 and each["memory"] > 1 << 20 for each in found)
        pids = {str(each["pid"]) for each in found}
        page = ask(f"http://127.0.0.1:{process.port}/bm").body.decode()
        assert all(f">{each}</td>" in page for each in pids)
        said = subprocess.run(
            [str(Path(sys.executable).with_name("txbalancer")), "status"],
            env={**process.env, "COLUMNS": "150"},
            cwd=process.folder,
            capture_output=True,
            text=True,
            timeout=30,
        )
        metrics = samples(process)
        assert sum(metrics[f"txbalancer_worker_requests_total{each}"] for each in "12") >= 40
        assert all(metrics[f"txbalancer_worker_cpu_seconds_total{each}"] > 0 for each in "12")
    assert all(each in said.stdout for each in pids), said


def _with(control: Control, requests: int, connections: int) -> Any:
    found = control.ask("GET", "/workers")["workers"]
    total = [sum(each[name] for each in found) for name in ("requests", "connections")]
    return found if total == [requests, connections] else None


class Narrow:
    """
    A member that counts the connections over which it is asked at the same time.
    """

    def __init__(self) -> None:
        self.most = self.now = 0
        self._lock = threading.Lock()
        self._over = threading.Event()

    def reply(self, request: Request) -> bool:
        """
        Take a moment to answer.
        """
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self._over.wait(0.01)
        with self._lock:
            self.now -= 1
        request.answer(b"ok")
        return True


def test_max_counts_all_workers(balancer: Starts) -> None:
    """
    Clients of both workers want members that may have few connections: these never have more,
    and everybody is served.
    """
    one, three = Narrow(), Narrow()
    with ScriptedMember(one.reply) as first, ScriptedMember(three.reply) as second:
        process = balancer(
            f"{HEAD}members =\n  {first.url} max=1 acquire=20s\n  {second.url} max=3 acquire=20s\n"
        )
        statuses: list[int] = []

        def client() -> None:
            with Client(process.port) as made:
                for _ in range(8):
                    made.send()
                    head = made.socket.recv(1000)
                    statuses.append(int(head.split(b" ", 2)[1]))

        threads = [threading.Thread(target=client) for _ in range(12)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(30.0)
    assert statuses == [200] * 96
    assert one.most == 1 < three.most <= 3


def test_bybusyness_counts_all_workers(balancer: Starts, gate: Gate) -> None:
    """
    Of slow requests by both workers every member has as many as every other.
    """
    gates = [Gate() for _ in range(3)]
    with ExitStack() as stack:
        members = [stack.enter_context(ScriptedMember(each.reply)) for each in gates]
        lines = "\n".join(f"  {each.url}" for each in members)
        process = balancer(f"{HEAD}lbmethod = bybusyness\nmembers =\n{lines}\n")
        clients = [stack.enter_context(Client(process.port)) for _ in range(12)]
        for number, each in enumerate(clients):
            each.send(f"/slow?id={number}")
            until(
                lambda number=number: sum(gate._waiting for gate in gates) == number + 1,
                "the request is with a member",
            )
        assert [each._waiting for each in gates] == [4, 4, 4]
        with control_of(process) as control:
            until(lambda: _busy(control) == [4, 4, 4], "the sums tell it")
        for found in gates:
            found.open()


def _busy(control: Control) -> list[int]:
    return [each["busy"] for each in control.ask("GET", "/balancers/shop")["members"]]


def test_the_log_of_all_is_watched(balancer: Starts, peers: Peers) -> None:
    """
    Who watches the log sees the lines of all workers that are wanted, and no others.
    """
    member = peers.nginx("location /odd { return 404; } location / { return 204; }")
    process = balancer(f"{HEAD}members = {member.url}\n")
    with control_of(process) as watching, ExitStack() as stack:
        watching.request("GET", "/api/v1/log?status=404")
        answer = watching.getresponse()
        clients = [stack.enter_context(Client(process.port)) for _ in range(8)]
        lines: list[dict[str, Any]] = []
        wanted = {f"/odd?{number}" for number in range(8)}

        def read() -> None:
            while {each["target"] for each in lines} != wanted:
                line = answer.readline()
                if line.strip():
                    lines.append(json.loads(line))

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        # Workers learn a moment after the answer began that somebody watches.
        for _ in range(20):
            for number, each in enumerate(clients):
                each.ask(f"/even?{number}")
                each.send(f"/odd?{number}")
            reader.join(0.5)
            if not reader.is_alive():
                break
        assert {each["target"] for each in lines} == wanted


def test_a_verdict_is_everybodys(balancer: Starts, peers: Peers) -> None:
    """
    What one worker finds out of a member is told once, and all of them keep away from it; what
    somebody orders, and takes back, all do.
    """
    member = peers.nginx("location / { return 204; }")
    with ScriptedMember(lambda request: False) as other:
        process = balancer(
            f"{HEAD}members =\n  {member.url}\n  {other.url} maxfails=1 blame=all retry=60\n"
        )
        with ExitStack() as stack, control_of(process) as control:
            clients = [stack.enter_context(Client(process.port)) for _ in range(8)]
            assert {clients[0].ask() for _ in range(2)} == {204}
            until(lambda: "E" in letters(control)[1], "the member is out")
            assert {each.ask() for each in clients} == {204}
            _, lines = until(lambda: served(process, control, 10), "the log has it all")
            assert sum(bool(each["tried"]) for each in lines) == 1
            flips = [
                each for each in control.ask("GET", "/events")["events"] if each["kind"] == "flip"
            ]
            assert len(flips) == 1
            place = f"/balancers/shop/members/{member.url.replace('/', '%2F')}"
            control.ask("DELETE", place)
            assert 204 not in {status(process) for _ in range(8)}
            control.ask("POST", "/undo", {})
            assert {each.ask() for each in clients} == {204}
    assert "Traceback" not in process.log()


def test_addresses_of_clients_are_everybodys(balancer: Starts, peers: Peers) -> None:
    """
    Where addresses of clients count, one that one worker knows is with the same member in all.
    """
    members = [peers.nginx("location / { return 204; }") for _ in "123"]
    lines = "\n".join(f"  {each.url}" for each in members)
    process = balancer(f"{HEAD}stickysource = 1min\nmembers =\n{lines}\n")
    with ExitStack() as stack, control_of(process) as control:
        clients = [stack.enter_context(Client(process.port)) for _ in range(8)]
        assert clients[0].ask() == 204
        until(lambda: control.ask("GET", "/balancers/shop")["sources"] == 1, "it is known")
        # What the supervisor knows is on its way to the other worker.
        control.ask("PATCH", "/balancers/shop", {"maxattempts": 1})
        assert {each.ask() for each in clients} == {204}
        report, _ = until(lambda: served(process, control, 9), "the log has it all")
    assert sorted(each["elected"] for each in report["members"]) == [0, 0, 9]


def letters(control: Control) -> list[str]:
    """
    Return the letters of each member's flags.
    """
    members = control.ask("GET", "/balancers/shop")["members"]
    return [each["status"]["letters"] for each in members]


def test_what_passive_health_finds_is_told_once(
    balancer: Starts, peers: Peers, tmp_path: Path
) -> None:
    """
    An ejection, a panic and an open circuit breaker that traffic of one worker brought about are
    events, with the cause, in the API and in the file, and hold in the other worker; no process
    tells them besides.
    """
    member = peers.nginx("location / { return 204; }")
    sick = peers.nginx("location / { return 500; }")
    path = tmp_path / "events.log"
    head = HEAD.replace("[listener:web]", f"event-log = {path}\n[listener:web]")
    process = balancer(
        f"{head}outlier-failures = 3\noutlier-time = 300s\npanic = 60\n"
        "breaker-percent = 40\nbreaker-requests = 8\nbreaker-open = 300s\n"
        f"members =\n  {member.url}\n  {sick.url}\n"
    )
    kinds = ("flip", "panic", "breaker")
    with control_of(process) as control:
        # In the panic that follows all are asked, half of it in vain.
        until(lambda: status(process) == 503, "the circuit breaker is open")
        until(lambda: {status(process) for _ in range(8)} == {503}, "it is so in both workers")
        events = until(
            lambda: _of(control.ask("GET", "/events")["events"], kinds, 3), "all is told"
        )
    texts = {each["kind"]: each["text"] for each in events}
    assert texts["flip"].endswith("-> ejected: 3 failed answers in a row, for 300s, 1st time")
    assert texts["panic"].startswith("1 of 2 members are healthy, below panic = 60 %")
    assert "requests failed, requests get 503 for 300s" in texts["breaker"]
    file = [json.loads(line) for line in path.read_text().splitlines()]
    assert [each["text"] for each in file if each["kind"] in kinds] == [
        each["text"] for each in events
    ]
    log = process.log()
    assert all(log.count(f"shop: {texts[each]}") == 1 for each in ("panic", "breaker"))
    assert not re.search(r"worker \d: .*(are healthy|circuit breaker open|ejected)", log)


def _of(events: list[dict[str, Any]], kinds: tuple[str, ...], count: int) -> Any:
    found = [each for each in events if each["kind"] in kinds]
    return found if len(found) == count else None
