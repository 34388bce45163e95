"""
The page of metrics: what it says, to whom, and what it costs the reactor.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.web.test.requesthelper import DummyRequest

from tests.control.metrics.pages import (
    CONFIGURATION,
    OPENMETRICS,
    fetch,
    parsed,
    read,
    series,
    turn,
    value,
)
from tests.services.worlds import GET, OK, World
from txbalancer.control.metrics.registry import FAMILIES
from txbalancer.control.metrics.resource import Metrics, negotiated
from txbalancer.control.metrics.scrape import BATCH
from txbalancer.control.processes import WorkerView
from txbalancer.core import flags
from txbalancer.core.health import ProbeResult

SHOP = {"balancer": "shop"}
FIRST = {**SHOP, "member": "http://10.0.0.1"}


class Turns:
    """
    A reactor of which the test makes each turn.
    """

    def __init__(self) -> None:
        self.calls: list[Callable[[], object]] = []

    def callLater(self, delay: float, call: Callable[[], object]) -> None:
        assert delay == 0
        self.calls.append(call)

    def turn(self) -> None:
        """
        Do what was to be done, and nothing that follows from it.
        """
        calls, self.calls = self.calls, []
        for each in calls:
            each()


def serve(world: World, answer: bytes = OK) -> None:
    """
    Let a member answer one request.
    """
    client = world.client(80, GET)
    openings = world.openings()
    if openings:
        serve.member = openings[0].accept()  # type: ignore[attr-defined]
    serve.member.send(answer)  # type: ignore[attr-defined]
    assert client.taken()
    client.end()


TLS = ("txbalancer_listener_tls_", "txbalancer_listener_certificate")
SOURCE = "txbalancer_source_"


def test_formats_say_the_same() -> None:
    """
    Both formats have every family, with the same samples.
    """
    world = World(CONFIGURATION).start()
    serve(world)
    (head, plain), (other_head, openmetrics) = fetch(world), fetch(world, OPENMETRICS)
    assert "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n" in head
    assert "\r\nContent-Type: application/openmetrics-text; version=1.0.0;" in other_head
    assert f"\r\nContent-Length: {len(plain)}" in head
    assert "\r\nCache-Control: no-store\r\n" in head
    assert openmetrics.endswith("# EOF\n")
    found, other = parsed(plain), parsed(openmetrics, True)
    moving = ("process_", "python_", "txbalancer_listener_")

    def still(samples):
        return {key: number for key, number in samples.items() if not key[0].startswith(moving)}

    assert still(found) == still(other)
    names = {name for name, _ in found}
    for family in FAMILIES.values():
        # Of reasons, of TLS, workers and sources where there are none, there is nothing to tell.
        absent = (*TLS, SOURCE, "txbalancer_worker_")
        if family.by != "reason" and not family.name.startswith(absent):
            assert set(series(family)) <= names, family.name
    assert {"process_cpu_seconds_total", "process_resident_memory_bytes"} <= names
    assert {"process_open_fds", "process_start_time_seconds", "python_info"} <= names


def test_what_workers_do() -> None:
    """
    Each worker process is told by its place, and how many there are and were lost.
    """
    world = World(CONFIGURATION).start()
    sources = world.service.targets.pages.sources
    sources.workers = lambda: [
        WorkerView(number, 4711, 5.0, 1.5, 0.5, 1 << 20, 7, 3, number) for number in (1, 2)
    ]
    sources.replaced = lambda: 4
    samples = read(world)
    assert value(samples, "txbalancer_workers") == 2
    assert value(samples, "txbalancer_workers_replaced_total") == 4
    for worker in "12":
        assert value(samples, "txbalancer_worker_requests_total", worker=worker) == 7
        assert value(samples, "txbalancer_worker_connections", worker=worker) == 3
        assert value(samples, "txbalancer_worker_in_flight", worker=worker) == int(worker)
        assert value(samples, "txbalancer_worker_cpu_seconds_total", worker=worker) == 2.0
        assert value(samples, "txbalancer_worker_resident_memory_bytes", worker=worker) == 1 << 20
        assert value(samples, "txbalancer_worker_start_time_seconds", worker=worker) == 5.0


def test_what_members_do() -> None:
    """
    Exchanges, attempts, connections and weights are told by member.
    """
    world = World(CONFIGURATION).start()
    serve(world)
    held = world.client(80, GET)
    samples = read(world)
    assert value(samples, "txbalancer_member_requests_total", code="2xx", **FIRST) == 1
    assert value(samples, "txbalancer_member_requests_total", code="5xx", **FIRST) == 0
    assert value(samples, "txbalancer_member_attempts_total", **FIRST) == 2
    assert value(samples, "txbalancer_member_in_flight", **FIRST) == 1
    assert value(samples, "txbalancer_balancer_in_flight", **SHOP) == 1
    assert value(samples, "txbalancer_member_connections", state="busy", **FIRST) == 1
    assert value(samples, "txbalancer_member_connections_limit", **FIRST) == 5
    assert value(samples, "txbalancer_member_weight", **FIRST) == 1.5
    assert value(samples, "txbalancer_member_duration_seconds_count", **FIRST) == 1
    assert value(samples, "txbalancer_member_sent_bytes_total", **FIRST) > 40
    assert value(samples, "txbalancer_balancer_members", **SHOP) == 2
    assert value(samples, "txbalancer_listener_in_flight", listener="web") == 2
    assert value(samples, "txbalancer_listener_connections", listener="web") == 2
    assert value(samples, "txbalancer_listener_connections_accepted_total", listener="web") == 3
    held.end()


def test_sums_are_equal() -> None:
    """
    What listeners, balancers and members count is the same exchanges.
    """
    world = World(CONFIGURATION).start()
    for _ in range(3):
        serve(world)
    serve(world, b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
    world.client(80, b"GET /metrics/../x\x01 HTTP/1.1\r\n\r\n")
    samples = read(world)
    sums = {
        sort: {
            code: sum(
                number
                for (name, labels), number in samples.items()
                if name == f"txbalancer_{sort}_requests_total" and ("code", code) in labels
            )
            for code in ("2xx", "4xx")
        }
        for sort in ("listener", "balancer", "member")
    }
    assert sums == {
        "listener": {"2xx": 3, "4xx": 2},
        "balancer": {"2xx": 3, "4xx": 1},
        "member": {"2xx": 3, "4xx": 1},
    }


def test_failures_have_reasons() -> None:
    """
    A failed attempt is told by reason at its member, a failed exchange at its balancer.
    """
    world = World(CONFIGURATION.replace("max=5", "max=5 maxfails=1")).start()
    client = world.client(80, GET)
    while openings := world.openings():
        openings[0].fail()
    assert b" 503 " in client.taken()
    samples = read(world)
    failures = "txbalancer_member_attempt_failures_total"
    attempts = value(samples, "txbalancer_member_attempts_total", **FIRST)
    assert value(samples, failures, reason="connect-failed", **FIRST) == attempts > 0
    assert (
        value(samples, "txbalancer_balancer_failures_total", reason="connect-failed", **SHOP) == 1
    )
    assert (
        value(
            samples, "txbalancer_listener_failures_total", reason="connect-failed", listener="web"
        )
        == 1
    )
    assert value(samples, "txbalancer_member_state", state="error", **FIRST) == 1
    assert value(samples, "txbalancer_balancer_available", **SHOP) == 0


@pytest.mark.parametrize(
    ("bits", "word"),
    [
        (0, "ok"),
        (flags.STANDBY, "ok"),
        (flags.DRAIN, "draining"),
        (flags.IN_ERROR | flags.DRAIN, "error"),
        (flags.HC_FAILED | flags.IN_ERROR, "unhealthy"),
        (flags.DISABLED | flags.HC_FAILED, "disabled"),
        (flags.STOPPED | flags.DISABLED, "stopped"),
    ],
)
def test_states(bits: int, word: str) -> None:
    """
    A member is in exactly one state; all its flags are told as well.
    """
    world = World(CONFIGURATION).start()
    balancer = world.service.targets.balancers["shop"].balancer
    balancer.set_flags(balancer.members[0], flags.INIT | bits, "a test", 0.0)
    samples = read(world)
    states = {
        dict(labels)["state"]: number
        for (name, labels), number in samples.items()
        if name == "txbalancer_member_state" and ("member", "http://10.0.0.1") in labels
    }
    assert [state for state, number in states.items() if number] == [word]
    standby = value(samples, "txbalancer_member_flag", flag="standby", **FIRST)
    assert standby == (bits == flags.STANDBY)
    assert value(samples, "txbalancer_member_state_changes_total", **FIRST) == (bits != 0)


def test_probes_are_counted() -> None:
    """
    Health checks are counted by result, with the time that they took.
    """
    world = World(CONFIGURATION).start()
    for passed in (True, True, False):
        result = ProbeResult(passed, "seen", 0.25)
        world.service.targets.balancers["shop"].checked("http://10.0.0.1", result)
    samples = read(world)
    probes = "txbalancer_member_probes_total"
    assert value(samples, probes, result="passed", **FIRST) == 2
    assert value(samples, probes, result="failed", **FIRST) == 1
    assert value(samples, "txbalancer_member_probe_seconds_count", **FIRST) == 3
    assert value(samples, "txbalancer_member_probe_seconds_sum", **FIRST) == 0.75


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["GET", "POST", "BREW", "X" * 30]),
            st.from_regex(r"/[a-zA-Z0-9%./;]{0,20}", fullmatch=True),
            st.from_regex(r"[a-z0-9.-]{1,20}", fullmatch=True),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_requests_make_no_series(requests) -> None:
    """
    Whatever hosts, paths and methods visitors make up, the series are those of the configuration
    and of the reasons that txbalancer knows.
    """
    world = World(CONFIGURATION.replace("to = balancer://shop/", "to = status:204")).start()
    read(world)
    before = {key for key in read(world) if "reason" not in dict(key[1])}
    for method, path, host in requests:
        text = f"{method} /z{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n"
        world.client(80, text.encode())
    after = read(world)
    assert {key for key in after if "reason" not in dict(key[1])} == before
    reasons = {dict(labels).get("reason", "ok") for _, labels in after}
    assert reasons <= {"ok", "bad-request", "bad-path"}


def test_members_that_go_are_forgotten() -> None:
    """
    A member that is no longer configured has no series; the sums of others keep what it did.
    """
    world = World(CONFIGURATION).start()
    serve(world)
    world.reload(CONFIGURATION.replace("http://10.0.0.1 route=a loadfactor=1.5 max=5", ""))
    world.advance(5.1)
    samples = read(world)
    assert not [key for key in samples if ("member", "http://10.0.0.1") in key[1]]
    assert value(samples, "txbalancer_balancer_requests_total", code="2xx", **SHOP) == 1
    assert value(samples, "txbalancer_listener_requests_total", code="2xx", listener="web") > 0


def test_a_listener_of_before_keeps_its_counts() -> None:
    """
    A counter does not vanish with the configuration of its listener.
    """
    world = World(CONFIGURATION).start()
    serve(world)
    world.reload(CONFIGURATION.replace("[listener:web]", "[listener:other]"))
    samples = read(world)
    assert value(samples, "txbalancer_listener_requests_total", code="2xx", listener="web") >= 1
    assert value(samples, "txbalancer_listener_connections", listener="web") == 0


def test_one_lone_member_in_two_mounts() -> None:
    """
    A member that mounts name with several sets of options is told once.
    """
    more = "[mount:/again]\nto = http://10.0.0.9/ timeout=3\n[mount:/lone]"
    world = World(CONFIGURATION.replace("[mount:/lone]", more)).start()
    assert len(world.service.targets.plain) == 2
    samples = read(world)
    name = "http://10.0.0.9/"
    assert value(samples, "txbalancer_member_attempts_total", balancer=name, member=name) == 0


def test_reloads_and_events(tmp_path) -> None:
    """
    Reloads are told by result, and when one last went well.
    """
    path = tmp_path / "conf.ini"
    path.write_text(CONFIGURATION)
    world = World(CONFIGURATION, str(path)).start()
    assert value(read(world), "txbalancer_last_reload_successful") == 1
    world.service.reload_file()
    path.write_text("[nonsense")
    with pytest.raises(Exception, match="nonsense"):
        world.service.reload_file()
    samples = read(world)
    assert value(samples, "txbalancer_reloads_total", result="passed") == 1
    assert value(samples, "txbalancer_reloads_total", result="failed") == 1
    assert value(samples, "txbalancer_last_reload_successful") == 0
    last = value(samples, "txbalancer_last_reload_success_timestamp_seconds")
    assert abs(last - time.time()) < 60
    assert value(samples, "txbalancer_events_total", kind="reload") == 1
    assert value(samples, "txbalancer_events_total", kind="start") == 1


def test_a_page_for_a_thousand_members_is_made_in_pieces() -> None:
    """
    The reactor turns many times while a big page is made, and goes on with its other work.
    Whoever asks meanwhile gets the same page.
    """
    members = "\n".join(f"    http://10.1.{i // 250}.{i % 250}" for i in range(1000))
    text = CONFIGURATION.replace("    http://10.0.0.1 route=a loadfactor=1.5 max=5", members)
    world = World(text).start()
    reactor = Turns()
    metrics = Metrics(world.service.targets.pages.sources, reactor)
    first, late, left = (DummyRequest([]) for _ in range(3))
    turns = 0
    metrics.render(first)
    while not first.finished:
        reactor.turn()
        turns += 1
        assert turns < 1000
        if turns == 5:
            metrics.render(late)
            metrics.render(left)
            left.processingFailed(Failure(ConnectionDone()))
    assert turns > 1000 / BATCH
    assert late.finished == 1
    assert late.written == first.written
    assert not left.written
    assert b"".join(first.written).count(b"txbalancer_member_in_flight{") == 1003


def test_head_and_other_methods() -> None:
    """
    HEAD has no body; what would change something is refused.
    """
    world = World(CONFIGURATION).start()
    head, body = fetch(world, method="HEAD")
    assert head.startswith("HTTP/1.1 200 ")
    assert "Content-Length: " in head
    assert body == ""
    head, body = fetch(world, method="DELETE")
    assert head.startswith("HTTP/1.1 405 ")
    assert "\r\nAllow: GET, HEAD" in head
    assert body == "Use GET or HEAD here.\n"


def test_a_client_that_leaves() -> None:
    """
    A page for somebody who has left is thrown away, and the next one gets theirs.
    """
    world = World(CONFIGURATION).start()
    client = world.client(80, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    client.reset()
    turn(world)
    assert fetch(world)[0].startswith("HTTP/1.1 200 ")


def test_a_fault_is_answered() -> None:
    """
    A fault in one page is logged and told with 500; it is not for ever.
    """
    world = World(CONFIGURATION).start()
    sources = world.service.targets.pages.sources
    lost, sources.lost = sources.lost, lambda: 1 // 0
    head, body = fetch(world)
    assert head.startswith("HTTP/1.1 500 ")
    assert body == "This page is out of order.\n"
    sources.lost = lost
    assert fetch(world)[0].startswith("HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text", True),
        (
            "application/openmetrics-text;version=1.0.0,"
            "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5",
            True,
        ),
        ("text/plain, application/openmetrics-text", True),
        ("text/plain;q=0.9, application/openmetrics-text;q=0.8", False),
        ("Application/OpenMetrics-Text; q=0.2", True),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=x", False),
        ("application/openmetrics-text;version=x\x01,;;,=", True),
    ],
)
def test_negotiation(accept: str, openmetrics: bool) -> None:
    """
    OpenMetrics is for those who ask for it and like plain text no better.
    """
    assert negotiated(accept).startswith("application/openmetrics-text") is openmetrics
