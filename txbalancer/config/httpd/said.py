"""
Findings about directives.
"""

from __future__ import annotations

from txbalancer.config.findings import Findings
from txbalancer.config.httpd.tree import Directive


def fault(findings: Findings, directive: Directive, text: object) -> None:
    """
    Note that a directive cannot be carried out.
    """
    findings.error(directive.line, "", directive.name, str(text), directive.path)


def doubt(findings: Findings, directive: Directive, text: str) -> None:
    """
    Note that a directive is carried out, but perhaps not as meant.
    """
    findings.warn(directive.line, "", directive.name, text, directive.path)


def arguments(directive: Directive, least: int, most: int, form: str) -> tuple[str, ...]:
    """
    Return the words of a directive.

    @param form: what they are, for the message.
    @raise ValueError: when there are too few or too many.
    """
    if not least <= len(directive.args) <= most:
        raise ValueError(f"{directive.name} takes {form}")
    return directive.args
