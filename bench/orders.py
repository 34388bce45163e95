"""
How soon a command is in force everywhere: C{python -m bench.orders}.

A service with workers and one without are asked in turn, at the same moment and under the same
load, to change a member, each by its socket for commands; the answer comes when all processes have
done it. What is longer with workers is the way to them and back.
"""

import argparse
import contextlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.site import free_ports

TEXT = """\
[txbalancer]
workers = {workers}
access-log = off
control = {folder}/control
[listener:web]
endpoint = tcp:{port}:interface=127.0.0.1
[balancer:shop]
members =
    http://127.0.0.1:9
    http://127.0.0.2:9
[mount:/shop]
to = balancer://shop/
[mount:/]
to = status:204
"""
WORKERS = (0, 2)
PAUSE = 0.02
"""Seconds between two commands, so that each finds the processes where a load has them."""


class Commands(http.client.HTTPConnection):
    """
    A connection to a socket for commands.
    """

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = str(path)

    def connect(self) -> None:
        """
        Connect to it.
        """
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)

    def change(self, number: int) -> float:
        """
        Give a member another load factor and return how many milliseconds that took.
        """
        target = "/api/v1/balancers/shop/members/http:%2F%2F127.0.0.1:9"
        body = json.dumps({"loadfactor": 1 + number % 2})
        began = time.monotonic()
        self.request("PATCH", target, body, {"Content-Type": "application/json"})
        with self.getresponse() as answer:
            text = answer.read()
            if answer.status != http.client.OK:
                raise SystemExit(f"bench.orders: {answer.status}: {text!r}")
        return (time.monotonic() - began) * 1000


@contextlib.contextmanager
def service(folder: Path, workers: int, port: int) -> Iterator[Commands]:
    """
    A running service, and a connection for commands to it.
    """
    folder.mkdir()
    path, log = folder / "conf.ini", folder / "log"
    path.write_text(TEXT.format(workers=workers, folder=folder, port=port))
    command = [sys.executable, "-m", "twisted", "--log-file", str(log), "txbalancer"]
    # What is here is measured, wherever something else is installed.
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen([*command, "-c", str(path)], cwd=folder, env=env) as process:
        try:
            _await(port, log)
            with contextlib.closing(Commands(folder / "control")) as commands:
                yield commands
        finally:
            process.terminate()


def _await(port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as made:
            made.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            made.settimeout(5)
            if made.recv(100).startswith(b"HTTP/1.1 204"):
                return
        time.sleep(0.2)
    raise SystemExit(f"bench.orders: the service does not answer:\n{log.read_text()}")


@contextlib.contextmanager
def load(port: int, seconds: int) -> Iterator[None]:
    """
    Thirty-two clients that ask all the time.
    """
    command = ["wrk", "-t1", "-c32", f"-d{seconds}s", f"http://127.0.0.1:{port}/"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def ask(services: Sequence[Commands], times: int) -> list[list[float]]:
    """
    Ask all in turn, so many times.
    """
    spent: list[list[float]] = [[] for _ in services]
    for number in range(times):
        for each, found in zip(services, spent, strict=True):
            found.append(each.change(number))
            time.sleep(PAUSE)
    return spent


def show(title: str, spent: Sequence[Sequence[float]]) -> None:
    """
    Print the median, and below what 95 of 100 are.
    """
    for workers, found in zip(WORKERS, spent, strict=True):
        hundredths = statistics.quantiles(found, n=100)
        text = f"median {statistics.median(found):6.1f} ms, p95 {hundredths[94]:6.1f} ms"
        print(f"{title:8} workers = {workers}: {text}, most {max(found):6.1f} ms")


def main() -> None:
    """
    Measure at rest, then under load.
    """
    made = argparse.ArgumentParser(prog="python -m bench.orders", description=__doc__)
    made.add_argument("--times", type=int, default=200, help="commands to each (200)")
    times = made.parse_args().times
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        ports = free_ports(len(WORKERS))
        services = [
            stack.enter_context(service(Path(name) / str(workers), workers, port))
            for workers, port in zip(WORKERS, ports, strict=True)
        ]
        ask(services, 5)
        show("at rest", ask(services, times))
        for port in ports:
            stack.enter_context(load(port, 10 + times // 4))
        ask(services, 5)
        show("loaded", ask(services, times))


if __name__ == "__main__":
    main()
