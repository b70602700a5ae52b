"""Maps that a command writes into a folder of its own, with a record that says which of its files they are."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dinsar_cli.base.files import make_folder, write_text
from dinsar_cli.base.user_files import read_json
from dinsar_cli.errors import UsageError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import Layer, write_cog


@dataclass(frozen=True)
class OwnFolder:
    """A folder of maps.

    Attributes
    ----------
    path : Path
    maker : str
        What writes into it, for messages.
    record : str
        Name of its record.
    picture : str
        Name of its picture.
    layers : sequence of Layer
        All that it may have.
    """

    path: Path
    maker: str
    record: str
    picture: str
    layers: Sequence[Layer]

    def write(
        self,
        arrays: Mapping[str, NDArray[Any]],
        grid: Grid,
        tags: Mapping[str, str],
        draw: Callable[[Path], None],
        facts: Mapping[str, Any],
    ) -> dict[str, Path]:
        """Write maps, their picture and their record; those of an earlier time go.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            By the name of the layer.
        draw : callable
            Writes the picture.
        facts : mapping
            For the record.

        Raises
        ------
        UsageError
            When the folder cannot be used, or holds files of somebody else.
        ResourceError
            When a file cannot be written.
        """
        output = self.path
        make_folder(output)
        self._check_own()
        chosen = [layer for layer in self.layers if layer.name in arrays]
        with tempfile.TemporaryDirectory(prefix=".part-", dir=output) as part:
            for layer in chosen:
                write_cog(Path(part) / f"{layer.name}.tif", arrays[layer.name], grid, layer, tags)
            draw(Path(part) / self.picture)
            for layer in self.layers:  # none of an earlier time beside these
                (output / f"{layer.name}.tif").unlink(missing_ok=True)
            files = {layer.name: output / f"{layer.name}.tif" for layer in chosen} | {"map": output / self.picture}
            everything = files | {"record": output / self.record}
            record = dict(facts) | {"files": {name: path.name for name, path in everything.items()}}
            # the record first: it tells, after an interruption too, that these files are ours
            write_text(output / self.record, json.dumps(record, indent=2, allow_nan=False) + "\n")
            for path in files.values():
                (Path(part) / path.name).replace(path)
        return everything

    def _check_own(self) -> None:
        """Refuse a folder with files of the same names that no such command has written.

        Raises
        ------
        UsageError
            When one would be replaced.
        """
        try:
            written = read_json(self.path / self.record)["files"].values()
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            written = ()
        names = (self.record, self.picture, *(f"{layer.name}.tif" for layer in self.layers))
        theirs = [name for name in names if (self.path / name).exists() and name not in written]
        if theirs:
            raise UsageError(
                f"The folder {self.path} cannot be used.",
                f"It has {', '.join(theirs)}, of which no {self.record} says that {self.maker} has written it.",
                "Choose another folder with --output, or move these files away.",
            )
