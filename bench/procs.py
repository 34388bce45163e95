"""
Child processes: start, pin, account, stop. By process id only, and never left behind.
"""

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from bench.site import BenchError

TICKS = os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1
STOP_SECONDS = 5.0

# Loaded here because it must not happen between fork and exec.
_libc = ctypes.CDLL(None, use_errno=True)


def stat_ticks(line: str) -> int:
    """
    CPU time of a process and its reaped children in clock ticks, from a line of C{/proc/PID/stat}.

    The name of the process is in parentheses and may itself contain spaces and parentheses.
    """
    fields = line[line.rindex(")") + 2 :].split()
    return sum(int(field) for field in fields[11:15])


def run_nanoseconds(line: str) -> int:
    """
    CPU time of a thread in nanoseconds, from its C{schedstat}.
    """
    return int(line.split()[0])


def rollup_bytes(text: str) -> int:
    """
    The proportional set size in bytes, from C{/proc/PID/smaps_rollup}.
    """
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def core_ticks(text: str, core: int) -> int:
    """
    Clock ticks that all processes together took on a core, from C{/proc/stat}.
    """
    for line in text.splitlines():
        if line.startswith(f"cpu{core} "):
            return sum(int(field) for field in line.split()[1:4])
    return 0


def core_seconds(core: int) -> float:
    """
    CPU seconds that all processes together took on a core so far.
    """
    return core_ticks(Path("/proc/stat").read_text(), core) / TICKS


def reaped_seconds() -> float:
    """
    CPU seconds of the children of this process that have ended.
    """
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tree(pid: int) -> Iterator[int]:
    """
    The process and its living descendants.
    """
    yield pid
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in listing.read_text().split():
                yield from tree(int(child))


def total(pid: int, name: str, measure: Callable[[str], int]) -> int:
    """
    A sum over the process and its living descendants of what one of their /proc files says.
    """
    found = 0
    for each in tree(pid):
        with contextlib.suppress(OSError):
            found += measure(Path(f"/proc/{each}/{name}").read_text())
    return found


def raise_file_limit(wanted: int) -> int:
    """
    Allow this process and its children that many open files, or as many as may be.

    @return: the limit now.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return soft
    for top in (max(hard, wanted), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, top), top))
        except (OSError, ValueError):
            continue
        break
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class Child:
    """
    A running program on one core, with its output in a file; a context manager that ends it.

    @ivar output: where standard output goes; standard error goes to C{errors}.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        core: int,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        output: Path | None = None,
    ) -> None:
        self.name = name
        self.errors = folder / f"{name}.err"
        self.output = output or folder / f"{name}.out"
        parent = os.getpid()

        def prepare() -> None:
            os.sched_setaffinity(0, {core})
            # An end of the benchmark by SIGKILL must not leave the program behind.
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

        with self.output.open("ab") as out, self.errors.open("ab") as err:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=folder,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                preexec_fn=prepare,
            )
        self.pid = self.process.pid

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def cpu(self) -> float:
        """
        CPU seconds used so far, user and system, descendants included.
        """
        return total(self.pid, "stat", stat_ticks) / TICKS

    def cpu_of_threads(self) -> float:
        """
        CPU seconds that its living threads used so far, exactly, and those of its descendants;
        where the kernel does not count them, as L{cpu}, which knows hundredths only.
        """
        found = 0
        for pid in tree(self.pid):
            for each in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                with contextlib.suppress(OSError):
                    found += run_nanoseconds(each.read_text())
        return found / 1e9 if found else self.cpu()

    def memory(self) -> int:
        """
        Proportional set size in bytes, descendants included; shared pages count once.
        """
        return total(self.pid, "smaps_rollup", rollup_bytes)

    def tail(self, lines: int = 15) -> str:
        """
        The last lines of its output, for an error message.
        """
        found = [
            line
            for path in (self.output, self.errors)
            for line in path.read_text(errors="replace").splitlines()[-lines:]
        ]
        return "\n".join(f"    {line}" for line in found) or "    (no output)"

    def wait_ready(self, ready: Callable[[], bool], seconds: float = 20.0) -> None:
        """
        Wait until C{ready} says so.

        @raise BenchError: the program ended, or time is over; with the end of its output.
        """
        end = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None:
                code = self.process.returncode
                raise BenchError(f"{self.name} ended with status {code}:\n{self.tail()}")
            if time.monotonic() > end:
                raise BenchError(f"{self.name} not ready in {seconds:g} s:\n{self.tail()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """
        End the program: politely, then by force, with its descendants.
        """
        family = list(tree(self.pid))
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        end_orphans(family[1:])


def end_orphans(pids: Sequence[int]) -> None:
    """
    Kill those of the processes that live on a moment after their parent's end.
    """
    if all_ended(pids):
        return
    for pid in filter(alive, pids):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    all_ended(pids)


def all_ended(pids: Sequence[int], seconds: float = 0.5) -> bool:
    """
    Wait a moment for the processes to end.
    """
    end = time.monotonic() + seconds
    while any(map(alive, pids)):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def alive(pid: int) -> bool:
    """
    Whether the process exists and is more than an entry that waits to be reaped.
    """
    try:
        line = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return line[line.rindex(")") + 2] != "Z"
