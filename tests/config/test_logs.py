"""
Sections [log:NAME].
"""

from __future__ import annotations

import pytest

from txbalancer.config.diff import plan
from txbalancer.core.specs import Condition, LogSpec

from .helpers import BALANCER, LISTENER, MOUNT, errors, good

BASE = LISTENER + BALANCER + MOUNT


def test_logs_of_some_requests() -> None:
    """
    Each line names a log and its form; conditions are those of mounts.
    """
    text = (
        '[log:Shop]\nto =\n    /var/log/shop.log %h "%r" %>s\n    "/a b.log" json\n    syslog\n'
        "host = a.test b.test\nquery.Id = 1\n[log:rest]\nto = - combined\n"
    )
    assert good(BASE + text).spec.logs == (
        LogSpec(
            "shop",
            (("/var/log/shop.log", '%h "%r" %>s'), ("/a b.log", "json"), ("syslog", "combined")),
            (Condition("host", "", ("a.test", "b.test")), Condition("query", "Id", ("1",))),
        ),
        LogSpec("rest", (("-", "combined"),)),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[log:a]\n",
            "f:7: [log:a] to: is missing: give one log per line, WHERE FORMAT, such as "
            "/var/log/shop.log combined",
        ),
        (
            "[log:a]\nto =\n",
            "f:8: [log:a] to: is missing: give one log per line, WHERE FORMAT, such as "
            "/var/log/shop.log combined",
        ),
        (
            '[log:a]\nto = "x\n',
            "f:8: [log:a] to: '\"x' is not of the form WHERE FORMAT, such as /var/log/shop.log "
            "combined",
        ),
        (
            "[log]\nto = -\n",
            "f:7: [log] the name is missing: [log:NAME] takes 1 to 63 letters, digits, '.', '_' "
            "and '-'",
        ),
        (
            "[log:a]\nto = -\nhots = a\n",
            "f:9: [log:a] hots: is not known here (did you mean host?)",
        ),
        ("[log:a]\nto = -\nlistener = x\n", "f:9: [log:a] listener: no [listener:x]; use web"),
    ],
)
def test_faults(text: str, expected: str) -> None:
    """
    What cannot be read is told with its line.
    """
    assert errors(BASE + text) == [expected]


def test_changes() -> None:
    """
    Logs are compared by name; their order matters, as the first that takes a request counts.
    """
    old = good(BASE + "[log:a]\nto = -\n[log:b]\nto = -\n").spec
    new = good(BASE + "[log:b]\nto = - json\n[log:a]\nto = -\n[log:c]\nto = -\n").spec
    changes = plan(old, new)
    assert changes.lines == (
        "log c added",
        "log b: files changed",
        "order of logs changed",
    )
    assert [each.name for each in changes.logs.added] == ["c"]
    assert not plan(new, new)


@pytest.mark.parametrize("key", ["access-log", "access-log-format"])
def test_the_services_log_in_a_listener(key: str) -> None:
    """
    Whoever wants a log of a listener's own learns how.
    """
    (found,) = errors(f"{LISTENER}{key} = json\n")
    assert found == (
        f"f:3: [listener:web] {key}: does not belong here, but in [txbalancer]: it is for the whole"
        " service; [log:NAME] with `listener = NAME` is a listener's own"
    )
