"""
The page of the manual on metrics, made from the families.

C{python -m txbalancer.control.metrics.manual > docs/metrics.rst}
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator

from txbalancer.config.reference import plain, table
from txbalancer.control.metrics.alerts import ALERTS
from txbalancer.control.metrics.families import Family, Group
from txbalancer.control.metrics.registry import GROUPS
from txbalancer.core.meters import BOUNDS, COARSE

HEAD = """\
Metrics
=======

.. Made by `python -m txbalancer.control.metrics.manual`; edits here are lost.

``to = metrics:`` is a page for Prometheus and whatever else reads its text format or that of
OpenMetrics, which is sent to those who ask for it in ``Accept``. It tells much about what is
behind the balancer: let only Prometheus in.

.. code-block:: ini

    [mount:/metrics]
    to = metrics:
    require = local
        ip 10.0.0.0/8

In ``prometheus.yml``::

    scrape_configs:
      - job_name: txbalancer
        static_configs:
          - targets: ["127.0.0.1:8080"]
    rule_files:
      - /path/to/txbalancer/etc/prometheus/alerts.yml

``etc/grafana/txbalancer.json`` is a dashboard to be imported, ``etc/prometheus/alerts.yml`` has
alert rules. Both are made from the families below, so that no name in them can go out of date.

Every series is there from the start, except those by *reason*, which begin with the first failure
of that sort. Labels have only names from the configuration, from commands (members that were
added) and from the lists of this page, never anything from a request. A member that is removed
takes its series with it; the sums of its balancer keep what it did. Counters begin at zero with
the process, but those of attempts and bytes of members outlive a restart with a state file.

Histograms have these upper ends, in seconds:
{bounds}.
Times of exchanges count from the first byte of the request.

The page is written a few members at a time, with other work between: a thousand members are 9 MB,
and take about a tenth of a second of the processor but never hold up a request for more than some
milliseconds. It is not compressed. Who asks while a page is being written gets that page.

A file in Apache's syntax has no word for this page: ``txbalancer convert`` makes an INI file of
it, where the mount is added.
"""

ALERTS_HEAD = """\
Alerts
------

The rules of ``etc/prometheus/alerts.yml``. *critical* hurts visitors now, *warning* can wait for
the morning. Limits that do not suit are changed in a copy of the file.
"""

_TITLES = {
    "service": "Of the service",
    "worker": "Of workers",
    "listener": "Of listeners",
    "balancer": "Of balancers",
    "source": "Of sources of members",
    "member": "Of members",
    "limit": "Of limits",
}

PROCESS = """\
Of the process
--------------

With workers this is their supervisor. Those of prometheus-client:
``process_cpu_seconds_total``, ``process_resident_memory_bytes``,
``process_virtual_memory_bytes``, ``process_open_fds``, ``process_max_fds``,
``process_start_time_seconds``, ``python_info`` and ``python_gc_…``.
"""


def manual() -> str:
    """
    Return the page as reStructuredText.
    """
    bounds = textwrap.fill(", ".join(f"{BOUNDS[index]:g}" for index in COARSE), 98)
    parts = [HEAD.format(bounds=bounds)]
    parts += ["\n".join(_group(group)) + "\n" for group in GROUPS]
    parts += [PROCESS, "\n".join(_alerts()) + "\n"]
    return "\n".join(parts)


def _group(group: Group) -> Iterator[str]:
    title = _TITLES[group.what]
    yield title
    yield "-" * len(title)
    yield ""
    if group.labels:
        yield f"Labels of all: {' and '.join(f'*{label}*' for label in group.labels)}."
        yield ""
    yield from table(("Name", "Type", "Label", "Meaning"), map(_row, group.families))


def _row(family: Family) -> tuple[str, ...]:
    name = f"``{family.name}{'_total' if family.kind == 'counter' else ''}``"
    return name, family.kind, f"*{family.by}*" if family.by else "", f"{plain(family.help)}."


def _alerts() -> Iterator[str]:
    yield ALERTS_HEAD
    rows = (
        (
            f"``{each.name}``",
            each.severity,
            f"``{each.expression}`` for {each.lasting}",
            plain(each.remedy),
        )
        for each in ALERTS
    )
    yield from table(("Name", "Severity", "When", "What to do"), rows)


if __name__ == "__main__":
    sys.stdout.write(manual())
