"""
What of a configuration is one worker's.
"""

from __future__ import annotations

import pytest

from txbalancer.config import loads
from txbalancer.services.parts import own_part
from txbalancer.services.plugins import load_registry

TEXT = """
[txbalancer]
workers = 4
max-connections = 10
memory-limit = MEMORY
[listener:web]
endpoint = tcp:80
max-connections = 10
max-requests = 10
queue = 6
requests-per-client = 10
connections-per-client = 10
[listener:other]
endpoint = tcp:81
[limit:logins]
rate = 10/s
[balancer:shop]
max-requests = 1
queue = 0
breaker-percent = 50
breaker-trials = 5
members = http://a max=10 maxqueue=10
[balancer:other]
members = http://b
[mount:/b]
to = balancer://other/
[mount:/]
to = balancer://shop/
limit = logins
"""


@pytest.mark.parametrize(
    ("memory", "part"), [("0", 0), ("80%", -20), ("2%", -1), ("64M", 16 * 1024**2)]
)
def test_memory_is_divided(memory: str, part: int) -> None:
    """
    All workers together have no more than C{memory-limit}; of percents one is the least.
    """
    spec = loads(TEXT.replace("MEMORY", memory), load_registry()).spec
    assert own_part(spec, 4).service.memory_limit == part


def test_what_no_table_counts_is_divided() -> None:
    """
    Requests in progress with those who wait for their turn, and the connections of the whole
    service, and what a circuit breaker lets through to see: an even part, rounded up.
    """
    spec = loads(TEXT.replace("MEMORY", "0"), load_registry()).spec
    part = own_part(spec, 4)
    web, other = part.listeners
    assert (part.service.workers, part.service.max_connections) == (0, 3)
    assert (web.max_requests, web.queue) == (3, 2)
    assert (part.balancers[0].max_requests, part.balancers[0].queue) == (1, 0)
    assert part.balancers[0].breaker_trials == 2
    assert {each.breaker_trials for each in part.balancers[0].members} == {1}
    assert (other, part.balancers[1]) == (spec.listeners[1], spec.balancers[1])


def test_what_is_counted_together_or_by_each_stays() -> None:
    """
    Connections of a listener and of members count all workers; clients and rates each its own.
    """
    spec = loads(TEXT.replace("MEMORY", "0"), load_registry()).spec
    part = own_part(spec, 4)
    web = part.listeners[0]
    assert web.max_connections == web.requests_per_client == web.connections_per_client == 10
    (mine,), (all_of_it,) = part.balancers[0].members, spec.balancers[0].members
    assert (mine.max, mine.maxqueue) == (all_of_it.max, all_of_it.maxqueue)
    assert part.balancers[1].members == spec.balancers[1].members
    assert part.limits == spec.limits
