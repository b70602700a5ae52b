"""topsApp by hand: input files that a person edited, and scripts that a person runs."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from lxml import etree

from dinsar_cli.base.files import make_folder, write_text
from dinsar_cli.base.user_files import OddFileError, read_xml
from dinsar_cli.engines.topsapp.process.installation import Installation
from dinsar_cli.engines.topsapp.settings.file_names import ENVIRONMENT, INPUT_FILES, SCENES, SCRIPTS
from dinsar_cli.engines.topsapp.settings.phase_sigma import PHASE_SIGMA, settings_text
from dinsar_cli.engines.topsapp.settings.properties import find_property
from dinsar_cli.engines.topsapp.settings.steps import STEPS
from dinsar_cli.engines.topsapp.settings.template import TOPSAPP
from dinsar_cli.errors import UsageError

_STEP_SCRIPT = """\
#!/bin/sh
# Step {step} of topsApp; the steps before it must be done.
cd "$(dirname "$0")/.." && . ./{environment} || exit
# With numpy 2 topsApp leaves states that it cannot load: numbers in them are written as np.int64(0).
for state in PICKLE/*.xml; do
  [ -f "$state" ] || continue
  sed 's/np\\.[A-Za-z0-9_]*(\\([^()]*\\))/\\1/g' "$state" > "$state.part" && mv "$state.part" "$state" || exit
done
exec "$ISCE_PYTHON" "$ISCE_HOME/applications/topsApp.py" topsApp.xml --start={step} --end={step}
"""
_GO_ON_SCRIPT = _STEP_SCRIPT.replace(
    "# Step {step} of topsApp; the steps before it must be done.\n",
    "# What topsApp has after the steps that dinsar runs, up to its own geocoding: merged/*.geo. It starts at\n"
    "# unwrap2stage (which does nothing unless asked for): at geocode it would miss the state of that step.\n",
).replace("--start={step} --end={step}", "--start=unwrap2stage --end=geocode")
_ALL_SCRIPT = """\
#!/bin/sh
# All steps of topsApp, one after the other; it stops at the first that fails.
cd "$(dirname "$0")" || exit
for step in {scripts}; do
  "./$step" || exit
done
"""


def marks_of(files: Mapping[str, str]) -> dict[str, str]:
    """Return the hashes of texts, by which a later edit is seen."""
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}


def edited_files(work: Path, marks: Mapping[str, str]) -> list[str]:
    """Return the input files that are not as they were written.

    Parameters
    ----------
    work : Path
        Working folder of topsApp.
    marks : mapping
        What `marks_of` gave for the texts that were written.
    """
    now = marks_of(read_files(work, marks))
    return [name for name in now if now[name] != marks[name]]


def read_files(work: Path, names: Iterable[str] = INPUT_FILES) -> dict[str, str]:
    """Return the texts of the input files that are there, by name."""
    return {
        name: (work / name).read_text(encoding="utf-8", errors="replace")
        for name in names
        if (work / name).is_file()
    }


def read_own_files(work: Path) -> dict[str, str]:
    """Return texts of input files that somebody wrote by hand, by name.

    Ours for the phase sigma where that is missing.
    """
    return {PHASE_SIGMA: settings_text()} | read_files(work)


def read_record(work: Path) -> dict[str, str]:
    """Return the properties that the input files ask for, as `template.record` gives them for settings.

    Raises
    ------
    UsageError
        When ``topsApp.xml`` or a catalog that it names is missing or no XML.
    """
    file = work / "topsApp.xml"
    component = _root(file).find("component")
    if component is None:
        raise UsageError(f"{file} asks for nothing.", "It has no component.", "Correct it, or remove it.")
    found = {f"{TOPSAPP}/{name}": text for name, text in _properties(component)}
    for scene in SCENES:
        part = component.find(f"component[@name='{scene}']")
        if part is None:
            raise UsageError(
                f"{file} has no {scene}.", f"It has no component '{scene}'.", "Correct it, or remove it."
            )
        catalog = (part.findtext("catalog") or "").strip()
        found |= {f"{scene}/{name}": text for name, text in _properties(_root(work / catalog) if catalog else part)}
    return found


def write_scripts(work: Path, installation: Installation, threads: int) -> list[Path]:
    """Write a script for each step, one for all and one to go on after them, with the environment that they need.

    Parameters
    ----------
    work : Path
        Working folder of topsApp, with its input files.
    installation : Installation
        ISCE2.
    threads : int
        For OpenMP.
    """
    variables = installation.own_variables(threads, work) | {"ISCE_PYTHON": str(installation.python)}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    write_text(work / ENVIRONMENT, "\n".join(["# What ISCE2 needs on this machine.", *lines]) + "\n")
    folder = make_folder(work / SCRIPTS)
    names = {step: f"run_{number:02d}_{step}.sh" for number, step in enumerate(STEPS, 1)}
    texts = {name: _STEP_SCRIPT.format(step=step, environment=ENVIRONMENT) for step, name in names.items()}
    texts["go_on_after_unwrap.sh"] = _GO_ON_SCRIPT.format(environment=ENVIRONMENT)
    texts["run_all.sh"] = _ALL_SCRIPT.format(scripts=" ".join(names.values()))
    for name, text in texts.items():
        write_text(folder / name, text)
        (folder / name).chmod(0o755)
    return [work / ENVIRONMENT, *(folder / name for name in texts)]


def _root(file: Path) -> etree._Element:
    try:
        return read_xml(file)
    except (OSError, OddFileError) as error:
        cause = error.cause if isinstance(error, OddFileError) else f"{error}."
        raise UsageError(f"{file} cannot be read.", cause, "Correct it, or remove it.") from error


def _properties(component: etree._Element) -> list[tuple[str, str]]:
    """Return the names as in our table, and texts without the blanks around them."""
    found = []
    for node in component.findall("property"):
        name = " ".join(str(node.get("name", "")).split()).lower()
        entry = find_property(name)
        text = node.findtext("value") or node.text or ""
        found.append((entry.name if entry else name, text.strip()))
    return found
