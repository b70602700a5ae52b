"""The test archive: the hosts from which the tool gets all its data, filled with simulated scenes."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from support.archive.bursts import Extractor, read_bursts
from support.archive.catalogue import Catalogue
from support.archive.elevation import Elevation
from support.archive.granules import Scene, read_scene
from support.archive.login import Accounts, Gate
from support.archive.orbits import Orbits
from support.archive.server import Network


class Archive(Network):
    """All hosts, with what they have.

    Parameters
    ----------
    scenes : iterable of Path or Scene
        Products on disk (zips or SAFE folders), and scenes that the catalogue alone has.
    orbits : iterable of Path
        EOF files.
    dem : Path, optional
        Raster of ellipsoidal heights.

    Attributes
    ----------
    scenes : list of Scene
    accounts : Accounts
    catalogue : Catalogue
    extractor : Extractor
    orbits : Orbits
    elevation : Elevation or None

    Examples
    --------
    >>> with Archive.from_simulation(folder) as archive:  # doctest: +SKIP
    ...     archive.fail("datapool.asf.alaska.edu", faults.status(503), times=2)
    ...     subprocess.run(["dinsar", "run", ...], env=archive.env(tmp_path))
    ...     assert archive.refused == []
    """

    def __init__(
        self, scenes: Iterable[Path | Scene] = (), orbits: Iterable[Path] = (), dem: Path | None = None
    ) -> None:
        self._packed = tempfile.TemporaryDirectory(prefix="scenes-")
        self.accounts = Accounts()
        self.catalogue = Catalogue([])
        self.orbits = Orbits()
        self.orbits.add(orbits)
        self.elevation = Elevation(dem) if dem is not None else None
        self.extractor = Extractor(self.accounts, [])
        self.gate = Gate(self.accounts, {})
        self.scenes: list[Scene] = []
        for scene in scenes:
            self.publish(scene)
        hosts = self.gate.hosts() | self.catalogue.hosts() | self.extractor.hosts() | self.orbits.hosts()
        super().__init__(hosts | (self.elevation.hosts() if self.elevation is not None else {}))

    @classmethod
    def from_simulation(cls, folder: Path) -> Archive:
        """Offer what `dinsar simulate` has written to a folder."""
        products = folder / "slc" if (folder / "slc").is_dir() else folder
        scenes = sorted([*products.glob("S1*.zip"), *products.glob("S1*.SAFE")])
        return cls(scenes, sorted((folder / "orbits").glob("*.EOF")), folder / "dem" / "dem.tif")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._packed.cleanup()

    def publish(self, scene: Path | Scene) -> Scene:
        """Offer one more scene: a product on disk, whose bursts are offered too, or a record of the catalogue."""
        if isinstance(scene, Path):
            scene = read_scene(scene if scene.is_file() else pack(scene, Path(self._packed.name)))
        granules: list[dict[str, Any]] = [scene.granule()]
        if scene.file is not None:
            bursts = read_bursts(scene)
            self.extractor.bursts.extend(bursts)
            granules += [burst.granule() for burst in bursts]
            self.gate.files[urlsplit(scene.url).path] = scene.file
        self.catalogue.add(granules)
        self.scenes.append(scene)
        return scene

    def log_in(self, folder: Path, password: str | None = None) -> None:
        """Write the account's netrc into the home folder that `env` gives for `folder`."""
        path = folder / "home" / ".netrc"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(self.accounts.netrc(password), encoding="utf-8")


def pack(folder: Path, target: Path) -> Path:
    """Zip a SAFE folder as the archive delivers it."""
    path = target / f"{folder.name.removesuffix('.SAFE')}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for member in sorted(folder.rglob("*")):
            archive.write(member, f"{folder.name}/{member.relative_to(folder).as_posix()}")
    return path
