"""
Keys of a section to attributes of a spec, by the metadata of the spec's options.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from txbalancer.config.findings import Findings
from txbalancer.config.ini import Entry, Section
from txbalancer.config.suggest import choose_from, did_you_mean
from txbalancer.core import specs, values
from txbalancer.core.registry import Registry
from txbalancer.core.specs import Option
from txbalancer.errors import why

SECTIONS: dict[str, tuple[type, tuple[str, ...]]] = {
    "txbalancer": (specs.GlobalSpec, ()),
    "listener": (specs.ListenerSpec, ("endpoint",)),
    "balancer": (specs.BalancerSpec, ("members", "discover")),
    "mount": (specs.MountSpec, ("path", "to")),
    "log": (specs.LogSpec, ("to",)),
    "limit": (specs.LimitSpec, ()),
}
"""The spec class of each kind of section, and its keys that are not options."""

NOT_YET = {
    "txbalancer": frozenset[str](),
    "listener": frozenset({"http2"}),
    "balancer": frozenset[str](),
    "mount": frozenset[str](),
    "log": frozenset[str](),
    "limit": frozenset[str](),
    "hctemplate": frozenset[str](),
    "member": frozenset({"flusher", "flushpackets", "flushwait", "multipathtcp"}),
}
"""Keys of Apache's or to come, which get a clearer message than unknown ones."""

_OF_LOGS = dict.fromkeys(
    ("access-log", "access-log-format"),
    ": it is for the whole service; [log:NAME] with `listener = NAME` is a listener's own",
)
"""What else to say of keys in a section where they do not belong."""

LACKING = {
    ("probes", "provider"): "is a name that Apache keeps for itself, too",
}
"""(table, name) of Apache's parts that are not there -> why."""

Table = Mapping[str, tuple[str, Option]]


def table(spec: type) -> dict[str, tuple[str, Option]]:
    """
    Return key -> (attribute, option) for a spec class.
    """
    return {option.name: (attribute, option) for attribute, option in specs.options(spec)}


MEMBER_OPTIONS = table(specs.MemberSpec)
TABLES = {kind: table(spec) for kind, (spec, _) in SECTIONS.items()}


def parse(option: Option, text: str, registry: Registry) -> Any:
    """
    Read the value of an option.

    @raise ValueError: saying what is wrong and what is allowed.
    """
    value = option.parse(text)
    if option.names and value != option.modern:
        known = getattr(registry, option.names)
        if value not in known:
            allowed = filter(None, {*known, option.modern})
            reason = LACKING.get((option.names, value), "is not known")
            raise ValueError(f"{text!r} {reason}{choose_from(value, allowed)}")
        check_needs(value, known[value])
    if option.kind is values.file and value:
        _check_file(option.name, value)
    elif option.kind is values.files:
        for each in value:
            _check_file(option.name, each)
    return value


def _check_file(key: str, path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except (OSError, ValueError) as error:
        raise ValueError(unreadable(key, path, error)) from error


def check_needs(name: str, factory: Any) -> None:
    """
    @raise ValueError: when a part needs what no balancer has in this version.
    """
    lacking = sorted(set(getattr(factory, "needs", ())) - {"http"})
    if lacking:
        raise ValueError(f"{name} needs {', '.join(lacking)}, which this version does not offer")


def unreadable(key: str, path: str, error: Exception) -> str:
    """
    Say why a file cannot be opened, and what to do about one of passwords.

    @param key: of the option that names the file.
    """
    text = f"cannot read {path}: {why(error)}"
    if key != "auth-file":
        return text
    if isinstance(error, FileNotFoundError):
        return f"{text}: make it with `htpasswd -B -c {path} USER`, or name another"
    return f"{text}: name a file of htpasswd's that the service's user may read"


def read_options(
    section: Section, entries: Iterable[Entry], registry: Registry, findings: Findings
) -> dict[str, Any]:
    """
    Read entries that are options of their section; faults are noted and left out.

    @return: attribute -> value.
    """
    known = TABLES[section.kind]
    found: dict[str, Any] = {}
    for entry in entries:
        attribute, option = known[entry.key]
        try:
            text = "\n".join(each for _, each in entry.lines) if option.kind.lines else entry.value
            found[attribute] = parse(option, text, registry)
        except ValueError as error:
            findings.error(entry.line, section.title, entry.key, f"{error}{_lines_of(entry)}")
    return found


def split_entries(
    section: Section, others: Iterable[str], prefixes: tuple[str, ...], findings: Findings
) -> tuple[list[Entry], list[Entry]]:
    """
    Divide a section's entries into options and others; unknown keys are noted and left out.

    @param others: keys that are known beside the options.
    @param prefixes: beginnings of keys that are known too, such as C{header.}.
    """
    options = TABLES[section.kind]
    others = frozenset(others)
    mine: list[Entry] = []
    rest: list[Entry] = []
    for key, entry in section.entries.items():
        if key in options:
            mine.append(entry)
        elif key in others or key.startswith(prefixes):
            rest.append(entry)
        else:
            known = [*options, *others, *prefixes]
            findings.error(entry.line, section.title, key, unknown(key, section.kind, known))
    return mine, rest


def unknown(key: str, kind: str, known: Iterable[str]) -> str:
    """
    Say that a key is not known here, and where it is or what may have been meant.

    @param kind: kind of section, or C{member}.
    """
    if key in NOT_YET[kind] or (kind == "balancer" and key in NOT_YET["member"]):
        return "is not available in this version"
    homes = " or ".join(_homes(key))
    if homes:
        return f"does not belong here, but in {homes}{_OF_LOGS.get(key, '')}"
    return f"is not known here{did_you_mean(key, known)}"


def _homes(key: str) -> Iterator[str]:
    for kind, (_, others) in SECTIONS.items():
        if key in TABLES[kind] or key in others:
            yield f"[{kind}]" if kind == "txbalancer" else f"[{kind}:NAME]"
    if key in MEMBER_OPTIONS:
        yield "a line of `members`"


def _lines_of(entry: Entry) -> str:
    if len(entry.lines) < 2:
        return ""
    return f" (the value goes on in line {entry.lines[-1][0]}, which is indented)"
