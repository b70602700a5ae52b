"""What does not wait for the unwrapped phase, made while topsApp unwraps: that takes one core only."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from dinsar_cli.config.model import Looks
from dinsar_cli.engines.topsapp.results.finished_folder import FinishedRun
from dinsar_cli.engines.topsapp.results.layers import WITHOUT_UNWRAPPING, Files, create_layers
from dinsar_cli.engines.topsapp.settings.steps import STEPS
from dinsar_cli.errors import EngineError
from dinsar_cli.radar.interferogram import DESCRIPTION_FILE

logger = logging.getLogger(__name__)

UNWRAP = STEPS[-1]
_MEMORY = 32_000_000  # bytes of the working arrays


class _DroppedError(Exception):
    """The layers are not wanted any more."""


class EarlyLayers:
    """The layers of a run of topsApp that is unwrapping; a context that waits for nothing when it is left.

    Parameters
    ----------
    folder : Path
        Where topsApp runs.
    target : Path
        Folder for the layers.
    """

    def __init__(self, folder: Path, target: Path) -> None:
        self._folder = folder
        self._target = target
        self._pool = ThreadPoolExecutor(1)
        self._work: Future[Files] | None = None
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop()
        self._pool.shutdown(cancel_futures=True)

    def begin(self, looks: Looks | None) -> None:
        """Start to make them, unless that was started; looks as for `collect`."""
        if self._work is None:
            self._ended = threading.Event()
            self._work = self._pool.submit(self._make, looks)

    def drop(self) -> None:
        """Stop: what they are made of will change, or is not wanted."""
        if self._work is not None:
            self._ended.set()
            self._work.exception()
            self._work = None

    def take(self) -> Files | None:
        """Return the layers, when they are made; None where they were not begun, or could not be made."""
        if self._work is None:
            return None
        error = self._work.exception()
        if error is None:
            return self._work.result()
        if not isinstance(error, EngineError | OSError):
            raise error
        logger.info("No layers were made beside %s: %s", UNWRAP, error)  # they are tried once more, and it is told
        return None

    def _make(self, looks: Looks | None) -> Files:
        run = FinishedRun.open(self._folder, looks)
        self._target.mkdir(parents=True, exist_ok=True)
        (self._target / DESCRIPTION_FILE).unlink(missing_ok=True)  # of an earlier run
        layers, ended = create_layers(run, self._target), self._ended

        def strips() -> Iterator[tuple[int, int]]:
            for strip in run.strips(_MEMORY):
                if ended.is_set():
                    raise _DroppedError
                yield strip

        for write in WITHOUT_UNWRAPPING:
            write(run, layers, strips)
        return layers
