"""What a finished run does not need any more: found, removed, and forgotten by the journal."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from dinsar_cli.base.disk import remove
from dinsar_cli.base.journal import Journal
from dinsar_cli.config.model import RunConfig
from dinsar_cli.engines.base import Engine
from dinsar_cli.radar.interferogram import IONOSPHERE, LAYERS, VISIBILITY, RadarFile
from dinsar_cli.radar.offset_field import OFFSETS_FILE


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
            self._work = self._pool.submit(remove, self._engine.leftovers(self._folder))

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
            journal.release("process")
            every = [
                *_layers(self._folder),
                *(RadarFile(self._folder, layer, 0, 0).path for layer in (IONOSPHERE, VISIBILITY)),
                self._folder / OFFSETS_FILE,
            ]
            freed += remove(path for path in every if path.exists())
        return freed


def _layers(folder: Path) -> list[Path]:
    return [RadarFile(folder, layer, 0, 0).path for layer in LAYERS.values()]
