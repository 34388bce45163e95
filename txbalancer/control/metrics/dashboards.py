"""
Writes the dashboard for Grafana and the alert rules for Prometheus.

C{python -m txbalancer.control.metrics.dashboards [FOLDER]} writes both below a folder, C{etc} by
default.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from txbalancer.control.metrics import alerts
from txbalancer.control.metrics.panel import GRAPH, STAT, TABLE, Panel
from txbalancer.control.metrics.panels import ROWS

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_COLUMNS = 24
_HEIGHTS = {STAT: 4, GRAPH: 8, TABLE: 8}
_HIDDEN = ("Time", "Value", "__name__", "instance", "job")


def dashboard() -> str:
    """
    Return the dashboard as JSON, to be imported.
    """
    found: dict[str, Any] = {
        "uid": "txbalancer",
        "title": "txbalancer",
        "description": "Balancers, members and the service itself, from the metrics: page.",
        "tags": ["txbalancer"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": _variables()},
        "panels": _panels(),
    }
    return json.dumps(found, indent=1) + "\n"


def _variables() -> list[dict[str, Any]]:
    source = {"name": "datasource", "label": "Source", "type": "datasource", "query": "prometheus"}
    build, state = "txbalancer_build_info", "txbalancer_member_state"
    at = 'job=~"$job",instance=~"$instance"'
    return [
        source,
        _variable("job", f"label_values({build}, job)"),
        _variable("instance", f'label_values({build}{{job=~"$job"}}, instance)'),
        _variable("balancer", f"label_values({state}{{{at}}}, balancer)"),
        _variable("member", f'label_values({state}{{{at},balancer=~"$balancer"}}, member)'),
    ]


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _panels() -> list[dict[str, Any]]:
    """
    Lay the panels out, from left to right, row by row.
    """
    found: list[dict[str, Any]] = []
    top = 0
    for row in ROWS:
        place = {"x": 0, "y": top, "w": _COLUMNS, "h": 1}
        found.append(
            {
                "id": len(found) + 1,
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "gridPos": place,
                "panels": [],
            }
        )
        top, left = top + 1, 0
        height = 0
        for panel in row.panels:
            if left + panel.width > _COLUMNS:
                top, left = top + height, 0
            height = _HEIGHTS[panel.kind]
            place = {"x": left, "y": top, "w": panel.width, "h": height}
            found.append({"id": len(found) + 1, "gridPos": place, **_panel(panel)})
            left += panel.width
        top += height
    return found


def _panel(panel: Panel) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.help,
        "datasource": _SOURCE,
        "targets": [
            _target(letter, expression, legend, panel.kind)
            for letter, (expression, legend) in zip("ABC", panel.queries, strict=False)
        ],
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
    }
    if panel.kind == GRAPH:
        stacking = {"mode": "normal" if panel.stacked else "none"}
        fill = 30 if panel.stacked else 0
        found["fieldConfig"]["defaults"]["custom"] = {"stacking": stacking, "fillOpacity": fill}
        found["options"] = {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    elif panel.kind == STAT:
        found["options"] = {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area"}
    else:
        hidden = {"excludeByName": dict.fromkeys(_HIDDEN, True)}
        found["transformations"] = [{"id": "organize", "options": hidden}]
    return found


def _target(letter: str, expression: str, legend: str, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "refId": letter,
        "datasource": _SOURCE,
        "expr": expression,
        "legendFormat": legend,
    }
    return {**found, "instant": True, "range": False, "format": "table"} if kind == TABLE else found


FILES = {"grafana/txbalancer.json": dashboard, "prometheus/alerts.yml": alerts.render}


def main(folder: Path) -> None:
    """
    Write the files.
    """
    for name, make in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make())


if __name__ == "__main__":
    main(Path(*sys.argv[1:2] or ["etc"]))
