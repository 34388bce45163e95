"""
Alert rules for Prometheus: what somebody should look at, and how urgently.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

CRITICAL, WARNING = "critical", "warning"

_BY = "job, instance, balancer"


@dataclass(frozen=True, slots=True)
class Alert:
    """
    @ivar expression: in Prometheus's language; something while there is trouble.
    @ivar lasting: how long there must be, such as C{5m}.
    @ivar severity: L{CRITICAL} when visitors are hurt now, else L{WARNING}.
    @ivar summary: one line; may have C{$labels} and C{$value}.
    @ivar remedy: where to look and what to do.
    """

    name: str
    expression: str
    lasting: str
    severity: str
    summary: str
    remedy: str


ALERTS = (
    Alert(
        "TxbalancerCertificateEnds",
        "txbalancer_listener_certificate_days_left < 7",
        "1h",
        CRITICAL,
        "{{ $labels.file }} of listener {{ $labels.listener }} ends in {{ $value }} days",
        "Renew it and put it in the place of the file: it is taken from there by itself. If it was"
        " renewed, the log says why it was not taken.",
    ),
    Alert(
        "TxbalancerBalancerUnavailable",
        "txbalancer_balancer_available == 0",
        "30s",
        CRITICAL,
        "No member of balancer {{ $labels.balancer }} can take a request",
        "Requests get 503. `txbalancer status` says why each member is out; a member that is well"
        " can be brought back with `txbalancer member enable`.",
    ),
    Alert(
        "TxbalancerHalfOfTheMembersDown",
        f"sum by ({_BY}) (txbalancer_member_state{{state=~'error|ejected|tripped|unhealthy'}})"
        f" / on ({_BY}) txbalancer_balancer_members >= 0.5",
        "1m",
        CRITICAL,
        "{{ $value | humanizePercentage }} of the members of balancer {{ $labels.balancer }} are"
        " out by themselves",
        "The others carry the load of all. Look at what the members that are out have in common:"
        " a machine, a network, a release.",
    ),
    Alert(
        "TxbalancerMemberDown",
        "txbalancer_member_state{state=~'error|ejected|tripped|unhealthy'} == 1",
        "5m",
        WARNING,
        "{{ $labels.member }} of balancer {{ $labels.balancer }} is out: {{ $labels.state }}",
        "`txbalancer probe` asks it now and shows what it says; the manager's page has its last"
        " probes.",
    ),
    Alert(
        "TxbalancerPanic",
        "txbalancer_balancer_panic == 1",
        "0s",
        CRITICAL,
        "Balancer {{ $labels.balancer }} ignores health: too few of its members are healthy",
        "Requests go to members that are known to be ill, for the others could not bear the load."
        " `txbalancer status` says why each is out.",
    ),
    Alert(
        "TxbalancerBreakerOpen",
        "txbalancer_balancer_breaker{state='open'} == 1",
        "0s",
        CRITICAL,
        "The circuit breaker of balancer {{ $labels.balancer }} is open: requests get 503",
        "The event log says what opened it. It tries again by itself after breaker-open.",
    ),
    Alert(
        "TxbalancerEjectionsSpared",
        "increase(txbalancer_balancer_ejections_spared_total[15m]) > 0",
        "5m",
        WARNING,
        "Members of balancer {{ $labels.balancer }} fail but are not ejected: too many are out",
        "What so many members have in common is no outlier: a database, a release. outlier-most"
        " is the share that may be out.",
    ),
    Alert(
        "TxbalancerRetriesDenied",
        "increase(txbalancer_balancer_retries_denied_total[5m]) > 0",
        "5m",
        WARNING,
        "{{ $value }} requests to balancer {{ $labels.balancer }} were not tried again, for"
        " retry-budget was spent",
        "So many attempts fail that retries would make it worse."
        " txbalancer_member_attempt_failures_total tells at which member.",
    ),
    Alert(
        "TxbalancerMemberFlapping",
        "increase(txbalancer_member_state_changes_total[15m]) > 10",
        "5m",
        WARNING,
        "{{ $labels.member }} of balancer {{ $labels.balancer }} goes out and comes back again"
        " and again",
        "The event log has the cause of each change. A higher hcfails, hcpasses or maxfails calms"
        " it down; a member that is only slow needs a longer timeout.",
    ),
    Alert(
        "TxbalancerErrors",
        f"sum by ({_BY}) (rate(txbalancer_balancer_requests_total{{code='5xx'}}[5m]))"
        f" / sum by ({_BY}) (rate(txbalancer_balancer_requests_total[5m])) > 0.05",
        "5m",
        CRITICAL,
        "{{ $value | humanizePercentage }} of the answers of balancer {{ $labels.balancer }} are"
        " errors (5xx)",
        "txbalancer_balancer_failures_total tells by reason which of them are the balancer's own;"
        " the others are what members answered.",
    ),
    Alert(
        "TxbalancerSlow",
        f"histogram_quantile(0.95, sum by ({_BY}, le)"
        " (rate(txbalancer_balancer_duration_seconds_bucket[5m]))) > 2.5",
        "10m",
        WARNING,
        "One request in twenty to balancer {{ $labels.balancer }} takes more than"
        " {{ $value | humanizeDuration }}",
        "Compare txbalancer_member_first_byte_seconds of its members: one that is slow can be"
        " drained, and all of them need more of them.",
    ),
    Alert(
        "TxbalancerQueueGrowing",
        "txbalancer_balancer_queue > 0 and deriv(txbalancer_balancer_queue[5m]) > 0",
        "5m",
        WARNING,
        "{{ $value }} requests wait in balancer {{ $labels.balancer }}, and they become more",
        "Members have fewer connections (max) than there are requests, or none is in use. Add"
        " members, or raise max if they can bear it.",
    ),
    Alert(
        "TxbalancerPoolFull",
        "txbalancer_member_connections{state='busy'} >= ignoring (state)"
        " (txbalancer_member_connections_limit > 0)",
        "2m",
        WARNING,
        "All {{ $value }} connections to {{ $labels.member }} are busy",
        "Further requests wait for one. Raise max if the member can bear it.",
    ),
    Alert(
        "TxbalancerListenerFull",
        "txbalancer_listener_connections >= (txbalancer_listener_connections_limit > 0)",
        "1m",
        CRITICAL,
        "Listener {{ $labels.listener }} has all the {{ $value }} connections that it may have",
        "Further clients wait. Raise max-connections, or shorten keepalive-timeout.",
    ),
    Alert(
        "TxbalancerMachineFull",
        "increase(txbalancer_descriptors_exhausted_total[5m]) > 0"
        " or txbalancer_memory_exhausted == 1",
        "0s",
        CRITICAL,
        "The balancer at {{ $labels.instance }} accepts clients only now and then: descriptors or"
        " memory are used up",
        "Clients that are there go on. The log says which of the two it is: raise LimitNOFILE= or"
        " memory-limit, or set connections-per-client and shorter times.",
    ),
    Alert(
        "TxbalancerSourceFailing",
        "txbalancer_source_successful == 0",
        "10m",
        WARNING,
        "{{ $labels.source }}, a source of members of balancer {{ $labels.balancer }}, fails",
        "The members that it last told are used on; new ones are not found. `txbalancer status`"
        " says what is wrong with it.",
    ),
    Alert(
        "TxbalancerStateFileFailing",
        "txbalancer_last_state_write_successful == 0",
        "1m",
        WARNING,
        "The state file cannot be written",
        "Changes at run time would not outlive a restart. The error log says why: a full disk,"
        " or rights.",
    ),
    Alert(
        "TxbalancerReloadFailed",
        "txbalancer_last_reload_successful == 0",
        "1m",
        WARNING,
        "The configuration was not reloaded",
        "The former one is still in force. `txbalancer check -c FILE` says what is wrong.",
    ),
    Alert(
        "TxbalancerWorkersLost",
        "increase(txbalancer_workers_replaced_total[15m]) > 2",
        "0s",
        WARNING,
        "{{ $value }} worker processes had to be replaced",
        "Each took the requests that it had in progress with it. The log says what ended them.",
    ),
    Alert(
        "TxbalancerLogLinesLost",
        "increase(txbalancer_log_lines_lost_total[5m]) > 0",
        "0s",
        WARNING,
        "{{ $value }} lines of the access log were lost",
        "Its destination does not take them: a full disk, or a pipe that nobody reads.",
    ),
)

_HEAD = """\
# Alert rules for Prometheus, to be named under rule_files. Made from the families of metrics by
# python -m txbalancer.control.metrics.dashboards; limits that do not suit are changed here.
groups:
  - name: txbalancer
    rules:
"""


def render() -> str:
    """
    Return the rules as a file for Prometheus.
    """
    return _HEAD + "\n".join(map(_rule, ALERTS))


def _rule(alert: Alert) -> str:
    # A string of JSON is one of YAML.
    return (
        f"      - alert: {alert.name}\n"
        f"        expr: {json.dumps(alert.expression)}\n"
        f"        for: {alert.lasting}\n"
        "        labels:\n"
        f"          severity: {alert.severity}\n"
        "        annotations:\n"
        f"          summary: {json.dumps(alert.summary)}\n"
        f"          description: {json.dumps(alert.remedy)}\n"
    )
