"""
What a tree of directives comes to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from txbalancer.core.specs import ServiceSpec


@dataclass(frozen=True, slots=True)
class Built:
    """
    A service, and where each part of it was written.

    @ivar places: title of a section, as a rendering of the service would have it
        (C{txbalancer}, C{listener:web}, C{mount:/app}), to the (path, line) of the directive it
        comes from. Of a member, C{balancer:NAME URL}.
    """

    spec: ServiceSpec
    places: Mapping[str, tuple[str, int]]
