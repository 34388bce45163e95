"""
Rounds: every subject once in each, and one that fails is left out.
"""

import functools
from collections.abc import Callable, Sequence
from http.client import HTTPException

from bench import wire
from bench.crews import crews
from bench.measure import Bench, Sample
from bench.pairs import WATCHED, watched
from bench.proxies import Proxy
from bench.scale import cases, scaled
from bench.site import BenchError

CREWS = {
    "worker": ("1 worker (against a single process)", 0, 1),
    "workers": ("2 workers on one core (against 1)", 1, 2),
}
"""Titles, and how many workers are compared."""

WATCHED_TITLE = "watched: metrics each second, page open, JSON log"


def attempt(bench: Bench, name: str, label: str, run: Callable[[], Sample]) -> Sample | None:
    """
    One measurement; a failure takes its subject out of the run and is told.
    """
    if name in bench.out:
        return None
    try:
        found = run()
    except (BenchError, OSError, HTTPException) as error:
        bench.out[name] = str(error)
        bench.say(f"{label}: FAILED, left out from here on: {error}")
        return None
    bench.say(f"{label}: {brief(found)}")
    return found


def brief(sample: Sample) -> str:
    """
    A sample in a line, for the progress.
    """
    text = ", ".join(
        f"{kind} {sample[f'{kind}.rps']:,.0f}/s {sample[f'{kind}.cpu']:.1f} µs"
        for kind in ("plain", "headers", "tls", "handshake", "resumed", "h2", "tcp")
        if f"{kind}.cpu" in sample
    )
    for kind in ("tlsbig", "tcpbig"):
        if f"{kind}.cpu" in sample:
            text += f", {kind} {sample[f'{kind}.cpu']:.2f} s/GB"
    if "big.cpu" in sample:
        text += f", big {sample['big.cpu']:.2f} s/GB, idle {sample['idle.kib']:.2f} KiB"
    return text


def run_rounds(
    bench: Bench, subjects: Sequence[tuple[str, Callable[[], Sample]]], prefix: str = ""
) -> dict[str, list[Sample]]:
    """
    Measure the subjects in turn, the first one another one in each round.

    @return: one sample for each subject and round; only rounds that all the subjects that did not
        fail took part in, so that the samples of a round may be compared.
    """
    found: dict[str, list[Sample]] = {name: [] for name, _ in subjects}
    rounds = bench.settings.rounds
    for number in range(rounds):
        first = number % len(subjects)
        for name, run in [*subjects[first:], *subjects[:first]]:
            label = f"{prefix}round {number + 1}/{rounds} {name}"
            sample = attempt(bench, f"{prefix}{name}", label, run)
            if sample is not None:
                found[name].append(sample)
    return {name: samples for name, samples in found.items() if f"{prefix}{name}" not in bench.out}


def run_proxies(bench: Bench, proxies: Sequence[Proxy]) -> dict[str, list[Sample]]:
    """
    Compare the proxies.
    """
    return run_rounds(
        bench, [(each.name, functools.partial(bench.session, each)) for each in proxies]
    )


def run_wire(bench: Bench, proxies: Sequence[Proxy]) -> dict[str, list[Sample]]:
    """
    Compare the proxies in TLS, HTTP/2 and plain TCP.
    """
    subjects = [(each.name, functools.partial(wire.session, bench, each)) for each in proxies]
    return run_rounds(bench, subjects, "wire ")


def run_scale(bench: Bench, only: str = "") -> dict[str, list[Sample]]:
    """
    Compare txbalancer with itself at scale, watched, and with workers.

    @param only: C{watched} or C{workers}; empty for everything.
    """
    subjects: list[tuple[str, Callable[[], Sample]]] = []
    if not only:
        subjects = [
            (each.name, functools.partial(scaled, bench, each)) for each in cases(bench.settings)
        ]
    if only != "workers":
        subjects.append((WATCHED, functools.partial(watched, bench)))
    if only != "watched":
        for name, (_, few, many) in CREWS.items():
            subjects.append((name, functools.partial(crews, bench, few, many)))
    return run_rounds(bench, subjects, "scale ")
