"""A run from Python: ``dinsar run``, but quiet, with its result as an object and its errors as exceptions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dinsar_cli.base.files import default_cache, make_folder
from dinsar_cli.config.file import build_config, load_config
from dinsar_cli.config.keys import config_keys
from dinsar_cli.config.model import RunConfig
from dinsar_cli.errors import UsageError
from dinsar_cli.extraction.extract import Choices, Extracted, values_of_places
from dinsar_cli.extraction.places import points_of
from dinsar_cli.workflow import pipeline
from dinsar_cli.workflow.result import RunResult

Progress = Callable[[str, str, float], None]
"""Called with the stage, the step of it, and how much of the stage is done, 0 to 1."""

logger = logging.getLogger(__name__)


def run(
    config: str | Path | None = None,
    /,
    *,
    workdir: str | Path = ".",
    cache: str | Path | None = None,
    progress: Progress | None = None,
    force: bool = False,
    **keys: Any,
) -> RunResult:
    """Make a displacement map from two dates, as ``dinsar run`` does.

    A run that was stopped goes on where it was; after a change of a key only what depends on it is made again.
    Nothing is printed: warnings are in the result, and go with all else to the logger ``dinsar_cli``.

    Parameters
    ----------
    config : str or Path, optional
        A YAML file as ``dinsar init`` writes it.
    workdir : str or Path
        Folder in which the pair gets its folder; made if need be.
    cache : str or Path, optional
        Folder for what several runs can share; not given: that of the command line (``DINSAR_CACHE``, else the
        user's cache folder).
    progress : callable, optional
        Is told how it goes: ``progress(stage, step, share)``.
    force : bool
        Whether to start a run that does not seem to fit on this machine.
    **keys
        Keys of the configuration, which win over the file: ``roi``, ``start``, ``end``, ``looks="7x2"``,
        ``engine="eos"``. A section is a mapping: ``dem={"file": "dem.tif", "datum": "ellipsoid"}``. None means not
        given. Relative paths are relative to the current folder.

    Returns
    -------
    RunResult
        The folder of the pair, the products by name, and what is known of the map.

    Raises
    ------
    UsageError
        When a key or an input is wrong, before anything expensive starts.
    DinsarError
        When the data cannot give a map or a stage fails; what is done stays done. ``problem``, ``cause`` and
        ``remedy`` are what the command line prints, ``exit_code`` is with what it ends.

    Examples
    --------
    >>> from dinsar_cli import run
    >>> result = run(roi="-8.6 30.9 -8.2 31.2", start="2023-08-25", end="2023-09-20")  # doctest: +SKIP
    >>> result.products["los_displacement"]  # doctest: +SKIP
    """
    resolved = _config(config, keys)
    folder = make_folder(Path(workdir))
    store = default_cache() if cache is None else Path(cache)
    return pipeline.run(resolved, folder, store, _Teller(progress), ["dinsar_cli.run"], force=force)


def extract(
    folders: str | Path | Sequence[str | Path],
    places: str | Path | Sequence[tuple[float, float]],
    *,
    crs: str | None = None,
    window: int | None = None,
    radius: float | None = None,
    step: float | None = None,
    pairs: bool = False,
    columns: Sequence[str] = (),
) -> Extracted:
    """Extract the values of maps at points, along lines and over areas, as ``dinsar extract`` does.

    Parameters
    ----------
    folders : str, Path, or several
        Of runs, stacks, series, decompositions or products.
    places : str or Path, or pairs of numbers
        A file, or what the command line takes in its place; or longitudes and latitudes, degrees.
    crs : str, optional
        Coordinate reference system of places that do not tell theirs.
    window : int, optional
        Cells on a side, an odd number, of which median and scatter are wanted too.
    radius : float, optional
        The same for the cells within so many metres.
    step : float, optional
        Metres between points along lines; the size of a cell by default.
    pairs : bool
        Whether pairs of a stack are taken although it has a series.
    columns : sequence of str
        Of the maps, that are wanted beside motion and component; all but ``vertical_displacement_m`` by default.

    Returns
    -------
    Extracted
        ``columns`` are all rows by column, as ``pandas.DataFrame`` takes them; ``tables`` those of points, lines
        and areas with their geometries; ``warnings`` what was left out.

    Raises
    ------
    UsageError
        When an input is wrong.
    NoDataError
        When there is no map, or no place lies on one.

    Examples
    --------
    >>> from dinsar_cli import extract
    >>> found = extract("STACK", "benchmarks.csv")  # doctest: +SKIP
    >>> found.columns["velocity"]  # doctest: +SKIP
    """
    chosen = [folders] if isinstance(folders, (str, Path)) else list(folders)
    choices = Choices(crs, window, radius, step, pairs, tuple(columns))
    wanted = str(places) if isinstance(places, (str, Path)) else points_of(places)
    return values_of_places([Path(folder) for folder in chosen], wanted, choices)


def _config(config: str | Path | None, keys: Mapping[str, Any]) -> RunConfig:
    """Return the configuration of a file, or of none, with the keys that were given."""
    if config is not None and not isinstance(config, (str, Path)):
        raise UsageError(
            f"run() cannot take a {type(config).__name__} as its configuration.",
            "The first argument is the path of a YAML file.",
            "Give keys by name, such as run(roi=..., start=..., end=...), or a mapping as run(**mapping).",
        )
    return build_config(None if config is None else load_config(Path(config)), _dotted(keys))


def _dotted(keys: Mapping[str, Any]) -> dict[str, object]:
    """Return the keys as the command line gives them: those of a section one by one, with a dot."""
    sections = {key.partition(".")[0] for key in config_keys() if "." in key}
    found: dict[str, object] = {}
    for name, value in keys.items():
        if name in sections and isinstance(value, Mapping):
            found |= {f"{name}.{key}": item for key, item in value.items()}
        else:
            found[name] = value
    return found


class _Teller:
    """Tells a callback how a run goes, and the log everything."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._stage = ""

    def note(self, text: str) -> None:
        """Log a fact."""
        logger.info("%s", text)

    def warn(self, text: str) -> None:
        """Log a fact to keep in mind, as information: it is in the result too, and a run is quiet."""
        logger.info("warning: %s", text)

    def start(self, stage: str) -> None:
        """Tell that a stage starts."""
        self._stage = stage
        self._tell("", 0.0)

    def progress(self, step: str, share: float, left: float | None = None, /) -> None:  # noqa: ARG002
        """Tell the step of the stage and how much is done."""
        self._tell(step, share)

    def end(self, stage: str, seconds: float, *, skipped: bool) -> None:
        """Tell that a stage is done."""
        logger.info("stage %s %s, %.2f s", stage, "was done" if skipped else "done", seconds)
        self._tell("", 1.0)

    def _tell(self, step: str, share: float) -> None:
        if self._progress is not None:
            self._progress(self._stage, step, share)
