"""
What can be named in a configuration: built-in and plugged-in parts by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Registry:
    """
    The extensions that are there, each by the word that a configuration uses.

    @ivar lbmethods: L{ILBMethodFactory<txbalancer.interfaces.ILBMethodFactory>} by name.
    @ivar sticky: L{IStickySchemeFactory<txbalancer.interfaces.IStickySchemeFactory>} by name.
    @ivar probes: L{IProbe<txbalancer.interfaces.IProbe>} by name.
    @ivar loads: L{IMemberLoad<txbalancer.interfaces.IMemberLoad>} by name.
    @ivar sources: L{IMemberSourceFactory<txbalancer.interfaces.IMemberSourceFactory>} by name.
    @ivar resources: L{IMountable<txbalancer.interfaces.IMountable>} by name.
    """

    lbmethods: Mapping[str, Any] = field(default_factory=dict)
    sticky: Mapping[str, Any] = field(default_factory=dict)
    probes: Mapping[str, Any] = field(default_factory=dict)
    loads: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)
