"""
Whether a case differs as L{DIFFERENCES} says, and the table as the manual shows it.

C{python -m tests.differential.settle} writes it there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.differential.compare import Difference
from tests.differential.differences import DIFFERENCES, EVERYWHERE, Entry

MANUAL = Path(__file__).parents[2] / "docs/apache-differences.rst"
BEGIN = ".. What follows is made by tests/differential/settle.py.\n\n"
END = "\n.. What follows is written by hand.\n"


def expected(case: str) -> frozenset[str]:
    """
    Return the words in which a case differs on purpose.
    """
    return frozenset(word for entry in DIFFERENCES for word in entry.cases.get(case, "").split())


def settle(case: str, found: Sequence[tuple[int, Difference]]) -> None:
    """
    Fail unless a case differs in what the table says, and in nothing else.

    @param found: positions in the case's sequence with differences.
    """
    wanted, allowed = expected(case), expected(EVERYWHERE)
    words = {word for _, (word, _, _) in found}
    surplus = words - wanted - allowed
    missing = wanted - words
    report = [f"{case}:"]
    report += [
        f"  request {position}: {word}: Apache {left}, txbalancer {right}"
        for position, (word, left, right) in found
        if word in surplus
    ][:20]
    report += [f"  {word}: no difference any more, see differences.py" for word in sorted(missing)]
    assert not surplus | missing, "\n".join(report)


def table(entries: Iterable[Entry] = DIFFERENCES) -> str:
    """
    Return the entries as a table of the manual.
    """
    lines = [
        ".. list-table::",
        "   :header-rows: 1",
        "   :widths: 24 24 24 28",
        "",
        "   * - what",
        "     - Apache 2.4",
        "     - txbalancer",
        "     - why",
    ]
    for entry in entries:
        first, *rest = entry.what, entry.apache, entry.ours, entry.why
        lines += [f"   * - {first}", *(f"     - {each}" for each in rest)]
    return "\n".join(lines) + "\n"


def manual(text: str) -> str:
    """
    Return the manual's page with the table of today.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, f"{MANUAL.name} has no place for the table"
    return before + begin + table() + end + after


if __name__ == "__main__":
    MANUAL.write_text(manual(MANUAL.read_text()))
