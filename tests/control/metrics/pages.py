"""
A service in memory whose metrics are read.
"""

from __future__ import annotations

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_plain

from tests.services.worlds import World
from txbalancer.control.metrics.families import COUNTER, GAUGE, HISTOGRAM, SUMMARY, Family

SUFFIXES = {
    COUNTER: ("_total",),
    GAUGE: ("",),
    HISTOGRAM: ("_bucket", "_sum", "_count"),
    SUMMARY: ("_sum", "_count"),
}

CONFIGURATION = """
[txbalancer]
access-log = off
[listener:web]
endpoint = tcp:80
[balancer:shop]
members =
    http://10.0.0.1 route=a loadfactor=1.5 max=5
    http://10.0.0.2 status=+D
[balancer:two]
members = http://10.0.0.3
[mount:/metrics]
to = metrics:
[mount:/lone]
to = http://10.0.0.9/
[mount:/health]
to = health:
[mount:/]
to = balancer://shop/
"""
OPENMETRICS = "application/openmetrics-text; version=1.0.0"

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def fetch(world: World, accept: str = "", method: str = "GET") -> tuple[str, str]:
    """
    Return head and body of the page of metrics.
    """
    lines = f"{method} /metrics HTTP/1.1\r\nHost: lb.test\r\n"
    client = world.client(80, f"{lines}Accept: {accept}\r\n\r\n".encode())
    turn(world)
    head, _, body = client.taken().decode().partition("\r\n\r\n")
    client.end()
    return head, body


def turn(world: World, turns: int = 400) -> None:
    """
    Let the reactor turn, in no time.
    """
    for _ in range(turns):
        world.reactor.advance(0)


def parsed(body: str, openmetrics: bool = False) -> Samples:
    """
    Return all samples, as prometheus-client's own parsers read them.
    """
    found: Samples = {}
    for family in (read_openmetrics if openmetrics else read_plain)(body):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, key
            found[key] = sample.value
    return found


def read(world: World) -> Samples:
    """
    Return all samples of now.
    """
    return parsed(fetch(world, OPENMETRICS)[1], True)


def value(samples: Samples, name: str, **labels: str) -> float:
    """
    Return one sample.
    """
    return samples[name, tuple(sorted(labels.items()))]


def series(family: Family) -> tuple[str, ...]:
    """
    Return the names of a family in queries.
    """
    return tuple(family.name + suffix for suffix in SUFFIXES[family.kind])
