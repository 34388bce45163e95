"""
Text in Apache's syntax to a service, and from parts of the service back to the text.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.build import build
from txbalancer.config.httpd.built import Built
from txbalancer.config.httpd.comments import make_comments
from txbalancer.config.httpd.known import NAMES, check_directives
from txbalancer.config.httpd.preprocess import preprocess
from txbalancer.config.httpd.tree import Directive
from txbalancer.config.httpd.wording import in_directives
from txbalancer.config.ini import Section
from txbalancer.config.lint import lint_specs
from txbalancer.config.options import MEMBER_OPTIONS, TABLES
from txbalancer.config.scope import Placed
from txbalancer.config.suggest import did_you_mean
from txbalancer.core.registry import Registry
from txbalancer.core.specs import BalancerSpec, ServiceSpec

T = TypeVar("T")
_GIVEN_BY = {
    "access-log": "customlog",
    "access-log-format": "customlog",
    "require": "require",
}
"""Options without a name of Apache's own, and the directive that gives them."""

_DIRECTIVES = {name.lower() for name in NAMES}


class Read(NamedTuple):
    """
    What a file says.

    @ivar note: notes a fault by section title, key and text, where that part of the service was
        written; or a doubt, when the last argument is true.
    @ivar comments: where it was written, by section title.
    @ivar remarks: warnings of what is not in the service, or not as it was written.
    """

    spec: ServiceSpec
    note: Callable[[str, str, str, bool], None]
    comments: Mapping[str, tuple[str, ...]]
    remarks: Sequence[str]


def read_httpd(
    text: str,
    findings: Findings,
    registry: Registry,
    *,
    lenient: bool = False,
    defines: Iterable[str] = (),
) -> Read:
    """
    Read a whole file, with what it includes; faults are noted.
    """
    read = preprocess(text, findings, lenient=lenient, defines=defines)
    _check_kind(read.tree, findings)
    tree = check_directives(read.tree, findings, lenient)
    built = build(tree, findings, registry, read.defaults)
    origins = Origins(tree, built.places, findings)
    remarks = findings.warnings()
    if not findings.count:
        _lint(built, origins)
    return Read(built.spec, origins.note, make_comments(built, origins.at), remarks)


def _check_kind(tree: Sequence[Directive], findings: Findings) -> None:
    """
    Tell of a file that is no configuration at all, once instead of line by line.
    """
    every = (each for top in tree for each in top.walk())
    if not tree or any(each.key in _DIRECTIVES for each in every):
        return
    first = tree[0]
    if not did_you_mean(first.name, NAMES):
        findings.error(
            first.line,
            "",
            "",
            "is neither INI, which begins with a section such as [listener:NAME], "
            "nor in Apache's syntax: it has none of its directives",
            first.path,
        )
        findings.raise_errors()


