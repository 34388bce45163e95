"""
Facts about machine, programs and checkout, to go with the figures.
"""

import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.proxies import Proxy
from bench.proxies.txbalancer import ROOT

VERSION = re.compile(r"\d+(?:\.\d+)+\S*")
LIBRARIES = ("twisted", "httptools", "treq")


def output(*command: str) -> str:
    """
    What a command prints, or nothing when it cannot be run.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20, cwd=ROOT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + done.stderr).strip()


def find_version(text: str) -> str:
    """
    The first version number in a text.
    """
    found = VERSION.search(text)
    return found.group().rstrip(",)") if found else "unknown"


def proxy_version(proxy: Proxy) -> str:
    """
    The version of an installed program.
    """
    return find_version(output(proxy.find() or proxy.program, *proxy.version))


def library_versions() -> str:
    """
    Python and what txbalancer stands on.
    """
    found = [f"Python {platform.python_version()}"]
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def commit() -> str:
    """
    The checkout's commit; with C{+} when files that belong to it have been changed.
    """
    name = output("git", "rev-parse", "--short=12", "HEAD")
    if not re.fullmatch("[0-9a-f]+", name):
        return "unknown"
    return name + ("+" if output("git", "status", "--porcelain", "-uno") else "")


def processor() -> str:
    """
    The processor's name and the machine's number of cores.
    """
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
            break
    else:
        name = platform.machine()
    return f"{name}, {os.cpu_count()} cores"


def gather(proxies: Sequence[Proxy]) -> dict[str, str]:
    """
    Facts by name, in the order to show them.
    """
    found = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "processor": processor(),
        "kernel": f"{platform.system()} {platform.release()}",
        "libraries": library_versions(),
    }
    found |= {proxy.title: proxy_version(proxy) for proxy in proxies if proxy.name != "txbalancer"}
    return found
