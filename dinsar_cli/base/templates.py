"""The template files that are shipped with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from dinsar_cli.errors import DinsarError

_PACKAGED = "_templates"  # where a wheel has what a checkout has in its folder ``templates``


def template_text(name: str) -> str:
    """Return the text of a template: the packaged copy, else that of the checkout or source distribution.

    Parameters
    ----------
    name : str
        File name, such as ``topsApp.xml.j2``.

    Raises
    ------
    DinsarError
        If there is none of this name.
    """
    package = files("dinsar_cli")
    for candidate in (package / _PACKAGED / name, Path(str(package)).parent / "templates" / name):
        if candidate.is_file():
            return candidate.read_text(encoding="utf-8")
    raise DinsarError(
        f"The template {name} is missing.",
        f"It is neither in {package / _PACKAGED} nor in the folder templates beside the package.",
        "The installation is not complete: install dinsar again.",
    )
