"""
Fuzzing with atheris, which brings libFuzzer: it sees branches, and what is compared.

libFuzzer ends the process that it runs in, so it gets one of its own: this module, as a program.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.registry import LONGEST, Target

_MEMORY = 2048
"""MiB that a run may have."""
_PATIENCE = 60
"""Seconds for one case after which the run is ended."""


def there() -> bool:
    """
    Tell whether atheris is installed.
    """
    return find_spec("atheris") is not None


def fuzz(
    target: Target, cases: list[bytes], seconds: float, seed: int
) -> tuple[list[bytes], list[bytes], int]:
    """
    Make up cases for so many seconds, or until one is a fault; see L{tests.fuzz.plain.fuzz}.
    """
    with tempfile.TemporaryDirectory(prefix="txbalancer-fuzz-") as made:
        folder = Path(made)
        (folder / "cases").mkdir()
        for number, case in enumerate(cases):
            (folder / "cases" / str(number)).write_bytes(case)
        (folder / "words").write_text("".join(map(_quoted, target.words)), "ascii")
        command = [
            *(sys.executable, "-m", "tests.fuzz.guided", target.name, f"-dict={folder}/words"),
            *(f"-max_total_time={max(1, round(seconds))}", f"-max_len={LONGEST}", f"-seed={seed}"),
            *(f"-timeout={_PATIENCE}", f"-rss_limit_mb={_MEMORY}", "-print_final_stats=1"),
            *(f"-artifact_prefix={folder}/", f"{folder}/cases"),
        ]
        done = subprocess.run(command, capture_output=True, check=False)
        told = done.stderr.decode("utf-8", "replace")
        tried = re.search(r"number_of_executed_units: (\d+)", told)
        known = [path.read_bytes() for path in sorted((folder / "cases").iterdir())]
        faults = [
            path.read_bytes()
            for kind in ("crash", "timeout", "oom")
            for path in folder.glob(f"{kind}-*")
        ]
        if done.returncode and not faults:
            raise RuntimeError(f"atheris ended with {done.returncode}:\n{told[-4000:]}")
        return known, faults, int(tried[1]) if tried else 0


def _quoted(word: bytes) -> str:
    """
    Write a line of libFuzzer's dictionary.
    """
    text = "".join(
        chr(each) if 35 <= each < 127 and each != 92 else f"\\x{each:02x}" for each in word
    )
    return f'"{text}"\n' if word else ""


def main(name: str, options: list[str]) -> None:
    """
    Hand a target over to libFuzzer.
    """
    import atheris

    with atheris.instrument_imports(include=["txbalancer"]):
        from tests.fuzz import registry
        from tests.fuzz.trying import try_case

        target = registry.target(name)
    atheris.Setup([sys.argv[0], *options], lambda case: try_case(target, case))
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
