"""
What differential tests share: members, and both sides with the sites of a module.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.differential.members import Members
from tests.differential.sides import MEMBERS, World
from tests.peers import Peers


@pytest.fixture(scope="package")
def members() -> Iterator[Members]:
    """
    Start the members that both sides talk to.
    """
    with Members(MEMBERS) as started:
        yield started


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, module_peers: Peers, members: Members) -> World:
    """
    Start both sides with C{CASES} of the module, and C{SITES} if it has further ones.
    """
    module = request.module
    sites = [each.site for each in module.CASES.values()]
    sites += getattr(module, "SITES", ())
    passwords = getattr(module, "PASSWORDS", "")
    return World(module_peers, members, sites, getattr(module, "TOP", ""), passwords)
