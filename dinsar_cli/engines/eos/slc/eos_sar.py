"""The module of eos-sar that is used, without the packages that it is in: they load pandas, geopandas and more."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

_NAME = "eos.products.sentinel1.doppler_info"
_ANNOTATIONS = ("eos.products.sentinel1.metadata", "eos.sar.orbit")
"""What it imports of eos-sar, for annotations alone: nearly all of it follows."""

_lock = threading.Lock()


def doppler_info() -> Any:
    """Return ``eos.products.sentinel1.doppler_info``: as it is loaded, or by its file alone."""
    with _lock:
        return sys.modules.get(_NAME) or _load_alone()


@cache
def _load_alone() -> ModuleType:
    """Load the module by its file, which takes half a second less of processor time."""
    package = importlib.util.find_spec("eos")
    roots = [Path(root) for root in (package and package.submodule_search_locations) or ()]
    files = [root.joinpath(*_NAME.split(".")[1:]).with_suffix(".py") for root in roots]
    file = next(filter(Path.is_file, files), None)
    made = importlib.util.spec_from_file_location(f"{__name__}.doppler_info", file) if file else None
    if made is None or made.loader is None:
        return importlib.import_module(_NAME)
    absent = [name for name in _ANNOTATIONS if name not in sys.modules]
    sys.modules |= {name: _Nameless(name) for name in absent}
    try:
        module = importlib.util.module_from_spec(made)
        made.loader.exec_module(module)
    finally:
        for name in absent:
            del sys.modules[name]
    return module


class _Nameless(ModuleType):
    """Stands for a module of which names are only annotations."""

    def __getattr__(self, attribute: str) -> Any:
        """Give something for a name, but for those that Python looks for itself."""
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return object
