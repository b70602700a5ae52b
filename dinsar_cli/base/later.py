"""Packages that others import, and of which nothing may be used: they are loaded when something is."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any


class Later(ModuleType):
    """Stands for a module in `sys.modules` until something of it is wanted."""

    def __getattr__(self, attribute: str) -> Any:
        """Import the module itself and give what it has."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), attribute)


def load_when_used(name: str) -> None:
    """Let a package that is installed, and not loaded yet, be loaded when something of it is first used."""
    if name not in sys.modules and importlib.util.find_spec(name) is not None:
        sys.modules[name] = Later(name)
