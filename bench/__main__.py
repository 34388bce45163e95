"""
The command line: C{python -m bench}.
"""

import argparse
import os
import shutil
import signal
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType

from bench import report
from bench.facts import gather
from bench.measure import DISTURBED, Bench, Settings
from bench.pairs import WATCHED
from bench.place import prepared
from bench.proxies import OWN, PEERS, Proxy
from bench.results import bars
from bench.rounds import CREWS, WATCHED_TITLE, run_proxies, run_scale, run_wire
from bench.scale import cases
from bench.site import BenchError

DEFAULT_JSON = Path(__file__).parent / "results" / "latest.json"
QUICK = Settings(rounds=1, seconds=1.0, idle=500, crowd=2000)


def say(line: str) -> None:
    """
    Progress goes to standard error, results to standard output.
    """
    print(line, file=sys.stderr, flush=True)


def peer_names(text: str) -> tuple[Proxy, ...]:
    """
    Read a list of peers; C{none} is the empty one.
    """
    known = {peer.name: peer for peer in PEERS}
    names = [] if text == "none" else text.split(",")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"{', '.join(unknown)}: choose from {', '.join(known)}, or none"
        )
    return tuple(known[name] for name in names)


def positive(text: str) -> int:
    """
    Read a whole number from 1 on.
    """
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def parser() -> argparse.ArgumentParser:
    """
    The options.
    """
    made = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    made.add_argument("--rounds", type=positive, help="interleaved rounds (5)")
    made.add_argument("--seconds", type=positive, help="length of each load (3)")
    made.add_argument("--peers", type=peer_names, default=PEERS, help="names with commas, or none")
    made.add_argument("--quick", action="store_true", help="one short round: a try, not a result")
    made.add_argument("--no-own", action="store_true", help="only the peers, not txbalancer")
    made.add_argument("--no-scale", action="store_true", help="leave out members, mounts, idle")
    made.add_argument("--only-scale", action="store_true", help="only that")
    made.add_argument("--only-watched", action="store_true", help="the cost of being watched")
    made.add_argument("--only-workers", action="store_true", help="the cost and gain of workers")
    made.add_argument("--no-wire", action="store_true", help="leave out TLS, HTTP/2 and TCP")
    made.add_argument("--only-wire", action="store_true", help="only that")
    made.add_argument("--json", type=Path, default=DEFAULT_JSON, help="where the samples go")
    made.add_argument("--rst", type=Path, help="page whose region of results is rewritten")
    made.add_argument(
        "--strict", action="store_true", help="exit 1 unless all demands are measured and met"
    )
    return made


def settings_of(options: argparse.Namespace) -> Settings:
    """
    How much to measure.
    """
    found = QUICK if options.quick else Settings()
    if options.rounds:
        found = replace(found, rounds=options.rounds)
    return replace(found, seconds=float(options.seconds)) if options.seconds else found


def installed(proxies: Sequence[Proxy], bench: Bench) -> list[Proxy]:
    """
    Those of the proxies that are there; the others are told.
    """
    found = []
    for proxy in proxies:
        if proxy.find():
            found.append(proxy)
        else:
            bench.out[proxy.name] = f"{proxy.program} is not installed"
            say(f"skipped: {proxy.name}: {bench.out[proxy.name]}")
    return found


def measure(bench: Bench, options: argparse.Namespace) -> report.Result:
    """
    Run everything that was asked for.
    """
    own = () if options.no_own else (OWN,)
    proxies = installed((*own, *options.peers), bench)
    facts = gather(proxies)
    only_scale = options.only_scale or options.only_watched or options.only_workers
    only = only_scale or options.only_wire
    compared = {} if only else run_proxies(bench, proxies)
    with_wire = not options.no_wire and not only_scale
    wired = run_wire(bench, [each for each in proxies if each.wire]) if with_wire else {}
    with_scale = OWN in proxies and OWN.name not in bench.out
    with_scale = with_scale and not options.no_scale and not options.only_wire
    only_of = "watched" if options.only_watched else "workers" if options.only_workers else ""
    scaled = run_scale(bench, only_of) if with_scale else {}
    facts["other programs"] = others(bench.foreign)
    titles = {proxy.name: proxy.title for proxy in proxies} | {WATCHED: WATCHED_TITLE}
    titles |= {name: title for name, (title, _, _) in CREWS.items()}
    return report.Result(
        facts=facts,
        settings=asdict(bench.settings),
        titles=titles | {case.name: case.title for case in cases(bench.settings)},
        proxies=compared,
        scale=scaled,
        wire=wired,
        notes={each.name: each.note for each in proxies if each.name in {**compared, **wired}},
        skipped=dict(bench.out),
    )


def others(shares: Sequence[float]) -> str:
    """
    How much of the two cores was not the benchmark's own during the loads: a quiet machine or not.
    """
    if not shares:
        return "not measured"
    middle, most = max(0.0, statistics.median(shares)), max(0.0, *shares)
    text = f"took {middle:.1f} % of a core (median of the loads; at most {most:.0f} %)"
    return text if middle <= DISTURBED else f"{text}: TOO BUSY A MACHINE, do not trust the figures"


def scratch() -> Path:
    """
    A folder in memory where there is one; readable for a proxy that gives up root.
    """
    memory = Path("/dev/shm")
    usable = memory.is_dir() and os.access(memory, os.W_OK)
    folder = Path(tempfile.mkdtemp(prefix="txb-bench-", dir=memory if usable else None))
    folder.chmod(0o755)
    return folder


def terminate(number: int, frame: FrameType | None) -> None:
    """
    Make a signal unwind the stack, so that everything started is ended.
    """
    raise SystemExit(128 + number)


def main(arguments: Sequence[str] | None = None) -> int:
    """
    @return: 0; 1 when the run or txbalancer in it failed, or C{--strict} finds a demand not met;
        130 after Ctrl-C.
    """
    options = parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, terminate)
    folder = scratch()
    try:
        with prepared(settings_of(options), say, folder) as bench:
            result = measure(bench, options)
    except BenchError as error:
        say(f"bench: {error}")
        return 1
    except KeyboardInterrupt:
        say("bench: stopped")
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(report.as_text(result))
    report.write_json(options.json, result)
    if options.rst:
        report.write_rst(options.rst, result)
    if OWN.name in result.skipped or any(
        name.startswith("scale ") or name == f"wire {OWN.name}" for name in result.skipped
    ):
        return 1
    met = all(bar.verdict == "PASS" for bar in bars(result.proxies, result.scale, result.wire))
    return 0 if met or not options.strict else 1


if __name__ == "__main__":
    sys.exit(main())
