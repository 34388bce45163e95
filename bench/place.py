"""
The place of a run: cores, ports and members.
"""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import members
from bench.clients import answers
from bench.load import Wrk
from bench.measure import Bench, Settings
from bench.procs import Child, raise_file_limit
from bench.proxies.base import which
from bench.site import BenchError, extra_addresses, free_ports


@contextlib.contextmanager
def prepared(settings: Settings, say: Callable[[str], None], folder: Path) -> Iterator[Bench]:
    """
    Pin this process, start the members.

    @param folder: an empty one, best in memory; the caller removes it.
    @raise BenchError: nginx or wrk is missing, or the members do not start.
    """
    nginx, wrk = which("nginx"), which("wrk")
    if nginx is None or wrk is None:
        raise BenchError("nginx (for the members) and wrk are needed: apt-get install nginx wrk")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        say("only one core: proxy and load share it, requests/s say little")
    os.sched_setaffinity(0, {cores[-1]})
    raise_file_limit(2 * settings.crowd + 12_000)
    port, *member_ports = free_ports(3)
    bench = Bench(
        settings=settings,
        say=say,
        folder=folder,
        proxy_core=cores[0],
        load_core=cores[-1],
        member_ports=(member_ports[0], member_ports[1]),
        port=port,
        wrk=Wrk(wrk, folder),
    )
    members.write_big(folder)
    addresses = ["127.0.0.1", *extra_addresses((settings.members + 1) // 2)]
    with contextlib.ExitStack() as stack:
        for name, member_port in zip(("m1", "m2"), member_ports, strict=True):
            config = folder / f"member-{name}.conf"
            text = members.render(name, addresses, member_port, folder, os.geteuid() == 0)
            config.write_text(text)
            command = members.command(nginx, config)
            child = stack.enter_context(Child(f"member-{name}", command, cores[-1], folder))
            child.wait_ready(functools.partial(answers, member_port))
            bench.members.append(child)
        (folder / "health.log").touch()
        yield bench
