"""
What answers look like, as JSON Schema.
"""

from __future__ import annotations

from typing import Any

from txbalancer.control.api.problem import SCHEMA as PROBLEM
from txbalancer.core.events import KINDS
from txbalancer.core.passive.breaker import STATES

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
SWITCH: Schema = {"type": "boolean"}


def nullable(schema: Schema) -> Schema:
    """
    Return a schema of what may be unknown.
    """
    return {"anyOf": [schema, {"type": "null"}]}


def ref(name: str) -> Schema:
    """
    Refer to a schema by its name.
    """
    return {"$ref": f"#/components/schemas/{name}"}


def each(schema: Schema) -> Schema:
    """
    Return a schema of a list.
    """
    return {"type": "array", "items": schema}


def table(schema: Schema) -> Schema:
    """
    Return a schema of an object with any keys.
    """
    return {"type": "object", "additionalProperties": schema}


def record(**properties: Schema) -> Schema:
    """
    Return a schema of an object with these keys.
    """
    return {"type": "object", "required": list(properties), "properties": properties}


SPAN = nullable(NUMBER)
WHEN: Schema = nullable({"type": "number", "description": "Seconds since the epoch."})
OPTIONS = table(nullable(TEXT))
OVERRIDES = each(record(option=TEXT, configured=nullable(TEXT), live=nullable(TEXT)))
CHANGE = record(before=OPTIONS, after=OPTIONS)
WARNING = nullable(
    {
        "type": "string",
        "description": "That no member is in use now, or why it will not outlive a restart.",
    }
)

REQUESTS = record(
    total=COUNT,
    classes=table(COUNT),
    sticky=COUNT,
    retries=COUNT,
    failures=table(COUNT),
    failed_attempts=table(COUNT),
    bytes_in=COUNT,
    bytes_out=COUNT,
    seconds=NUMBER,
)
DRAIN = {
    "busy": COUNT,
    "sticky": COUNT,
    "sticky_before": COUNT,
    "quiet": NUMBER,
    "done": SWITCH,
    "left": SPAN,
    "early": SWITCH,
}

BREAKER = nullable(record(state={"enum": list(STATES)}, cause=TEXT, until=WHEN, openings=COUNT))
_EJECTION = nullable(record(kind=TEXT, cause=TEXT, until=NUMBER, times=COUNT))

_MEMBER: dict[str, Schema] = {
    "url": TEXT,
    "route": TEXT,
    "redirect": TEXT,
    "loadfactor": NUMBER,
    "lbset": COUNT,
    "status": record(
        words=TEXT,
        letters=TEXT,
        usable=SWITCH,
        tone={"enum": ["good", "watch", "bad", "off"]},
        text=TEXT,
        cause=TEXT,
        since=WHEN,
    ),
    "elected": COUNT,
    "busy": COUNT,
    "load": WHOLE,
    "to": COUNT,
    "from": COUNT,
    "pool": nullable(
        record(idle=COUNT, busy=COUNT, connecting=COUNT, limit=nullable(COUNT), waiting=COUNT)
    ),
    "requests": ref("Requests"),
    "times": record(p50=SPAN, p90=SPAN, p95=SPAN, p99=SPAN),
    "rate": NUMBER,
    "history": record(
        step=NUMBER, requests=each(COUNT), errors=each(COUNT), median=each(SPAN), slow=each(SPAN)
    ),
    "health": record(
        method=TEXT,
        interval=NUMBER,
        up=nullable(SWITCH),
        passes=COUNT,
        fails=COUNT,
        last=nullable(record(passed=SWITCH, text=TEXT, seconds=NUMBER, when=WHEN)),
    ),
    "drain": nullable(record(since=WHEN, **DRAIN)),
    "temporary": nullable(record(until=WHEN, loadfactor=NUMBER)),
    "passive": record(ejection=_EJECTION, ejections=table(COUNT), breaker=BREAKER, share=COUNT),
    "overrides": OVERRIDES,
    "added": SWITCH,
    "source": nullable(TEXT),
}
_BALANCER: dict[str, Schema] = {
    "name": TEXT,
    "summary": TEXT,
    "options": OPTIONS,
    "overrides": OVERRIDES,
    "removed": each(TEXT),
    "dismissed": each(record(url=TEXT, source=TEXT)),
    "room": COUNT,
    "discovery": each(ref("Source")),
    "sources": COUNT,
    "requests": ref("Requests"),
    "queue": COUNT,
    "alarms": each(TEXT),
    "passive": record(
        panic=SWITCH,
        panics=COUNT,
        spared=COUNT,
        breaker=BREAKER,
        retries=nullable(record(in_progress=COUNT, denied=COUNT)),
    ),
    "members": each(ref("Member")),
}

