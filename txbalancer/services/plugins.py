"""
What is there to be named in a configuration: built-in parts and Twisted plugins.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.logger import Logger
from twisted.plugin import getPlugins
from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

import txbalancer.plugins
from txbalancer import discovery, probes
from txbalancer.core import lbmethods, stickiness
from txbalancer.core.builtin import factories
from txbalancer.core.registry import Registry
from txbalancer.interfaces import (
    ILBMethodFactory,
    IMemberLoad,
    IMemberSourceFactory,
    IMountable,
    IProbe,
    IStickySchemeFactory,
)

log = Logger()


def load_registry() -> Registry:
    """
    Collect built-in and plugged-in extensions.

    A plugin that is incomplete, or that takes a name which is already given, is left out
    with a warning that names it: one bad plugin must not stop a start.
    """
    return Registry(
        lbmethods=_collect(factories(lbmethods).values(), ILBMethodFactory),
        sticky=_collect(factories(stickiness).values(), IStickySchemeFactory),
        probes=_collect(factories(probes).values(), IProbe),
        loads=_collect((), IMemberLoad),
        sources=_collect(factories(discovery).values(), IMemberSourceFactory),
        resources=_collect((), IMountable),
    )


def _collect(builtin: Iterable[Any], interface: Any) -> dict[str, Any]:
    found = {each.name: each for each in builtin}
    plugins: Iterable[Any] = getPlugins(interface, txbalancer.plugins)
    for plugin in plugins:
        try:
            verifyObject(interface, plugin, tentative=True)
        except Invalid as error:
            log.warn("plugin {plugin} is left out: {error}", plugin=plugin, error=str(error))
            continue
        if plugin.name in found:
            log.warn(
                "plugin {plugin} is left out: the name {name} is taken by {other}",
                plugin=plugin,
                name=plugin.name,
                other=found[plugin.name],
            )
            continue
        found[plugin.name] = plugin
    return found