class Origins:
    """
    The directives that parts of a service come from.
    """

    __slots__ = ("_directives", "_findings", "_places", "_tree")

    def __init__(
        self,
        tree: Sequence[Directive],
        places: Mapping[str, tuple[str, int]],
        findings: Findings,
    ) -> None:
        self._tree = tree
        self._places = places
        self._findings = findings
        self._directives: dict[tuple[str, int], Directive] = {}
        for top in tree:
            for each in top.walk():
                self._directives.setdefault((each.path, each.line), each)

    def at(self, place: tuple[str, int]) -> Directive | None:
        """
        Return the directive at a path and line.
        """
        return self._directives.get(place)

    def section(self, title: str) -> Directive | None:
        """
        Return the directive that a section of the service comes from.
        """
        place = self._places.get(title)
        return self.at(place) if place else None

    def note(self, title: str, key: str, text: str, doubted: bool) -> None:
        """
        Note a fault or a doubt about a section of the service.
        """
        if doubted:
            self.warn(0, title, key, text)
        else:
            self.error(title, key, text)

    def error(self, title: str, key: str, text: str) -> None:
        """
        Note a fault in a section of the service.
        """
        origin = self._option(title, key, text)
        section = self.section(title)
        if origin is None and section is None:
            self._findings.error(0, title, key, text)
            return
        if origin is None:
            origin, text = section, _with(key, text)
        assert origin is not None
        self._findings.error(origin.line, "", origin.name, in_directives(text), origin.path)

    def warn(self, line: int, title: str, key: str, text: str) -> None:
        """
        Note a doubt about a section of the service.

        @param line: of a member, where that is not the section's own.
        """
        section = self.section(title)
        if section is None:
            return
        member = self._directives.get((section.path, line), section)
        origin = self._option(title, key, text) or member
        text = in_directives(text if origin is not member else _with(key, text))
        self._findings.warn(origin.line, "", origin.name, text, origin.path)

    def _option(self, title: str, key: str, text: str) -> Directive | None:
        """
        Find the directive that gave an option: in the section, else anywhere.
        """
        kind = title.partition(":")[0]
        if key in ("members", "to"):
            member, _, said = text.partition(": ")
            given = self._of_member(said)
            if given is not None or key == "members":
                return given or self.section(f"{title} {member}")
        names = {"customlog"} if (kind, key) == ("log", "to") else {_GIVEN_BY.get(key, "")}
        for options in (TABLES.get(kind, {}), MEMBER_OPTIONS):
            if key in options:
                names |= {name.strip().lower() for name in options[key][1].apache_name.split(",")}
        section = self.section(title)
        here = [each for each in section.walk() if each.key in names] if section else []
        if here:
            return _spoken_of(here, text) or here[0]
        return self._anywhere(names, text)

    def _of_member(self, text: str) -> Directive | None:
        """
        Find the directive of an option that a member has from its server, where that is what a
        text begins with.
        """
        name = text.partition(" ")[0]
        directive = in_directives(name)
        return self._anywhere({directive.lower()}, text) if directive != name else None

    def _anywhere(self, names: set[str], text: str) -> Directive | None:
        found = [each for top in self._tree for each in top.walk() if each.key in names]
        return _spoken_of(found, text) or (found[0] if len(found) == 1 else None)


def _with(key: str, text: str) -> str:
    return f"{key}: {text}" if key not in ("", "to", "members") else text


def _spoken_of(found: Sequence[Directive], text: str) -> Directive | None:
    """
    Return the directive whose file is spoken of, else whose folder.
    """
    paths = [(each, each.args[0]) for each in found if each.args and each.args[0]]
    folders = [(each, os.path.dirname(path)) for each, path in paths]
    told = [each for each, path in paths if path in text]
    told += [each for each, folder in folders if folder not in ("", "/") and folder in text]
    return told[0] if told else None


class _Doubts(Findings):
    """
    Passes what is noted about sections on as being about directives.
    """

    __slots__ = ("_origins",)

    def __init__(self, origins: Origins) -> None:
        super().__init__("")
        self._origins = origins

    def error(self, line: int, section: str, key: str, text: str, path: str = "") -> None:
        """
        Note what makes the file unusable.
        """
        self._origins.error(section, key, text)

    def warn(self, line: int, section: str, key: str, text: str, path: str = "") -> None:
        """
        Note what works, but probably not as meant.
        """
        self._origins.warn(line, section, key, text)


def _lint(built: Built, origins: Origins) -> None:
    def placed(kind: str, label: str, spec: T) -> Placed[T]:
        section = origins.section(f"{kind}:{label}")
        line = section.line if section else 0
        written = f"{section.name} {' '.join(section.args[:1])}".strip() if section else ""
        lines: tuple[int, ...] = ()
        if isinstance(spec, BalancerSpec):
            places = (
                built.places.get(f"balancer:{label} {member.url}", ("", line))
                for member in spec.members
            )
            lines = tuple(found for _, found in places)
        return Placed(spec, Section(kind, label, line), lines, written)

    spec = built.spec
    lint_specs(
        [placed("listener", each.name, each) for each in spec.listeners],
        [placed("balancer", each.name, each) for each in spec.balancers],
        [placed("mount", each.label, each) for each in spec.mounts],
        _Doubts(origins),
    )
