"""
What the dashboard for Grafana shows.
"""

from __future__ import annotations

from txbalancer.control.metrics.panel import (
    BALANCER,
    MEMBER,
    SERVICE,
    STAT,
    TABLE,
    Panel,
    Row,
    matching,
    quantile,
    quantiles,
    rate,
)

_ERRORS = matching(BALANCER, 'code="5xx"')
_REQUESTS = "txbalancer_balancer_requests_total"

OVERVIEW = Row(
    "Overview",
    (
        Panel(
            "Balancers without a member",
            ((f"count(txbalancer_balancer_available{BALANCER} == 0) or vector(0)", ""),),
            help="Balancers whose requests get 503 now.",
            width=4,
            kind=STAT,
        ),
        Panel(
            "Members out",
            (
                (
                    "sum(txbalancer_member_state"
                    + matching(BALANCER, 'state=~"error|ejected|tripped|unhealthy"')
                    + ") or vector(0)",
                    "",
                ),
            ),
            help="Members out by failures or health checks.",
            width=4,
            kind=STAT,
        ),
        Panel(
            "Requests",
            ((f"sum(rate({_REQUESTS}{BALANCER}[$__rate_interval]))", ""),),
            "reqps",
            width=4,
            kind=STAT,
        ),
        Panel(
            "Errors",
            (
                (
                    f"(sum(rate({_REQUESTS}{_ERRORS}[$__rate_interval])) or vector(0))"
                    f" / sum(rate({_REQUESTS}{BALANCER}[$__rate_interval]))",
                    "",
                ),
            ),
            "percentunit",
            "Answers with a 5xx, those of members too.",
            4,
            STAT,
        ),
        Panel(
            "95 % of requests within",
            ((quantile(0.95, "txbalancer_balancer_duration_seconds", BALANCER, "job"), ""),),
            "s",
            width=4,
            kind=STAT,
        ),
        Panel(
            "Client connections",
            ((f"sum(txbalancer_listener_connections{SERVICE})", ""),),
            width=4,
            kind=STAT,
        ),
    ),
)

BALANCERS = Row(
    "Balancers",
    (
        Panel(
            "Requests by status",
            ((rate(_REQUESTS, BALANCER, "balancer, code"), "{{balancer}} {{code}}"),),
            "reqps",
            "none: the client left before an answer.",
            stacked=True,
        ),
        Panel(
            "Errors by reason",
            (
                (
                    rate("txbalancer_balancer_failures_total", BALANCER, "balancer, reason"),
                    "{{balancer}} {{reason}}",
                ),
                (
                    rate("txbalancer_balancer_retries_total", BALANCER, "balancer"),
                    "{{balancer}} further attempts",
                ),
            ),
            "reqps",
            "Exchanges that did not end well, by the words of the access log, and attempts after"
            " the first, most of which save an exchange.",
        ),
        Panel(
            "Duration",
            quantiles("txbalancer_balancer_duration_seconds", BALANCER, "balancer", "{{balancer}}"),
            "s",
        ),
        Panel(
            "In progress and waiting",
            (
                (f"txbalancer_balancer_in_flight{BALANCER}", "{{balancer}} in progress"),
                (f"txbalancer_balancer_queue{BALANCER}", "{{balancer}} waiting"),
            ),
        ),
        Panel(
            "Time of waiting",
            quantiles("txbalancer_balancer_queue_seconds", BALANCER, "balancer", "{{balancer}}"),
            "s",
            "For requests that had to wait for a member or a connection.",
        ),
        Panel(
            "Bodies",
            (
                (
                    rate("txbalancer_balancer_received_bytes_total", BALANCER, "balancer"),
                    "{{balancer}} from clients",
                ),
                (
                    rate("txbalancer_balancer_sent_bytes_total", BALANCER, "balancer"),
                    "{{balancer}} to clients",
                ),
            ),
            "Bps",
        ),
        Panel(
            "Panic and circuit breakers",
            (
                (f"txbalancer_balancer_panic{BALANCER} == 1", "{{balancer}} panic"),
                (
                    "txbalancer_balancer_breaker"
                    + matching(BALANCER, 'state=~"open|half-open"')
                    + " == 1",
                    "{{balancer}} breaker {{state}}",
                ),
            ),
            help="Empty is well.",
        ),
        Panel(
            "Retries in progress and denied",
            (
                (f"txbalancer_balancer_retries_in_progress{BALANCER}", "{{balancer}} in progress"),
                (
                    rate("txbalancer_balancer_retries_denied_total", BALANCER, "balancer"),
                    "{{balancer}} denied",
                ),
            ),
            help="Of balancers with a retry-budget.",
        ),
        Panel(
            "Outliers that were spared",
            (
                (
                    rate("txbalancer_balancer_ejections_spared_total", BALANCER, "balancer"),
                    "{{balancer}}",
                ),
            ),
            help="Not ejected because outlier-most of the members would have been exceeded.",
        ),
    ),
)

