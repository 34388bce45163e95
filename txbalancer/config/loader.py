"""
A configuration file to a L{ServiceSpec}, or every fault in it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from txbalancer.config import hctemplates
from txbalancer.config.balancers import read_balancer
from txbalancer.config.expressions import check_expressions
from txbalancer.config.findings import Findings
from txbalancer.config.ini import Section, is_ini, read_sections
from txbalancer.config.limits import check_limits, doubt_limits, read_limit
from txbalancer.config.lint import lint
from txbalancer.config.listeners import EndpointKey, read_listener
from txbalancer.config.logs import read_log
from txbalancer.config.modes import check_modes, is_stream
from txbalancer.config.mounts import read_mount
from txbalancer.config.options import SECTIONS, read_options, split_entries
from txbalancer.config.scope import Placed, Scope
from txbalancer.config.suggest import did_you_mean
from txbalancer.core.registry import Registry
from txbalancer.core.specs import GlobalSpec, ServiceSpec, apache_defaults
from txbalancer.errors import why

MOST_BYTES = 64 * 1024**2

Complaint = tuple[str, str, str]
"""Section title such as C{listener:web}, key, and what is wrong."""


class Doubt(NamedTuple):
    """
    A complaint about what works, but probably not as meant, or not for long.
    """

    title: str
    key: str
    text: str


Check = Callable[[ServiceSpec], Iterable[Complaint | Doubt]]
"""A further check by a layer above, such as whether key and certificate match."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """
    A configuration that can be used, and what may not be as meant in it.

    @ivar warnings: lines in the form of errors, for people.
    @ivar comments: where a file in Apache's syntax says what, by title of section; C{remarks}:
        those of the warnings that are about what of it is not in C{spec}, or otherwise.
    """

    spec: ServiceSpec
    warnings: list[str]
    comments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remarks: Sequence[str] = ()


def load(
    path: str,
    registry: Registry,
    checks: Iterable[Check] = (),
    *,
    lenient: bool = False,
    defines: Iterable[str] = (),
) -> Loaded:
    """
    Read a configuration file, in INI or in Apache's syntax.

    @param registry: what C{lbmethod}, C{hcmethod} and the like may name.
    @param checks: further checks; beside faults, they see the sections that could be read.
    @param lenient: whether directives of Apache that are not carried over are left out with a
        warning. An INI file has none.
    @param defines: names for C{<IfDefine>} of Apache's syntax.
    @raise ConfigErrors: with every fault of the file.
    """
    findings = Findings(path)
    text = _read(path, findings)
    findings.raise_errors()
    return loads(text, registry, checks, path, lenient=lenient, defines=defines)


def loads(
    text: str,
    registry: Registry,
    checks: Iterable[Check] = (),
    path: str = "<text>",
    *,
    lenient: bool = False,
    defines: Iterable[str] = (),
) -> Loaded:
    """
    Read a configuration from text; see L{load}.

    @param path: its name, for messages; paths in Apache's syntax may be relative to its folder.
    """
    findings = Findings(path)
    comments: Mapping[str, tuple[str, ...]] = {}
    remarks: Sequence[str] = ()
    if is_ini(text):
        spec, place = _read_ini(text, findings, registry)
    else:
        # Most files are not in this syntax, and no worker reads any.
        from txbalancer.config.httpd.loading import read_httpd

        read = read_httpd(text, findings, registry, lenient=lenient, defines=defines)
        spec, place, comments, remarks = read
    for check in checks:
        for complaint in check(spec):
            title, key, text = complaint
            place(title, key, text, isinstance(complaint, Doubt))
    findings.raise_errors()
    return Loaded(spec, findings.warnings(), comments, remarks)


def _read(path: str, findings: Findings) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        findings.error(0, "", "", f"cannot be read: {why(error)}")
        return ""
    if len(data) > MOST_BYTES:
        findings.error(0, "", "", f"is larger than {MOST_BYTES >> 20} MiB")
        return ""
    # Comments of files for Apache may be in any encoding: only lines that count are judged.
    text = data.decode("utf-8", "surrogateescape")
    if is_ini(text):
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            findings.error(line, "", "", f"byte 0x{data[error.start]:02x} is not UTF-8 text")
    return text


def _read_ini(
    text: str, findings: Findings, registry: Registry
) -> tuple[ServiceSpec, Callable[[str, str, str, bool], None]]:
    sections = read_sections(text, findings)
    if not sections and not findings.count:
        findings.error(0, "", "", "the file is empty; at least a [listener:NAME] is needed")
        findings.raise_errors()
    spec = _build(sections, findings, registry)
    titles = {_folded(section.title): section for section in sections}

    def place(title: str, key: str, text: str, doubted: bool) -> None:
        section = titles.get(_folded(title))
        note = findings.warn if doubted else findings.error
        note(section.line_of(key) if section else 0, title, key, text)

    return spec, place


def _build(sections: list[Section], findings: Findings, registry: Registry) -> ServiceSpec:
    by_kind: dict[str, list[Section]] = {kind: [] for kind in (*SECTIONS, hctemplates.KIND)}
    for section in sections:
        if section.kind not in by_kind:
            hint = did_you_mean(section.kind, by_kind)
            findings.error(section.line, section.title, "", f"the section is not known{hint}")
        else:
            by_kind[section.kind].append(section)
    service = [
        Placed(_read_global(each, findings, registry), each) for each in by_kind["txbalancer"]
    ]
    scope = Scope(
        findings,
        registry,
        listeners=frozenset(section.label.lower() for section in by_kind["listener"]),
        balancers=frozenset(section.label.lower() for section in by_kind["balancer"]),
        streams=frozenset(
            section.label.lower() for section in by_kind["listener"] if is_stream(section)
        ),
        apache=bool(service) and service[0].spec.defaults == "apache",
        templates=hctemplates.read_templates(by_kind[hctemplates.KIND], findings, registry),
    )
    endpoints: dict[EndpointKey, int] = {}
    listeners = [read_listener(section, endpoints, scope) for section in by_kind["listener"]]
    balancers = [read_balancer(section, scope) for section in by_kind["balancer"]]
    check_expressions(by_kind["txbalancer"], balancers, findings)
    mounts = [read_mount(section, scope) for section in by_kind["mount"]]
    logs = [read_log(section, scope) for section in by_kind["log"]]
    limits = [read_limit(section, scope) for section in by_kind["limit"]]
    check_limits(limits, listeners, mounts, findings)
    if not listeners and not findings.count:
        findings.error(0, "", "", "no listener: a section [listener:NAME] is needed")
    if not findings.count:
        check_modes(listeners, balancers, mounts, findings, registry)
        lint(listeners, balancers, mounts, service, findings, scope.apache)
        doubt_limits(service, limits, listeners, balancers, mounts, findings)
    return ServiceSpec(
        service[0].spec if service else GlobalSpec(),
        # What else a listener lacks may come of its fault: that is not told as a second one.
        tuple(each.spec for each in listeners if not findings.has(each.section.title, "tls-")),
        tuple(each.spec for each in balancers),
        tuple(each.spec for each in mounts),
        tuple(each.spec for each in logs),
        tuple(each.spec for each in limits),
    )


def _read_global(section: Section, findings: Findings, registry: Registry) -> GlobalSpec:
    if section.label:
        findings.error(section.line, section.title, "", "[txbalancer] takes no name")
    mine, _ = split_entries(section, (), (), findings)
    found: dict[str, Any] = read_options(section, mine, registry, findings)
    if found.get("defaults") == "apache":
        found = apache_defaults(GlobalSpec) | found
    return GlobalSpec(**found)


def _folded(title: str) -> str:
    return title if title.startswith("mount:") else title.lower()
