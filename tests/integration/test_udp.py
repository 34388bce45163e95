"""
mode = udp between a real DNS client and real DNS servers.
"""

from __future__ import annotations

import signal
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.conftest import Starts
from tests.integration.process import MOUNT, BalancerProcess, until
from tests.peers import Peer, Peers, free_port, require

pytestmark = [pytest.mark.integration, pytest.mark.peers]

QUERY = r"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04shop\x04test\x00\x00\x01\x00\x01"
BALANCER = """
[listener:dns]
mode = udp
endpoint = udp:{port}{interface}
to = balancer://dns
{listener}
[balancer:dns]
member.timeout = 2
{more}
members =
{members}
"""


def dnsmasq(peers: Peers, number: int) -> Peer:
    """
    Start a name server that knows shop.test as 192.0.2.NUMBER.
    """
    program, folder, port = require("dnsmasq"), peers.folder(), free_port()
    text = ",".join("x" * 200 for _ in range(8))
    command = [
        program,
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
        "--bind-interfaces",
        "--listen-address=127.0.0.1",
        "--user=root",
        f"--pid-file={folder}/pid",
        f"--port={port}",
        f"--address=/shop.test/192.0.2.{number}",
        f"--txt-record=long.test,{text}",
        "--edns-packet-max=4096",
    ]
    return peers.start("dnsmasq", command, port, folder)


def start(
    balancer: Starts,
    *members: str,
    interface: str = ":interface=127.0.0.1",
    listener: str = "responses = 1",
    more: str = "",
) -> tuple[BalancerProcess, int]:
    """
    Start a balancer of name servers; returns it with the port where clients ask.
    """
    port = free_port()
    text = MOUNT + BALANCER.format(
        port=port,
        interface=interface,
        listener=listener,
        more=more,
        members="\n".join(f"    {each}" for each in members),
    )
    return balancer(text), port


def dig(port: int, *words: str, server: str = "127.0.0.1") -> str:
    """
    Ask once; returns what dig says.
    """
    command = [require("dig"), f"@{server}", "-p", str(port), "+tries=1", "+timeout=4", "+short"]
    done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=20)
    return done.stdout.strip()


def udp(*servers: Peer) -> list[str]:
    """
    Return the URLs of members.
    """
    return [f"udp://127.0.0.1:{each.port}" for each in servers]


def test_queries_are_spread_and_recorded(balancer: Starts, peers: Peers) -> None:
    """
    Each query is a session: elected, answered, logged.
    """
    servers = dnsmasq(peers, 1), dnsmasq(peers, 2)
    process, port = start(balancer, *udp(*servers))
    found = Counter(dig(port, "shop.test") for _ in range(8))
    assert found == {"192.0.2.1": 4, "192.0.2.2": 4}
    records = until(lambda: len(process.records()) >= 8 and process.records(), "eight records")
    assert {each["reason"] for each in records} == {"ok"}
    assert {each["method"] for each in records} == {"UDP"}
    assert all(each["bytes_out"] > each["bytes_in"] > 20 for each in records)
    assert Counter(each["member"] for each in records) == dict.fromkeys(udp(*servers), 4)


def test_large_answers(balancer: Starts, peers: Peers) -> None:
    """
    A datagram of more than one Ethernet frame goes through whole.
    """
    process, port = start(balancer, *udp(dnsmasq(peers, 1)))
    answer = dig(port, "long.test", "TXT", "+bufsize=4096", "+notcp", "+ignore")
    assert answer.count("x") == 1600
    assert process.record("-")["bytes_out"] > 1600


def test_a_server_that_dies_costs_no_query(balancer: Starts, peers: Peers) -> None:
    """
    The network says that nobody is there, and the query goes elsewhere at once.
    """
    servers = dnsmasq(peers, 1), dnsmasq(peers, 2)
    process, port = start(balancer, *udp(*servers))
    servers[0].kill()
    assert {dig(port, "shop.test") for _ in range(6)} == {"192.0.2.2"}
    until(lambda: any(each["tried"] for each in process.records()), "a record of another try")
    servers[0].start()


def test_a_server_that_hangs_is_found_by_its_checks(balancer: Starts, peers: Peers) -> None:
    """
    Its socket takes datagrams, but nobody answers: hcmethod=expect asks and tells.
    """
    servers = dnsmasq(peers, 1), dnsmasq(peers, 2)
    more = (
        "member.hcmethod = expect\nmember.hcinterval = 200ms\nmember.hctimeout = 150ms\n"
        f"member.hcfails = 1\nmember.hcsend = {QUERY}\nmember.hcexpect = \\x12\\x34"
    )
    process, port = start(balancer, *udp(*servers), more=more)
    assert {dig(port, "shop.test") for _ in range(4)} == {"192.0.2.1", "192.0.2.2"}
    servers[0].signal(signal.SIGSTOP)
    until(lambda: "failing health checks" in process.log(), "the check fails")
    assert {dig(port, "shop.test") for _ in range(4)} == {"192.0.2.2"}
    servers[0].signal(signal.SIGCONT)


def test_a_reload_loses_no_query(balancer: Starts, peers: Peers) -> None:
    """
    Queries that are under way while the configuration is read again are answered.
    """
    servers = dnsmasq(peers, 1), dnsmasq(peers, 2)
    process, port = start(balancer, *udp(*servers))
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(dig, port, "shop.test") for _ in range(40)]
        for _ in range(3):
            assert "reload done" in process.reload()
        assert {each.result() for each in asked} == {"192.0.2.1", "192.0.2.2"}


@pytest.mark.parametrize(
    ("interface", "servers"),
    [("", ("127.0.0.1", "127.0.0.5")), (":interface=\\:\\:", ("127.0.0.5", "::1"))],
)
def test_answers_come_from_where_was_asked(
    balancer: Starts, peers: Peers, interface: str, servers: tuple[str, ...]
) -> None:
    """
    A client takes no answer from another address of the same machine.
    """
    if "::1" in servers and not Path("/proc/net/if_inet6").read_text():
        pytest.skip("no IPv6 here")
    process, port = start(balancer, *udp(dnsmasq(peers, 1)), interface=interface)
    for server in servers:
        assert dig(port, "shop.test", server=server) == "192.0.2.1"
    assert {each["client"] for each in process.records()} <= {"127.0.0.1", "127.0.0.5", "::1"}


def test_a_server_is_told_of_its_clients(balancer: Starts, peers: Peers) -> None:
    """
    sendproxy=v2: unbound reads the header before each datagram, and knows who asks.
    """
    program, folder, port = require("unbound"), peers.folder(), free_port()
    (folder / "unbound.conf").write_text(
        f"""
server:
    directory: "{folder}"
    username: ""
    chroot: ""
    pidfile: ""
    use-syslog: no
    log-queries: yes
    do-daemonize: no
    interface: 127.0.0.1@{port}
    proxy-protocol-port: {port}
    local-data: "shop.test. A 192.0.2.7"
    module-config: "iterator"
remote-control:
    control-enable: no
"""
    )
    command = [program, "-d", "-c", str(folder / "unbound.conf")]
    server = peers.start("unbound", command, port, folder)
    member = f"udp://127.0.0.1:{port} sendproxy=v2"
    _, ours = start(balancer, member)
    for client in ("127.0.0.9", "127.0.0.10"):
        assert dig(ours, "-b", client, "shop.test") == "192.0.2.7"
        assert f"{client} shop.test. A IN" in server.log()
