"""The package eos-sar, without loading what is not used of it: pandas, geopandas and more."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from types import ModuleType
from typing import Any

_UNUSED = "dem_stitcher"  # eos.dem imports it, with pandas and geopandas, for DEMs that eos itself fetches

_lock = threading.Lock()


def eos_module(name: str) -> Any:
    """Import a module of eos-sar; what is not used here is imported when somebody first uses it.

    Parameters
    ----------
    name : str
        As ``eos.products.sentinel1.doppler_info``.
    """
    with _lock:
        if "eos.dem" in sys.modules or _UNUSED in sys.modules or importlib.util.find_spec(_UNUSED) is None:
            return importlib.import_module(name)
        stand_in = sys.modules[_UNUSED] = _Later(_UNUSED)
        try:
            return importlib.import_module(name)
        finally:
            if sys.modules.get(_UNUSED) is stand_in:
                del sys.modules[_UNUSED]


class _Later(ModuleType):
    """Stands for a module that is imported when something of it is wanted."""

    def __getattr__(self, attribute: str) -> Any:
        """Import the module itself and give what it has."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), attribute)
