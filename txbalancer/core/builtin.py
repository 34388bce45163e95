"""
Finds the parts that ship in a folder: a file there is its own registration.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any


def factories(package: ModuleType) -> dict[str, Any]:
    """
    Return the C{factory} of each module of a package, by the factory's C{name}.
    """
    modules = (
        import_module(f"{package.__name__}.{found.name}")
        for found in iter_modules(package.__path__)
    )
    found = [module.factory for module in modules if hasattr(module, "factory")]
    return {factory.name: factory for factory in found}
