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


def test_what_all_count_stays() -> None:
    """
    Connections, requests in progress, clients and rates count all workers.
    """
    spec = loads(TEXT.replace("MEMORY", "0"), load_registry()).spec
    part = own_part(spec, 4)
    assert (part.service.workers, part.service.max_connections) == (0, 10)
    assert (part.listeners, part.limits) == (spec.listeners, spec.limits)
    (mine, _), (whole, _) = part.balancers, spec.balancers
    assert (mine.max_requests, mine.queue) == (whole.max_requests, whole.queue)
    assert (mine.members[0].max, mine.members[0].maxqueue) == (10, 10)
