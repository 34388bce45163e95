"""
Where third-party plugins are found: a distribution lays modules into a folder
C{txbalancer/plugins} of its own, without an C{__init__.py}.
"""

from __future__ import annotations

from twisted.plugin import pluginPackagePaths

__path__.extend(pluginPackagePaths(__name__))
__all__: list[str] = []
