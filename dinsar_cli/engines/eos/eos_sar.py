"""The package eos-sar, without loading what is not used of it: pandas, geopandas and more."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

from dinsar_cli.base.later import Later

_UNUSED = "dem_stitcher"  # eos.dem imports it, with pandas and geopandas, for DEMs that eos itself fetches
_ALONE = {"eos.products.sentinel1.doppler_info": ("eos.products.sentinel1.metadata", "eos.sar.orbit")}
"""Modules that need nothing of eos-sar, and what they import of it for annotations: nearly all of it follows."""

_lock = threading.Lock()
_alone: dict[str, ModuleType] = {}


def eos_module(name: str) -> Any:
    """Import a module of eos-sar; what is not used here is imported when somebody first uses it.

    Parameters
    ----------
    name : str
        As ``eos.products.sentinel1.doppler_info``.
    """
    with _lock:
        if name in _ALONE and name not in sys.modules:
            if name not in _alone:
                _alone[name] = _load_alone(name)
            return _alone[name]
        if "eos.dem" in sys.modules or _UNUSED in sys.modules or importlib.util.find_spec(_UNUSED) is None:
            return importlib.import_module(name)
        stand_in = sys.modules[_UNUSED] = Later(_UNUSED)
        try:
            return importlib.import_module(name)
        finally:
            if sys.modules.get(_UNUSED) is stand_in:
                del sys.modules[_UNUSED]


def _load_alone(name: str) -> ModuleType:
    """Load a module by its file, without the packages that it is in: half a second of processor time."""
    package = importlib.util.find_spec("eos")
    roots = [Path(root) for root in (package and package.submodule_search_locations) or ()]
    files = [root.joinpath(*name.split(".")[1:]).with_suffix(".py") for root in roots]
    file = next(filter(Path.is_file, files), None)
    if file is None:
        return importlib.import_module(name)
    made = importlib.util.spec_from_file_location(f"{__name__}.{name.rpartition('.')[2]}", file)
    if made is None or made.loader is None:
        return importlib.import_module(name)
    absent = [one for one in _ALONE[name] if one not in sys.modules]
    sys.modules |= {one: _Nameless(one) for one in absent}
    try:
        module = importlib.util.module_from_spec(made)
        made.loader.exec_module(module)
    finally:
        for one in absent:
            del sys.modules[one]
    return module


class _Nameless(ModuleType):
    """Stands for a module of which names are only annotations."""

    def __getattr__(self, attribute: str) -> Any:
        """Give something for a name, but for those that Python looks for itself."""
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return object
