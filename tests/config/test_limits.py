"""
Sections of rate limits, and limits that make no sense.
"""

from __future__ import annotations

import pytest

from tests.config.helpers import BALANCER, LISTENER, MOUNT, errors, good, warnings
from txbalancer.config.diff import plan
from txbalancer.config.render import render
from txbalancer.core.specs import LimitSpec, Rate

LIMIT = "[limit:api]\nrate = 5/min\n"
USED = LIMIT + LISTENER + BALANCER + MOUNT + "limit = api\n"


def test_a_limit_is_read_and_written() -> None:
    """
    What is written is read as the same.
    """
    text = LIMIT.replace("5/min", "5 / min\nburst = 3\nkey = Header:X-Key\ndry-run = on")
    spec = good(text + USED.removeprefix(LIMIT)).spec
    assert spec.limits == (
        LimitSpec("api", rate=Rate(5, "min"), burst=3, key="header:X-Key", dry_run=True),
    )
    assert spec.mounts[0].limit == ("api",)
    assert good(render(spec)).spec == spec
    assert good(render(spec, defaults=True)).spec == spec
    assert Rate(5, "min").per_second == pytest.approx(5 / 60)


def test_a_rate_that_is_the_default_is_written_too() -> None:
    """
    For it has to be there.
    """
    spec = good(USED.replace("5/min", "10/s")).spec
    assert "rate = 10/s" in render(spec)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (USED.replace("rate = 5/min", "burst = 3"), "f:1: [limit:api] rate: is missing"),
        (USED.replace("5/min", "0/s"), "'0/s' is not a rate: use a number with /s, /min or /h"),
        (USED.replace("5/min", "fast"), "'fast' is not a rate"),
        (USED.replace("min", "min\nkey = user"), "'user' must be client, host, path, header:NAME"),
        (USED.replace("min", "min\nkey = header:"), "'header:' must be client"),
        (USED.replace("limit = api", "limit = ape"), "no [limit:ape]; use api (did you mean api?)"),
        (USED.replace("[limit:api]", "[limit:a b]"), "'a b' is no name"),
        (USED.replace("5/min", "5/min\nrates = 3"), "rates: is not known here"),
        (
            USED.replace("tcp:8080", "tcp:8080\nlimit = api").replace("min", "min\nkey = host"),
            "[limit:api] has key = host: of a connection only the client is known",
        ),
        (
            "[txbalancer]\nmemory-limit = 1M\n" + USED,
            "'1M' is out of range: 16M",
        ),
        ("[txbalancer]\nmemory-limit = 120%\n" + USED, "whole number from 1 to 100"),
        (
            "[listener:u]\nendpoint = udp:53\nmode = udp\nto = balancer://dns\n"
            "[balancer:dns]\nmax-requests = 3\nmembers = udp://h:53\n",
            "max-requests: is not for datagrams",
        ),
    ],
)
def test_faults(text, found) -> None:
    """
    Each is told with its place and what is allowed.
    """
    assert any(found in each for each in errors(text)), errors(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (LIMIT + LISTENER + BALANCER + MOUNT, "[limit:api] is not used"),
        (
            LIMIT + "status = 503\n" + LISTENER + "limit = api\n" + BALANCER + MOUNT,
            "f:3: [limit:api] status: has no effect without a mount that names this limit",
        ),
        (
            "[txbalancer]\nmax-connections = 5\n" + LISTENER + "reserved = on\n",
            "max-connections: has no effect: every listener is reserved",
        ),
        (
            LISTENER + "max-connections = 5\nconnections-per-client = 6\n" + BALANCER + MOUNT,
            "connections-per-client: 6 is above max-connections, 5",
        ),
        (
            LISTENER + "max-requests = 5\nrequests-per-client = 6\n" + BALANCER + MOUNT,
            "requests-per-client: 6 is above max-requests, 5",
        ),
        (LISTENER + "queue = 5\n" + BALANCER + MOUNT, "queue: has no effect without max-requests"),
        (LISTENER + BALANCER + "queue = 5\n" + MOUNT, "queue: has no effect without max-requests"),
        (LISTENER + "exempt-clients = 10.0.0.1\n" + BALANCER + MOUNT, "exempt-clients: has no"),
        (LISTENER + BALANCER + MOUNT + "priority = high\n", "priority: has no effect: nothing"),
        (
            LISTENER + "max-requests = 5\n[mount:/]\nto = !\npriority = high\n",
            "priority: has no effect: nothing is asked for",
        ),
        (
            LISTENER + "max-requests = 5\nmode = tcp\nto = balancer://shop\n"
            "[balancer:shop]\nmembers = tcp://h:1\n",
            "max-requests: has no effect without mode = http",
        ),
        (
            LIMIT + LISTENER + "[mount:/m]\nto = manager:\nlimit = api\n",
            "limit: holds for the manager, too",
        ),
        (
            LISTENER + "[balancer:shop]\nmax-requests = 9\nmembers = http://h:1 max=5\n" + MOUNT,
            "max-requests: 9 is more than the members take at once, 5",
        ),
        (LISTENER + "[balancer:shop]\nmembers = http://h:1 maxqueue=5\n" + MOUNT, "maxqueue has"),
    ],
)
def test_doubts(text, found) -> None:
    """
    What one limit makes senseless about another is told, and works all the same.
    """
    assert any(found in each for each in warnings(text)), warnings(text)


def test_sensible_limits_are_not_doubted() -> None:
    """
    All of them together.
    """
    text = (
        "[txbalancer]\nmax-connections = 1000\nmemory-limit = 80%\n"
        f"{LIMIT}status = 503\n{LISTENER}max-requests = 100\nrequests-per-client = 10\n"
        "connections-per-client = 20\nqueue = 10\nqueue-timeout = 3s\nlimit = api\n"
        "exempt-clients = 10.0.0.0/8\n[listener:admin]\nendpoint = tcp:81\nreserved = on\n"
        "[balancer:shop]\nmax-requests = 5\nqueue = 3\nmembers = http://h:1 maxrequests=5\n"
        f"{MOUNT}priority = high\nlimit = api\n"
    )
    assert warnings(text) == []


def test_what_changes_is_told() -> None:
    """
    Of limits as of everything else.
    """
    old, new = good(USED).spec, good(USED.replace("5/min", "6/min")).spec
    assert plan(old, new).lines == ("limit api: rate 5/min -> 6/min",)
    assert plan(old, old).limits.changed == ()


def test_a_stream_may_have_a_priority() -> None:
    """
    Its connections wait for members, too.
    """
    text = (
        "[listener:t]\nendpoint = tcp:1\nmode = tcp\n[balancer:db]\nmembers = tcp://h:1 max=3\n"
        "[mount:db]\nto = balancer://db\nlistener = t\npriority = high\n"
    )
    assert good(text).spec.mounts[0].priority == "high"
    assert warnings(text) == []
    (fault,) = errors(text + "limit = x\n[limit:x]\nrate = 1/s\n")
    assert "limit: needs HTTP" in fault


def test_sensible_limits_of_datagrams_are_not_doubted() -> None:
    """
    Exempt clients have no limit of sessions, and a reserved listener goes on without memory.
    """
    text = (
        "[listener:dns]\nmode = udp\nendpoint = udp:53\nto = balancer://dns\nreserved = on\n"
        "sessions-per-client = 5\nexempt-clients = 10.0.0.0/8\n"
        "[balancer:dns]\nmembers = udp://h:1\n"
    )
    assert warnings(text) == []
