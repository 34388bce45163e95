"""
The dashboard, the alert rules and the page of the manual say what the families are.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.control.metrics.pages import series
from txbalancer.control.metrics import alerts, dashboards
from txbalancer.control.metrics.alerts import ALERTS
from txbalancer.control.metrics.families import CLASSES
from txbalancer.control.metrics.manual import manual
from txbalancer.control.metrics.of_members import FLAGS, STATES
from txbalancer.control.metrics.of_process import process_registry
from txbalancer.control.metrics.panels import ROWS
from txbalancer.control.metrics.registry import GROUPS
from txbalancer.core.events import KINDS
from txbalancer.core.passive.breaker import STATES as BREAKER

ROOT = Path(__file__).resolve().parents[3]
OURS = {
    name: (*group.labels, family.by)
    for group in GROUPS
    for family in group.families
    for name in series(family)
}
VALUES = {
    "code": set(CLASSES),
    "flag": set(FLAGS),
    "kind": set(KINDS),
    "result": {"failed", "passed"},
}
PANELS = [panel for row in ROWS for panel in row.panels]
EXPRESSIONS = [alert.expression for alert in ALERTS] + [
    expression for panel in PANELS for expression, _ in panel.queries
]
TARGET = {"job", "instance", "le", ""}


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """
    Run it, or skip the test.
    """
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", dashboards.FILES)
def test_files_are_fresh(name: str) -> None:
    """
    The files in etc/ are those that the program writes today.
    """
    assert (ROOT / "etc" / name).read_text() == dashboards.FILES[name](), "run `make docs`"


def test_the_program_writes_them(tmp_path: Path) -> None:
    """
    The program makes the folders that are not there.
    """
    dashboards.main(tmp_path / "etc")
    for name, make in dashboards.FILES.items():
        assert (tmp_path / "etc" / name).read_text() == make()


def test_the_manual_is_fresh() -> None:
    """
    docs/metrics.rst is what the families say today.
    """
    assert (ROOT / "docs/metrics.rst").read_text() == manual(), "run `make docs`"


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_queries_ask_for_what_there_is(expression: str) -> None:
    """
    Every metric in a query exists, and so do its labels and their values.
    """
    process = {sample.name for metric in process_registry().collect() for sample in metric.samples}
    names = re.findall(r"\b(?:txbalancer|process)_\w+", expression)
    assert names
    assert set(names) <= set(OURS) | process
    of_all = set().union(*(OURS.get(name, ()) for name in names)) | TARGET
    for by in re.findall(r"(?:by|on|ignoring) \(([^)]*)\)", expression):
        assert set(by.split(", ")) <= of_all
    for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", expression):
        for label, text in re.findall(r"""(\w+)=~?["']([^"']*)["']""", matchers):
            assert label in {*OURS.get(name, ()), *TARGET}
            if not text.startswith("$"):
                known = VALUES.get(label, {*STATES, *BREAKER, "busy", "connecting", "idle"})
                assert set(text.split("|")) <= known


def test_every_alert_can_be_acted_upon() -> None:
    """
    Alerts have names of their own, a severity, one line of summary and a remedy.
    """
    assert len({alert.name for alert in ALERTS}) == len(ALERTS)
    for alert in ALERTS:
        assert alert.name.startswith("Txbalancer")
        assert alert.severity in (alerts.CRITICAL, alerts.WARNING)
        assert re.fullmatch(r"\d+[smh]", alert.lasting)
        assert not alert.summary.endswith(".")
        assert alert.remedy.endswith(".")


def test_the_dashboard_has_a_place_for_everything() -> None:
    """
    Panels have numbers and titles of their own, do not overlap, and stay within 24 columns.
    """
    found = json.loads(dashboards.dashboard())
    places = [panel["gridPos"] for panel in found["panels"]]
    fields = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(fields) == len(set(fields))
    assert max(x for x, _ in fields) < 24
    assert len({panel["id"] for panel in found["panels"]}) == len(places)
    assert len(found["panels"]) == len(PANELS) + len(ROWS)
    for panel, written in zip(
        PANELS, [p for p in found["panels"] if p["type"] != "row"], strict=True
    ):
        assert [target["expr"] for target in written["targets"]] == [q for q, _ in panel.queries]


def test_prometheus_takes_the_alerts() -> None:
    """
    Prometheus's own check accepts the rules.
    """
    done = promtool("check", "rules", str(ROOT / "etc/prometheus/alerts.yml"))
    assert done.returncode == 0, done.stderr
    assert f"{len(ALERTS)} rules found" in done.stdout


def test_prometheus_takes_the_queries(tmp_path: Path) -> None:
    """
    Every query of the dashboard is one that Prometheus can read.
    """
    lines = ["groups:", "- name: panels", "  rules:"]
    for number, expression in enumerate(EXPRESSIONS):
        text = expression.replace("$__rate_interval", "5m")
        lines += [f"  - record: query_{number}", f"    expr: {json.dumps(text)}"]
    rules = tmp_path / "rules.yml"
    rules.write_text("\n".join(lines) + "\n")
    done = promtool("check", "rules", str(rules))
    assert done.returncode == 0, done.stderr


SHOP = 'balancer="shop"'
SERIES = {
    f"txbalancer_balancer_available{{{SHOP}}}": "1x4 0x40",
    f"txbalancer_balancer_members{{{SHOP}}}": "4x44",
    f'txbalancer_member_state{{{SHOP},member="a",state="error"}}': "1x44",
    f'txbalancer_member_state{{{SHOP},member="b",state="unhealthy"}}': "1x44",
    f'txbalancer_member_state{{{SHOP},member="c",state="error"}}': "0x44",
    f'txbalancer_member_connections{{{SHOP},member="a",state="busy"}}': "5x44",
    f'txbalancer_member_connections{{{SHOP},member="b",state="busy"}}': "5x44",
    f'txbalancer_member_connections_limit{{{SHOP},member="a"}}': "5x44",
    f'txbalancer_member_connections_limit{{{SHOP},member="b"}}': "0x44",
    f'txbalancer_balancer_requests_total{{{SHOP},code="2xx"}}': "0+90x44",
    f'txbalancer_balancer_requests_total{{{SHOP},code="5xx"}}': "0+10x44",
    f"txbalancer_balancer_queue{{{SHOP}}}": "0+1x44",
}
FIRING = {
    "TxbalancerBalancerUnavailable": 1,
    "TxbalancerHalfOfTheMembersDown": 1,
    "TxbalancerMemberDown": 2,
    "TxbalancerPoolFull": 1,
    "TxbalancerErrors": 1,
    "TxbalancerQueueGrowing": 1,
    "TxbalancerSlow": 0,
    "TxbalancerListenerFull": 0,
}


def test_alerts_fire(tmp_path: Path) -> None:
    """
    In ten minutes of trouble the alerts fire that should, for whom they should.
    """
    alerts_of = "count(ALERTS{{alertname='{}',alertstate='firing'}}) or vector(0)"
    tests = {
        "rule_files": [str(ROOT / "etc/prometheus/alerts.yml")],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": [{"series": name, "values": SERIES[name]} for name in SERIES],
                "promql_expr_test": [
                    {
                        "expr": alerts_of.format(name),
                        "eval_time": "10m",
                        "exp_samples": [{"labels": "{}", "value": count}],
                    }
                    for name, count in FIRING.items()
                ],
            }
        ],
    }
    path = tmp_path / "tests.json"
    path.write_text(json.dumps(tests))  # which is YAML, too
    done = promtool("test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
