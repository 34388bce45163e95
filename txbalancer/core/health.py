"""
The standing verdict of probes on a member, as a value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """
    What one probe found.

    @ivar passed: whether the member is well.
    @ivar text: what was seen, for logs, such as C{"status 503"} or C{"connect refused"}.
    @ivar duration: seconds the probe took.
    """

    passed: bool
    text: str = ""
    duration: float = 0.0


@dataclass(frozen=True, slots=True)
class Health:
    """
    @ivar up: the verdict; C{None} until the first result.
    @ivar run: equal results in a row: passes count up from 0, failures down.
    """

    up: bool | None = None
    run: int = 0


def observe(health: Health, passed: bool, rise: int, fall: int) -> Health:
    """
    Count one result; the verdict flips after enough results in a row against it.

    The first result of all is a verdict at once, as a full run. Apache differs: its
    counts never start over (APACHE C9), so that rare losses sum up to a failure.

    @param rise: passes in a row that bring the member up, >= 1.
    @param fall: failures in a row that take it down, >= 1.
    @return: the new value; C{up} differs from before only on a flip.
    """
    if health.up is None:
        return Health(passed, rise if passed else -fall)
    run = max(health.run, 0) + 1 if passed else min(health.run, 0) - 1
    if run >= rise:
        return Health(True, run)
    if -run >= fall:
        return Health(False, run)
    return replace(health, run=run)
