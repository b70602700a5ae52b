"""What a finished run does not need any more: found, removed, and forgotten by the journal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from dinsar_cli.base.disk import files_below, remove
from dinsar_cli.base.journal import Journal
from dinsar_cli.config.model import RunConfig
from dinsar_cli.engines.base import STEPS_FILE, Engine
from dinsar_cli.radar.interferogram import DESCRIPTION_FILE, IONOSPHERE, LAYERS, VISIBILITY, RadarFile
from dinsar_cli.radar.offset_field import OFFSETS_FILE

LOGS = "logs"
_LOG = re.compile(r"\d\d_\w+\.log")


def layers_in(folder: Path) -> bool:
    """Tell whether a folder has all layers of an interferogram."""
    return all(path.is_file() for path in _layers(folder))


class Removal:
    """Removes what ``output.intermediates`` does not keep; a context that ends when all is done that was begun.

    Parameters
    ----------
    config : RunConfig
        Options.
    engine : Engine
        Whose work it is.
    folder : Path
        Folder of the layers on the radar grid.
    """

    def __init__(self, config: RunConfig, engine: Engine, folder: Path) -> None:
        self._kept = config.output.intermediates
        self._engine = engine
        self._folder = folder
        self._pool = ThreadPoolExecutor(1)
        self._work: Future[int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def begin(self) -> None:
        """Start with the engine's own work, gigabytes, in a thread: its layers are on the map."""
        if self._kept != "keep" and self._work is None:
            self._work = self._pool.submit(
                remove, self._engine.leftovers(self._folder), self._folder.resolve().parent
            )

    def finish(self, journal: Journal) -> int:
        """Remove the rest, and give the bytes that are free again.

        Parameters
        ----------
        journal : Journal
            Of the run, whose products are all made; the stage ``process`` holds without the files that are removed.
        """
        self.begin()
        freed = self._work.result() if self._work is not None else 0
        if self._kept == "delete":
            every = layers_of(self._folder)
            journal.release("process", every)
            freed += remove(every, self._folder.parent)
        return freed


def layers_of(folder: Path) -> list[Path]:
    """Return the layers on the radar grid that are in a folder: what a later run makes again when it needs it."""
    known = [*_layers(folder), *(RadarFile(folder, layer, 0, 0).path for layer in (IONOSPHERE, VISIBILITY))]
    return _own([*known, folder / OFFSETS_FILE], folder)


def made_in_radar(folder: Path) -> list[Path]:
    """Return all files in a folder of layers that an engine made, as its journal and their names tell."""
    steps = Journal.open(folder / STEPS_FILE).stages.values()
    named = [folder / file.path for step in steps for file in step.files]
    beside = [folder / DESCRIPTION_FILE, folder / STEPS_FILE]
    return list(dict.fromkeys([*layers_of(folder), *_own([*named, *beside], folder)]))


def logs_of(folder: Path) -> list[Path]:
    """Return the logs of an engine's steps in the folder of a pair: ``05_topo.log``."""
    return [path for path in files_below(folder / LOGS) if _LOG.fullmatch(path.name)]


def _own(paths: Iterable[Path], folder: Path) -> list[Path]:
    """Return the files among paths that lie in a folder itself, and not behind a link."""
    there = set(files_below(folder))
    return [path for path in paths if path in there and path.parent == folder]


def _layers(folder: Path) -> list[Path]:
    return [RadarFile(folder, layer, 0, 0).path for layer in LAYERS.values()]