MEMBERS = Row(
    "Members",
    (
        Panel(
            "States",
            ((f"txbalancer_member_state{MEMBER} == 1", ""),),
            help="ok, or what keeps the member from new sessions.",
            width=12,
            kind=TABLE,
        ),
        Panel(
            "Requests",
            (
                (
                    rate("txbalancer_member_requests_total", MEMBER, "balancer, member"),
                    "{{member}}",
                ),
            ),
            "reqps",
            width=12,
            stacked=True,
        ),
        Panel(
            "Failed attempts by reason",
            (
                (
                    rate("txbalancer_member_attempt_failures_total", MEMBER, "member, reason"),
                    "{{member}} {{reason}}",
                ),
            ),
            "reqps",
        ),
        Panel(
            "95 % have the first byte within",
            (
                (
                    quantile(0.95, "txbalancer_member_first_byte_seconds", MEMBER, "member"),
                    "{{member}}",
                ),
            ),
            "s",
        ),
        Panel(
            "95 % connected within",
            (
                (
                    quantile(0.95, "txbalancer_member_connect_seconds", MEMBER, "member"),
                    "{{member}}",
                ),
            ),
            "s",
        ),
        Panel(
            "Connections",
            (
                (f"txbalancer_member_connections{MEMBER}", "{{member}} {{state}}"),
                (f"txbalancer_member_connections_limit{MEMBER} > 0", "{{member}} limit"),
            ),
        ),
        Panel(
            "Failed health checks",
            (
                (
                    rate(
                        "txbalancer_member_probes_total",
                        matching(MEMBER, 'result="failed"'),
                        "member",
                    ),
                    "{{member}}",
                ),
            ),
            "ops",
        ),
        Panel(
            "Changes of state",
            (
                (
                    "sum by (member) (increase(txbalancer_member_state_changes_total"
                    f"{MEMBER}[$__rate_interval]))",
                    "{{member}}",
                ),
            ),
        ),
        Panel(
            "Ejections by rule",
            (
                (
                    "sum by (member, rule) (increase(txbalancer_member_ejections_total"
                    f"{MEMBER}[$__rate_interval])) > 0",
                    "{{member}} {{rule}}",
                ),
                (
                    "sum by (member) (increase(txbalancer_member_breaker_openings_total"
                    f"{MEMBER}[$__rate_interval])) > 0",
                    "{{member}} breaker",
                ),
            ),
        ),
        Panel(
            "Slow starts",
            ((f"txbalancer_member_share_ratio{MEMBER} < 1", "{{member}}"),),
            "percentunit",
            "Part of its share that a member has which starts slowly.",
        ),
    ),
)

PROCESS = Row(
    "Service",
    (
        Panel(
            "CPU",
            ((rate("process_cpu_seconds_total", SERVICE, "instance"), "{{instance}}"),),
            "percentunit",
            "1 is a whole core, which is all that one process can use.",
        ),
        Panel(
            "Memory",
            ((f"process_resident_memory_bytes{SERVICE}", "{{instance}}"),),
            "bytes",
        ),
        Panel(
            "Connections and open files",
            (
                (f"txbalancer_listener_connections{SERVICE}", "{{listener}} connections"),
                (f"process_open_fds{SERVICE}", "{{instance}} open files"),
                (f"process_max_fds{SERVICE}", "{{instance}} most open files"),
            ),
        ),
        Panel(
            "Changes, flips and reloads",
            (
                (
                    "sum by (kind) (increase(txbalancer_events_total"
                    f"{SERVICE}[$__rate_interval])) > 0",
                    "{{kind}}",
                ),
            ),
            help="Everything that is in the event log, too.",
        ),
        Panel(
            "State file and reload",
            (
                (f"txbalancer_last_state_write_successful{SERVICE}", "state file written"),
                (f"txbalancer_last_reload_successful{SERVICE}", "last reload in force"),
            ),
            help="1 is well.",
        ),
        Panel(
            "Watchers and lost lines",
            (
                (f"txbalancer_event_streams{SERVICE}", "{{instance}} event streams"),
                (
                    rate("txbalancer_log_lines_lost_total", SERVICE, "instance"),
                    "{{instance}} lost lines per second",
                ),
            ),
        ),
        Panel(
            "CPU of workers",
            (
                (
                    rate("txbalancer_worker_cpu_seconds_total", SERVICE, "instance, worker"),
                    "{{instance}} worker {{worker}}",
                ),
            ),
            "percentunit",
            "Of one core each; they should have as much to do.",
        ),
        Panel(
            "Memory of workers",
            (
                (
                    f"txbalancer_worker_resident_memory_bytes{SERVICE}",
                    "{{instance}} worker {{worker}}",
                ),
            ),
            "bytes",
        ),
        Panel(
            "Workers replaced",
            (
                (
                    f"increase(txbalancer_workers_replaced_total{SERVICE}[$__rate_interval])",
                    "{{instance}}",
                ),
            ),
            help="The log says why each was lost.",
        ),
    ),
)

ROWS = (OVERVIEW, BALANCERS, MEMBERS, PROCESS)
