"""
Cases that are kept: a file for each target, with a case on each line as Python writes bytes.

C{corpus} has those that together reach what is known to be reached, C{faults} those that were
faults once.
"""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"
FAULTS = Path(__file__).parent / "faults"


def load(name: str, folder: Path = FOLDER) -> list[bytes]:
    """
    Return the cases of a target.
    """
    path = folder / f"{name}.txt"
    if not path.exists():
        return []
    return [literal_eval(line) for line in path.read_text("ascii").splitlines()]


def save(name: str, cases: Iterable[bytes], folder: Path = FOLDER) -> None:
    """
    Write the cases of a target, short ones first.
    """
    folder.mkdir(exist_ok=True)
    lines = [repr(each) for each in sorted(set(cases), key=lambda each: (len(each), each))]
    (folder / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines), "ascii")


def keep(name: str, case: bytes, folder: Path = FOLDER) -> None:
    """
    Add a case.
    """
    save(name, [*load(name, folder), case], folder)
