"""
What becomes of the lines that sources of members answer with.
"""

from __future__ import annotations

from dataclasses import replace

from tests.fuzz import sandbox
from tests.fuzz.reasons import check_reason
from txbalancer.config import loads
from txbalancer.config.discover import read_answer
from txbalancer.config.render import render
from txbalancer.core.discovery import Answer
from txbalancer.core.specs import MemberSpec, SourceSpec
from txbalancer.services.plugins import load_registry

REGISTRY = load_registry()
_SPEC = loads(
    "[listener:web]\nendpoint = tcp:80\n[balancer:b]\nmembers = http://a\n"
    "[mount:/]\nto = balancer://b/\n",
    REGISTRY,
).spec
SOURCE = SourceSpec("file:/members", "file", MemberSpec(""))


def check(answer: Answer) -> list[MemberSpec]:
    """
    Make an answer's members; they are those of a configuration that names them.
    """
    with sandbox.shut():
        members, faults = read_answer(answer, SOURCE, REGISTRY)
        assert len(members) + len(faults) <= len(answer.lines)
        for each in faults:
            check_reason(ValueError(each))
        if members:
            (balancer,) = _SPEC.balancers
            whole = replace(_SPEC, balancers=(replace(balancer, members=tuple(members)),))
            again = loads(render(whole), REGISTRY).spec
            assert again.balancers[0].members == tuple(members), "written it is another"
    return members
