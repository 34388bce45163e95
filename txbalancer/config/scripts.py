"""
Whether FastCGI members can find a script.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from txbalancer.config.findings import Findings
from txbalancer.config.scope import Placed
from txbalancer.core.specs import BalancerSpec, MemberSpec, MountSpec, ToBalancer, ToMember

_FILENAME = "SCRIPT_FILENAME"


def check_scripts(
    balancers: Sequence[Placed[BalancerSpec]],
    mounts: Sequence[Placed[MountSpec]],
    findings: Findings,
) -> None:
    """
    Warn of mounts from which php-fpm is sent paths of URLs as if they were files.
    """
    members = {each.spec.name: each.spec.members for each in balancers}
    for mount in mounts:
        spec, section = mount.spec, mount.section
        told = any(each.name == _FILENAME for each in spec.fcgiparam)
        if told or spec.fcgitype == "generic":
            continue
        lost = next(_without_folder(spec, members), None)
        if lost is not None:
            url = lost.url.partition("$")[0].rstrip("/")
            findings.warn(
                section.line_of("to"),
                section.title,
                "to",
                f"{lost.url}: no folder is known, so php-fpm looks for /x.php and the like at the"
                f" root of its file system: write {url}/var/www/html, or wherever scripts are,"
                " unless it has a chroot or they are there",
            )


def _without_folder(
    spec: MountSpec, members: dict[str, tuple[MemberSpec, ...]]
) -> Iterator[MemberSpec]:
    target, path = spec.target, ""
    found: tuple[MemberSpec, ...] = ()
    if isinstance(target, ToMember):
        found = (target.member,)
    elif isinstance(target, ToBalancer):
        found, path = members.get(target.name, ()), target.path
    for each in found:
        whole = path + each.path
        # What comes from a match is a part of the URL like others.
        folder = whole.partition("$")[0] if spec.match else whole
        if each.scheme == "fcgi" and not folder.strip("/"):
            yield each
