"""
Heartbeats of a real Apache: its reports, its storage file, and our reports to it.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.client import ask
from tests.integration.process import BalancerProcess, status, until
from tests.peers import Peers, free_port

Starts = Callable[[str], BalancerProcess]

SENDS = ("heartbeat",)
LISTENS = ("heartmonitor",)
GROUP = "239.255.27.99"
"""mod_heartmonitor takes nothing but a group."""


def writable_folder(peers: Peers) -> Path:
    """
    Make a folder that Apache's own user may write in.
    """
    folder = peers.folder()
    folder.chmod(0o777)
    return folder


def configuration(options: str, member: str) -> str:
    """
    Write a configuration with one balancer by heartbeats.
    """
    return (
        f"[txbalancer]\naccess-log = off\n{options}\n[listener:web]\n"
        "endpoint = tcp:PORT:interface=127.0.0.1\n"
        f"[balancer:b]\nlbmethod = heartbeat\nmembers = {member}\n[mount:/]\nto = balancer://b/\n"
    )


def own_address(group: str) -> str:
    """
    Return the address from which this machine sends to a group.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.connect((group, 9))
        except OSError:
            pytest.skip("no route for multicast")
        return str(trial.getsockname()[0])


@pytest.mark.parametrize("address", ["127.0.0.1", GROUP])
def test_A23_an_apache_that_reports_gets_requests(
    address: str, peers: Peers, balancer: Starts
) -> None:
    """
    mod_heartbeat's datagrams, to an address or to a group, open the way to its Apache.
    """
    port, web = free_port(), free_port()
    own = own_address(address)
    apache = peers.apache2(f"Listen {web}\nHeartbeatAddress {address}:{port}\n", SENDS)
    (apache.folder / "htdocs/index.html").write_text("hello")
    process = balancer(configuration(f"heartbeat-listen = {address}:{port}", f"http://{own}:{web}"))
    until(lambda: status(process, "/index.html") == 200, "a report of Apache is heard")


def test_A22_apaches_storage_file_is_read(peers: Peers, balancer: Starts, tmp_path: Path) -> None:
    """
    The file that mod_heartmonitor writes tells who has room.
    """
    port = free_port()
    own = own_address(GROUP)
    storage = writable_folder(peers) / "hb.dat"
    peers.apache2(
        f"HeartbeatListen {GROUP}:{port}\nHeartbeatStorage {storage}\nHeartbeatMaxServers 0\n",
        LISTENS,
    )
    web = free_port()
    sender = peers.apache2(f"Listen {web}\nHeartbeatAddress {GROUP}:{port}\n", SENDS)
    (sender.folder / "htdocs/index.html").write_text("hello")
    until(storage.exists, "the file is written", 15.0)
    process = balancer(configuration(f"heartbeat-storage = {storage}", f"http://{own}:{web}"))
    until(lambda: status(process, "/index.html") == 200, "the file is read", 15.0)


def test_A24_apache_hears_our_reports(peers: Peers, balancer: Starts) -> None:
    """
    What we send is heard by mod_heartmonitor and stands in its file.
    """
    port = free_port()
    own = own_address(GROUP)
    storage = writable_folder(peers) / "hb.dat"
    monitor = peers.apache2(
        f"HeartbeatListen {GROUP}:{port}\nHeartbeatStorage {storage}\nHeartbeatMaxServers 0\n",
        LISTENS,
    )
    balancer(configuration(f"heartbeat-address = {GROUP}:{port}", monitor.url))

    def heard() -> bool:
        return storage.exists() and bool(
            re.search(re.escape(own.encode()) + rb" &ready=10000&busy=0&", storage.read_bytes())
        )

    until(heard, "our report is in Apache's file", 15.0)


def test_A22_our_storage_file_is_read_by_apache(peers: Peers, balancer: Starts) -> None:
    """
    An Apache that balances by our file finds the member in it.
    """
    port = free_port()
    sender = peers.apache2(f"HeartbeatAddress 127.0.0.1:{port}\n", SENDS)
    (sender.folder / "htdocs/index.html").write_text("hello")
    storage = writable_folder(peers) / "hb.dat"
    options = f"heartbeat-listen = 127.0.0.1:{port}\nheartbeat-storage = {storage}"
    balancer(configuration(options, sender.url))
    until(lambda: storage.exists() and storage.stat().st_size, "the file is written", 15.0)
    reader = peers.apache2(
        f"HeartbeatStorage {storage}\nProxyPass / balancer://b/\n<Proxy balancer://b>\n"
        f"BalancerMember {sender.url}\nProxySet lbmethod=heartbeat\n</Proxy>\n",
        ("proxy", "proxy_http", "proxy_balancer", "slotmem_shm", "lbmethod_heartbeat"),
    )
    until(lambda: ask(f"{reader.url}/index.html").status == 200, "Apache finds the member", 15.0)
