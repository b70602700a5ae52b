"""dinsar: an area and two dates in, a trustworthy map of ground displacement out.

>>> from dinsar_cli import open_products, run
>>> result = run(roi="-8.6 30.9 -8.2 31.2", start="2023-08-25", end="2023-09-20")  # doctest: +SKIP
>>> dataset = open_products(result.folder)  # doctest: +SKIP
"""

import importlib

__version__ = "0.1.0"

# Where each public name lives. They are imported when they are used, so that this package loads at once; type
# checkers read them in __init__.pyi.
_HOMES = {
    "DinsarError": "dinsar_cli.errors",
    "RunResult": "dinsar_cli.workflow.result",
    "extract": "dinsar_cli.api",
    "open_products": "dinsar_cli.products.dataset",
    "run": "dinsar_cli.api",
}

__all__ = ["DinsarError", "RunResult", "__version__", "extract", "open_products", "run"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
