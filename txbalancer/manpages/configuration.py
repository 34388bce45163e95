"""
txbalancer.ini(5), from the specs.
"""

from __future__ import annotations

from txbalancer.config import reference
from txbalancer.core import specs
from txbalancer.core.specs import Option
from txbalancer.manpages.roff import Page

_EXAMPLE = """\
[listener:web]
endpoint = tcp:8080

[balancer:shop]
stickysession = JSESSIONID|jsessionid
members =
    http://127.0.0.1:9001 route=web1 loadfactor=2
    http://127.0.0.1:9002 route=web2 hcmethod=GET hcuri=/health

[mount:/]
to = balancer://shop/
"""

_PARTS = (
    ("[txbalancer]", "What concerns the whole service.", specs.GlobalSpec),
    ("[listener:NAME]", reference.LISTENER, specs.ListenerSpec),
    ("[balancer:NAME]", reference.BALANCER, specs.BalancerSpec),
    ("Members", reference.MEMBER, specs.MemberSpec),
    ("Sources of members", reference.SOURCE, specs.SourceSpec),
    ("[mount:LABEL]", reference.MOUNT, specs.MountSpec),
)


def configuration() -> str:
    """
    Return the page.
    """
    page = Page("txbalancer.ini", 5, "configuration of the txbalancer reverse proxy")
    page.section("DESCRIPTION")
    page.text(reference.FORMAT)
    page.text("A file in the syntax of Apache httpd is read, too; it keeps Apache's defaults.")
    page.section("SECTIONS")
    for title, text, spec in _PARTS:
        page.subsection(title)
        page.text(text)
        for _, option in specs.options(spec):
            page.item(option.name, _meaning(option))
    page.subsection("[log:NAME]")
    page.text(reference.LOG)
    page.section("EXAMPLE")
    page.literal(_EXAMPLE.splitlines())
    page.section("FILES")
    page.item("/etc/txbalancer/txbalancer.ini", "The configuration of the system's service.")
    page.section("SEE ALSO")
    page.text("``txbalancer``(1)")
    return str(page)


def _meaning(option: Option) -> str:
    modern = reference.shown_default(option, option.modern)
    parts = [option.doc]
    if option.apache_name:
        parts.append(f"Apache: {option.apache_name}.")
    parts.append(f"Allowed: {option.kind.allowed}.")
    if option.apache == option.modern:
        parts.append(f"Default: {modern}.")
    else:
        apache = reference.shown_default(option, option.apache)
        parts.append(f"Default: {modern}; of a file in Apache's syntax: {apache}.")
    return " ".join(parts)
