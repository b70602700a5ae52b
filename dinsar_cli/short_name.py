"""The package under its own name: ``import dinsar`` is ``import dinsar_cli``.

In an installation this file is ``dinsar/__init__.py`` (see ``force-include`` in ``pyproject.toml``).
"""

import dinsar_cli

__all__ = dinsar_cli.__all__
__version__ = dinsar_cli.__version__


def __getattr__(name: str) -> object:
    return getattr(dinsar_cli, name)


def __dir__() -> list[str]:
    return dir(dinsar_cli)
