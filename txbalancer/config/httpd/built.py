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
    @ivar servers: title of a mount's section to the place of its C{<VirtualHost>}; C{None} for what
        is outside of all.
    """

    spec: ServiceSpec
    places: Mapping[str, tuple[str, int]]
    servers: Mapping[str, tuple[str, int] | None]
