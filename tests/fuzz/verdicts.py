"""
C{python -m tests.fuzz.verdicts}: what members read that are Apache, nginx and HAProxy.

Whatever goes on to a member is sent to each of them, as it went on in memory. They pass it on to
a member that notes it: each request that arrives there must be one that was sent, in the order of
sending, with its method, target, headers and body. To refuse one is theirs to decide.
"""

from __future__ import annotations

import argparse
import queue
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from random import Random

from tests.conformance.wire import Member
from tests.fuzz import corpus, registry
from tests.fuzz.mutations import Mutator
from tests.fuzz.pipe import Got, H11Member, pass_on
from tests.fuzz.registry import LONGEST, Target
from tests.fuzz.targets.forwarded import _MADE
from tests.peers import Peer, Peers

PATIENCE = 10.0
_END = b"GET /the-end HTTP/1.1\r\nHost: end\r\nConnection: close\r\n\r\n"
_OWN = frozenset((b"x-forwarded-proto", b"keep-alive", b"x-real-ip", b"trailer"))

Said = tuple[bytes, bytes, tuple[tuple[bytes, bytes], ...], bytes]
"""Method, target, headers by name, body."""


def programs(peers: Peers, port: int) -> list[Peer]:
    """
    Start all three before a member.
    """
    return [
        peers.nginx(
            f"""location / {{ proxy_pass http://127.0.0.1:{port}; proxy_http_version 1.1;
            proxy_set_header Connection ''; proxy_set_header Host $http_host;
            proxy_next_upstream off; }}""",
            "underscores_in_headers on; ignore_invalid_headers off; merge_slashes off;"
            " client_max_body_size 0; large_client_header_buffers 8 64k;",
        ),
        peers.apache2(
            f"""ProxyPass / http://127.0.0.1:{port}/ nocanon retry=0 disablereuse=On
            ProxyPreserveHost On
            ProxyAddHeaders Off
            AllowEncodedSlashes NoDecode
            MergeSlashes Off
            MaxKeepAliveRequests 0
            TraceEnable extended""",
            ("proxy", "proxy_http"),
        ),
        peers.haproxy(
            f"""defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend f
    bind 127.0.0.1:PORT
    default_backend b
backend b
    server s 127.0.0.1:{port}
"""
        ),
    ]


def said(method: bytes, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> Said:
    """
    Bring a request to a form to compare; some programs write repeated headers as one.
    """
    named: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        if name.lower() not in _MADE | _OWN:
            named.setdefault(name.lower(), []).append(value.strip(b" \t"))
    return method, target, tuple(sorted((k, b", ".join(v)) for k, v in named.items())), body


def _expected(got: Got) -> Said:
    return said(got.method, got.target, got.headers, got.body)


def arrived(member: Member) -> Iterator[Said]:
    """
    Yield what a member got since it was last asked.
    """
    with suppress(queue.Empty):
        while True:
            each = member.requests.get_nowait()
            method, target, _ = each.start.split(b" ")
            yield said(method, target, each.headers, each.body)


def ask(program: Peer, data: bytes) -> bytes:
    """
    Send bytes and read until the program closes.
    """
    answer = b""
    at = ("127.0.0.1", program.port)
    with socket.create_connection(at, PATIENCE) as sock, suppress(ConnectionError):
        sock.sendall(data)
        while piece := sock.recv(65536):
            answer += piece
    return answer


def disagreement(sent: list[Said], read: list[Said]) -> Said | None:
    """
    Return a request that arrived and was not sent so, if there is one.
    """
    rest = iter(sent)
    for each in read:
        if not any(each == other for other in rest):
            return each
    return None


def judge(program: Peer, member: Member, passed: H11Member, told: Counter[str]) -> str:
    """
    Show a program what one member was sent; tell what it read otherwise, if anything.
    """
    sent = [_expected(each) for each in passed.got]
    try:
        ask(program, passed.raw + _END)
    except TimeoutError:
        return "it waits for more"
    read = [each for each in arrived(member) if each[1] != b"/the-end"]
    told[f"{program.name} read"] += len(read)
    told[f"{program.name} refused or answered itself"] += len(sent) - len(read)
    other = disagreement(sent, read)
    return f"it read {other!r}" if other is not None else ""


def connections(target: Target, seconds: float, seed: int) -> Iterator[tuple[bytes, H11Member]]:
    """
    Yield what members are sent for the cases that are kept, and then for others made from those
    of which something was sent on, for so many seconds.
    """
    known = [*target.seeds, *corpus.load(target.name), *corpus.load(target.name, corpus.FAULTS)]
    random = Random(seed)
    mutator = Mutator(random, target.words, LONGEST)
    good: list[bytes] = []
    end = time.monotonic() + seconds
    while known or time.monotonic() < end:
        case = known.pop() if known else mutator.change(random.choice(good), good)
        found = [each for each in pass_on([case]).members if each.whole and each.got]
        if found:
            good.append(case)
        for each in found:
            yield case, each


def main() -> int:
    """
    Compare; the exit status is 1 when one read something else.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.verdicts", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**31)
    asked = parser.parse_args()
    told: Counter[str] = Counter()
    member = Member()
    try:
        with Peers() as peers:
            started = programs(peers, member.port)
            target = registry.target("forwarded")
            for case, passed in connections(target, asked.seconds, asked.seed):
                told["connections"] += 1
                told["requests sent on"] += len(passed.got)
                for program in started:
                    fault = judge(program, member, passed, told)
                    if fault:
                        told["DISAGREEMENTS"] += 1
                        print(f"{program.name}: {fault}\n  case {case!r}\n  sent {passed.raw!r}")
    finally:
        member.stop()
    print(f"seed {asked.seed}: {', '.join(f'{count} {what}' for what, count in told.items())}")
    return 1 if told["DISAGREEMENTS"] else 0


if __name__ == "__main__":
    sys.exit(main())
