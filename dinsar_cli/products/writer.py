"""Products are written while the next ones are made."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray

from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import write_products

_WAITING = 2  # sets of arrays that are held in memory to be written


class ProductWriter:
    """Writes products in a thread while the next ones are made; a context that ends when all are written.

    Parameters
    ----------
    folder, grid
        As for `write_products`.
    tags : mapping of str to str
        Of products for which no others are given.
    """

    def __init__(self, folder: Path, grid: Grid, tags: Mapping[str, str]) -> None:
        self._folder = folder
        self._grid = grid
        self._tags = tags
        self._pool = ThreadPoolExecutor(1)
        self._pending: list[Future[dict[str, Path]]] = []
        self.files: dict[str, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.wait()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def write(self, arrays: Mapping[str, NDArray[Any]], tags: Mapping[str, str] | None = None) -> None:
        """Have arrays written, which must not change any more; `files` has them at once.

        Raises
        ------
        ValueError, ResourceError
            Those of `write_products`, of these arrays or of earlier ones.
        """
        self.wait(_WAITING - 1)
        work = self._pool.submit(write_products, self._folder, arrays, self._grid, tags or self._tags)
        self._pending.append(work)
        self.files |= {name: self._folder / f"{name}.tif" for name in arrays}

    def wait(self, left: int = 0) -> None:
        """Wait until no more than a number of sets of arrays are not written."""
        while len(self._pending) > left:
            self._pending.pop(0).result()
