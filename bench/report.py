"""
The results as text tables, as reStructuredText and as JSON. Pure, but for writing the files.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.results import BASE_NAME, OWN_NAME, Bar, Samples, bars, errors, median, ratio

BEGIN = ".. benchmark results: begin (written by make bench; do not edit)"
END = ".. benchmark results: end"
PAGE = "==========\nBenchmarks\n==========\n\n"

Rows = list[list[str]]

COLUMNS = (
    ("req/s", "plain.rps", ",.0f"),
    ("p99 ms", "plain.p99", ".2f"),
    ("CPU µs", "plain.cpu", ".1f"),
    ("ratio", "plain.cpu", ""),
    ("12h req/s", "headers.rps", ",.0f"),
    ("p99 ms", "headers.p99", ".2f"),
    ("CPU µs", "headers.cpu", ".1f"),
    ("ratio", "headers.cpu", ""),
    ("MB/s", "big.mbps", ",.0f"),
    ("CPU s/GB", "big.cpu", ".3f"),
    ("ratio", "big.cpu", ""),
    ("MiB", "memory", ".1f"),
    ("KiB/idle", "idle.kib", ".2f"),
)
"""Heading, figure and format; without a format the ratio to what rows are compared with."""

SCALE_COLUMNS = (
    ("req/s", "plain.rps", ",.0f"),
    ("p99 ms", "plain.p99", ".2f"),
    ("CPU µs", "plain.cpu", ".1f"),
    ("ratio", "plain.cpu", ""),
    ("12h req/s", "headers.rps", ",.0f"),
    ("p99 ms", "headers.p99", ".2f"),
    ("CPU µs", "headers.cpu", ".1f"),
    ("ratio", "headers.cpu", ""),
    ("MiB", "memory", ".1f"),
    ("% at rest", "rest", ".1f"),
)


WIRE_COLUMNS = (
    ("TLS req/s", "tls.rps", ",.0f"),
    ("CPU µs", "tls.cpu", ".1f"),
    ("ratio", "tls.cpu", ""),
    ("handshakes/s", "handshake.rps", ",.0f"),
    ("CPU µs", "handshake.cpu", ".0f"),
    ("ratio", "handshake.cpu", ""),
    ("resumed/s", "resumed.rps", ",.0f"),
    ("CPU µs", "resumed.cpu", ".0f"),
    ("ratio", "resumed.cpu", ""),
    ("TLS MB/s", "tlsbig.mbps", ",.0f"),
    ("CPU s/GB", "tlsbig.cpu", ".3f"),
    ("ratio", "tlsbig.cpu", ""),
    ("h2 req/s", "h2.rps", ",.0f"),
    ("CPU µs", "h2.cpu", ".1f"),
    ("ratio", "h2.cpu", ""),
    ("TCP conn/s", "tcp.rps", ",.0f"),
    ("CPU µs", "tcp.cpu", ".1f"),
    ("ratio", "tcp.cpu", ""),
    ("TCP MB/s", "tcpbig.mbps", ",.0f"),
    ("CPU s/GB", "tcpbig.cpu", ".3f"),
    ("ratio", "tcpbig.cpu", ""),
)


@dataclass(frozen=True, slots=True)
class Result:
    """
    Everything a run found.

    @ivar titles: how to call the subjects of both sets of samples.
    @ivar notes: a line for each proxy on its configuration.
    @ivar skipped: what was left out, and why.
    """

    facts: Mapping[str, str]
    settings: Mapping[str, float]
    titles: Mapping[str, str]
    proxies: Samples
    scale: Samples
    wire: Samples = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)


def demands(result: Result) -> list[Bar]:
    """
    What is asked of txbalancer, and how it was met.
    """
    return bars(result.proxies, result.scale, result.wire)


def shown(value: float | None, form: str) -> str:
    """
    A figure, or a dash when there is none.
    """
    return "-" if value is None else format(value, form)


def rows(
    samples: Samples,
    titles: Mapping[str, str],
    columns: Sequence[tuple[str, str, str]],
    against: str,
) -> Rows:
    """
    A table with a heading row: medians, ratios to the subject C{against}, and all errors.
    """
    found = [["", *(heading for heading, _, _ in columns), "errors"]]
    for subject in samples:
        cells = [
            shown(median(samples, subject, figure), form)
            if form
            else shown(ratio(samples, subject, against, figure), ".2f")
            for _, figure, form in columns
        ]
        found.append([titles.get(subject, subject), *cells, str(errors(samples, subject))])
    return found


def proxy_rows(result: Result) -> Rows:
    """
    The comparison of proxies.
    """
    return rows(result.proxies, result.titles, COLUMNS, OWN_NAME)


def wire_rows(result: Result) -> Rows:
    """
    The comparison of TLS, HTTP/2 and plain TCP.
    """
    return rows(result.wire, result.titles, WIRE_COLUMNS, OWN_NAME)


def scale_rows(result: Result) -> Rows:
    """
    txbalancer compared with itself.
    """
    return rows(result.scale, result.titles, SCALE_COLUMNS, BASE_NAME)


def bar_rows(found: Sequence[Bar]) -> Rows:
    """
    The demands and how they were met.
    """
    cells = [[bar.text, f"{bar.limit:g}", shown(bar.value, ".2f"), bar.verdict] for bar in found]
    return [["demand", "at most", "found", ""], *cells]


def aligned(table: Rows) -> str:
    """
    A table for a terminal.
    """
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for row in table:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)


def list_table(title: str, table: Rows) -> str:
    """
    A table in reStructuredText.
    """
    lines = [f".. list-table:: {title}", "   :header-rows: 1", ""]
    for row in table:
        for number, cell in enumerate(row):
            lines.append(f"   {'*' if number == 0 else ' '} - {cell}".rstrip())
    return "\n".join(lines)


def as_text(result: Result) -> str:
    """
    What the user reads at the end of a run.
    """
    parts = ["\n".join(f"{name}: {text}" for name, text in result.facts.items())]
    if result.proxies:
        parts.append(aligned(proxy_rows(result)))
        parts.append("ratio: CPU of the row / CPU of txbalancer, median of the rounds")
    if result.wire:
        parts.append(aligned(wire_rows(result)))
    if result.scale:
        parts.append(aligned(scale_rows(result)))
    parts.append(aligned(bar_rows(demands(result))))
    if result.skipped:
        parts.append("\n".join(f"left out: {name}: {why}" for name, why in result.skipped.items()))
    return "\n\n".join(parts)


def method(result: Result) -> str:
    """
    How it was measured, in a paragraph.
    """
    of = result.settings
    return (
        f"{of['rounds']:.0f} interleaved rounds, medians; each load {of['seconds']:g} s, "
        f"{of['connections']:.0f} keep-alive connections, 100-byte answers. The proxy has one core "
        "to itself; wrk and the two nginx members share another. Sticky sessions, health checks, "
        "counters and access log are on. Many members, mounts and idle connections are compared "
        "with the first row on the same core, loaded in turns by slices of two seconds, so that "
        "neither takes the processor's caches from the other, once every member has had requests; "
        "what 1,000 members take for their health checks, *% at rest*, is in the CPU of the "
        "requests. *Watched* is the first row with metrics "
        "scraped every second (15 s is usual), the manager's page open with its live stream, and "
        "the access log in JSON in place of combined; it is compared with one on the same core "
        "that nobody watches: both are loaded at the same time, by half of the connections each, "
        "and the ratio is the median of what slices of two seconds showed. *Workers* are compared "
        "in the same way, all processes on the proxy's core, the supervisor's CPU included; "
        "the demand on two workers is about the busiest of the processes: with a core for each "
        "that one is what bounds the requests per second, so that half the CPU for each request "
        "of all is twice as many. Any other load that programs disturb is repeated. "
        "*ratio* is the CPU of the row over that of txbalancer, or over that of the first row "
        "or the one named where txbalancer is compared with itself, as the median of the ratios "
        "in each round. "
        "*12h* are requests with 12 browser headers and a sticky cookie. The big body has 100 MB, "
        "four downloads at once. *MiB* is the proportional set size after the small requests; "
        f"*KiB/idle* its growth for each of {of['idle']:,.0f} idle connections after one request "
        "each. Under TLS the certificate is RSA of 2048 bits, and handshakes are whole ones "
        "of openssl s_time; HTTP/2 are 12-header requests of h2load under TLS, 16 connections "
        "with 8 at once; *TCP conn/s* are connections with one small request each through a "
        "proxy that only passes bytes on."
    )


def as_rst(result: Result) -> str:
    """
    The region of the benchmark page, markers included.
    """
    parts = [BEGIN, "\n".join(f":{name}: {text}" for name, text in result.facts.items())]
    parts.append(method(result))
    if result.proxies:
        parts.append(list_table("Proxies on one core", proxy_rows(result)))
    if result.wire:
        parts.append(list_table("TLS, HTTP/2 and TCP on one core", wire_rows(result)))
    if result.scale:
        parts.append(list_table("txbalancer at scale", scale_rows(result)))
    parts.append(list_table("Demands", bar_rows(demands(result))))
    lines = [f"* {result.titles.get(name, name)}: {text}" for name, text in result.notes.items()]
    lines += [f"* left out: {name}" for name in result.skipped]
    parts += ["\n".join(lines), END] if lines else [END]
    return "\n\n".join(parts) + "\n"


def merged(page: str, region: str) -> str:
    """
    The page with its region replaced; appended where it has none.
    """
    start, stop = page.find(BEGIN), page.find(END)
    if start < 0 or stop < start:
        return (page.rstrip() + "\n\n" if page.strip() else PAGE) + region
    return page[:start] + region + page[stop + len(END) :].lstrip("\n")


def write_rst(path: Path, result: Result) -> None:
    """
    Put the results into a page, which is made if there is none.
    """
    page = path.read_text() if path.exists() else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(merged(page, as_rst(result)))


def write_json(path: Path, result: Result) -> None:
    """
    Write everything, with the samples of each round.
    """
    found = asdict(result)
    found["bars"] = [
        {"text": bar.text, "value": bar.value, "limit": bar.limit, "verdict": bar.verdict}
        for bar in demands(result)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
