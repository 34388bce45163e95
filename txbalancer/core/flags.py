"""
The status flags of a member: Apache's bits, letters and words.

Source: APACHE items 0.9 and 0.10 (C{mod_proxy.h}, C{PROXY_WORKER_*}); the last three are ours.
"""

from __future__ import annotations

INIT = 0x001
IGNORE_ERRORS = 0x002
DRAIN = 0x004
GENERIC = 0x008
SHUTDOWN = 0x010
DISABLED = 0x020
STOPPED = 0x040
IN_ERROR = 0x080
STANDBY = 0x100
SPARE = 0x200
FREE = 0x400
HC_FAILED = 0x800
EJECTED = 0x1000
TRIPPED = 0x2000
TRIAL = 0x4000

HELD = SHUTDOWN | DISABLED | STOPPED
"""Out because people want it so."""

UNHEALTHY = IN_ERROR | HC_FAILED | EJECTED | TRIPPED
"""Out for what traffic and checks have found."""

UNUSABLE = HELD | UNHEALTHY
"""Any of these takes a member out, whatever else it has."""

PASSIVE = EJECTED | TRIPPED | TRIAL
"""Apache has none of these: ejected as an outlier; its circuit breaker is open, or half-open."""

BROKEN = TRIPPED | TRIAL
"""What a circuit breaker does; one of them at a time."""

LETTERS = {
    "O": INIT,
    "I": IGNORE_ERRORS,
    "N": DRAIN,
    "G": GENERIC,
    "U": SHUTDOWN,
    "D": DISABLED,
    "S": STOPPED,
    "E": IN_ERROR,
    "H": STANDBY,
    "R": SPARE,
    "F": FREE,
    "C": HC_FAILED,
}

PASSIVE_LETTERS = {"J": EJECTED, "B": TRIPPED, "T": TRIAL}
"""Letters that are shown, but that nobody can set."""

WORDS = (
    (INIT, "Init"),
    (IGNORE_ERRORS, "Ign"),
    (DRAIN, "Drn"),
    (GENERIC, "Gen"),
    (SHUTDOWN, "Shut"),
    (DISABLED, "Dis"),
    (STOPPED, "Stop"),
    (IN_ERROR, "Err"),
    (STANDBY, "Stby"),
    (SPARE, "Spar"),
    (FREE, "Free"),
    (HC_FAILED, "HcFl"),
    (EJECTED, "Ejct"),
    (TRIPPED, "Brkr"),
    (TRIAL, "Tria"),
)

REASONS = (
    (SHUTDOWN, "removed"),
    (STOPPED, "stopped"),
    (DISABLED, "disabled"),
    (HC_FAILED, "failing health checks"),
    (IN_ERROR, "in error"),
    (EJECTED, "ejected"),
    (TRIPPED, "behind an open circuit breaker"),
    (TRIAL, "on trial"),
    (DRAIN, "draining"),
)
"""Why a member is not in use as others are, for people; what weighs most comes first."""

_ROLES = ((STANDBY, "hot standby"), (SPARE, "hot spare"), (IGNORE_ERRORS, "ignoring errors"))

ALL = sum(bit for bit, _ in WORDS)


def usable(flags: int) -> bool:
    """
    Tell whether a member with these flags may carry traffic at all.

    Drain, spare and standby are for selection to judge, not for this rule.
    """
    return flags & INIT != 0 and flags & UNUSABLE == 0


def in_words(flags: int) -> str:
    """
    Say what the flags mean, for people: C{"in use"}, C{"disabled, draining"}.
    """
    reasons = [word for bit, word in REASONS if flags & bit]
    roles = [word for bit, word in _ROLES if flags & bit]
    return ", ".join((reasons or ["in use" if flags & INIT else "not ready"]) + roles)


def describe(flags: int) -> str:
    """
    Render the flags as Apache's manager does, for example C{"Init Drn Ok "}.
    """
    text = "".join(f"{word} " for bit, word in WORDS if flags & bit)
    if usable(flags):
        text += "Ok "
    return text or "??? "
