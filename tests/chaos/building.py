"""
Making a world.
"""

from __future__ import annotations

import os
import ssl
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from tests.chaos.pipes import unprivileged
from tests.chaos.programs import FAR, NAMES, MemberProgram, Network, Program, small_disk
from tests.chaos.world import World
from tests.integration.certificates import Authority
from tests.integration.process import BalancerProcess
from tests.peers import free_port

DISK = "256M"


@contextmanager
def made(workers: int = 0) -> Iterator[World]:
    """
    Make a world, and take it away at the end.

    @param workers: the option of that name.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="txb-chaos-")))
        output = stack.enter_context((folder / "members.log").open("ab"))
        logs = folder / "logs"
        logs.mkdir()
        small = stack.enter_context(small_disk(logs, DISK))
        network = _network(stack, output)
        members = {name: _member(stack, name, network, output) for name in NAMES}
        greed = Program(output, *unprivileged(), sys.executable, "-m", "tests.chaos.pipes")
        stack.callback(greed.kill)
        ports = {name: free_port() for name in ("tls", "db", "storm", "admin")}
        pair = Authority(folder).issue("127.0.0.1")
        authority = str(folder / "Test-CA.pem")
        values = {name: str(port) for name, port in ports.items()}
        values |= {"certificate": str(pair.certificate), "key": str(pair.key)}
        values |= {"folder": str(folder), "authority": authority}
        process = BalancerProcess(folder, "")
        process.access = logs / "access.log"
        stack.callback(process.stop)
        world = World(
            folder=folder,
            process=process,
            members=members,
            network=network,
            disk=logs if small else None,
            workers=workers,
            ports=ports,
            context=ssl.create_default_context(cafile=authority),
            values=values,
            greed=greed,
            prefix=unprivileged(),
        )
        stack.callback(world.end)
        process.write(world.text(world.shape))
        world.begin()
        yield world


def _member(
    stack: ExitStack, name: str, network: Network | None, output: IO[bytes]
) -> MemberProgram:
    far = network if name in FAR else None
    address, at = (far.there, far.pid) if far else ("127.0.0.1", 0)
    member = MemberProgram(output, name, address, [free_port() for _ in range(3)], at)
    stack.callback(member.kill)
    member.begin()
    return member


def _network(stack: ExitStack, output: IO[bytes]) -> Network | None:
    try:
        network = Network(output, os.getpid() & 0x3FFF)
    except RuntimeError:
        return None
    stack.callback(network.end)
    return network