SCHEMAS: dict[str, Schema] = {
    "Problem": PROBLEM,
    "Requests": REQUESTS,
    "Source": record(
        source=TEXT,
        members=COUNT,
        fine=SWITCH,
        fault=TEXT,
        failing_since=WHEN,
        last=WHEN,
        note=TEXT,
        looks=COUNT,
        failures=COUNT,
    ),
    "Member": record(**_MEMBER),
    "Members": record(members=each(ref("Member"))),
    "WholeMember": record(**_MEMBER, options=OPTIONS),
    "ChangedMember": record(**_MEMBER, options=OPTIONS, change=CHANGE, warning=WARNING),
    "Balancer": record(**_BALANCER),
    "Balancers": record(balancers=each(ref("Balancer"))),
    "ChangedBalancer": record(**_BALANCER, change=CHANGE, warning=WARNING),
    "Done": record(change=CHANGE, warning=WARNING),
    "Undone": record(balancer=TEXT, member=TEXT, change=CHANGE, warning=WARNING),
    "Reloaded": record(changes=each(TEXT), warning=WARNING),
    "Upgraded": record(pid=COUNT, version=TEXT, former=COUNT),
    "Succession": record(
        pid=COUNT,
        version=TEXT,
        former=nullable(record(pid=COUNT, version=TEXT, connections=COUNT)),
    ),
    "Probe": record(passed=SWITCH, text=TEXT, seconds=NUMBER, when=WHEN, transcript=TEXT),
    "Probes": record(probes=each(ref("Probe"))),
    "Limits": record(
        limits=each(
            record(
                of=TEXT,
                option=TEXT,
                used=COUNT,
                most=COUNT,
                waiting=COUNT,
                passed=COUNT,
                refused=COUNT,
                dry_run=SWITCH,
                rate=TEXT,
                burst=COUNT,
                spent=COUNT,
            )
        )
    ),
    "Worker": record(
        number=COUNT,
        pid=COUNT,
        started=NUMBER,
        cpu=NUMBER,
        memory=COUNT,
        connections=COUNT,
        in_flight=COUNT,
        requests=COUNT,
    ),
    "Workers": record(workers=each(ref("Worker"))),
    "Service": record(
        version=TEXT,
        pid=COUNT,
        started=NUMBER,
        uptime=NUMBER,
        process_uptime=NUMBER,
        config=TEXT,
        state_file=nullable(TEXT),
        connections=COUNT,
        requests=ref("Requests"),
        last_event=COUNT,
        workers=each(ref("Worker")),
        listeners=each(
            record(name=TEXT, endpoints=each(TEXT), connections=COUNT, requests=ref("Requests"))
        ),
        balancers=each(ref("Balancer")),
    ),
    "Event": record(
        number=COUNT,
        time=NUMBER,
        kind={"enum": list(KINDS)},
        balancer=TEXT,
        member=TEXT,
        text=TEXT,
        who=TEXT,
        details={"type": "object"},
    ),
    "Events": record(events=each(ref("Event")), last=COUNT, started=NUMBER),
    "Sessions": record(
        sessions=each(
            record(balancer=TEXT, member=TEXT, route=TEXT, sessions=SWITCH, total=COUNT, **DRAIN)
        )
    ),
    "LogLine": {"type": "object"},
    "Description": {"type": "object", "required": ["openapi", "info", "paths"]},
}
