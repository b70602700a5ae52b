"""A folder that MintPy's ``smallbaselineApp.py`` runs to velocity as it is: rasters with a configuration.

Names and parameter files are those of ASF's HyP3, which MintPy reads. What MintPy does with them was looked up in
its version 1.6.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.disk import files_below, remove
from dinsar_cli.base.files import fingerprint, make_folder
from dinsar_cli.errors import UsageError
from dinsar_cli.formats.facts import ProductFacts
from dinsar_cli.formats.files import put
from dinsar_cli.formats.hyp3 import PRODUCT_NAME, geometry_entries, parameters, product_name
from dinsar_cli.geo.crs import is_utm
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import Layer, write_cog
from dinsar_cli.radar.visibility import LAYOVER, SHADOW, UNKNOWN, WATER

Array = NDArray[Any]
Floats = NDArray[np.floating[Any]]

FOLDER: Final = "mintpy"
CONFIGURATION: Final = "mintpy.cfg"
LEAST_DATES_FOR_HEIGHT: Final = 15
"""Dates below which MintPy's topographic residual takes more of the atmosphere for height than it takes off: with
six dates and 3 mm of turbulence on each the error of the velocity doubled."""

_GEOMETRY: Final = "geometry"
_MARK: Final = "# Written by dinsar for MintPy, which takes it in this folder: smallbaselineApp.py mintpy.cfg"
_PATTERN: Final = "[]*?"
_LEAST_PIXELS: Final = 100  # MintPy's own least number of reliable cells, where the map has many more
_NEXT_TO_ZERO: Final = np.float32(1e-6)
_SCENELESS = re.compile(r"S1_\d{6}_IW\d_\d{8}_\d{8}_(VV|HH)_INT\d{2}_[0-9A-F]{4}")
_READ: Final = ("VV", "HH")  # polarizations that MintPy reads in a name


def _raster(suffix: str, text: str, unit: str, sign: str = "", dtype: str = "float32") -> Layer:
    thinned = dtype != "float32" or suffix == "wrapped_phase"
    return Layer(suffix, text, unit, (suffix,), sign, dtype, 0, "nearest" if thinned else "average")


_AWAY = "positive away from the satellite, later minus earlier"
_LAYERS: Final = {
    layer.name: layer
    for layer in (
        _raster("unw_phase", "unwrapped phase, as the displacement has it", "rad", _AWAY),
        _raster("corr", "coherence, 0 to 1", "1"),
        _raster("conncomp", "connected components of the unwrapping, 0 = none", "1", dtype="uint16"),
        _raster("wrapped_phase", "wrapped phase, -pi to pi", "rad", _AWAY),
        _raster("dem", "height above the WGS84 ellipsoid", "m"),
        _raster("lv_theta", "elevation angle of the direction to the satellite", "rad"),
        _raster("lv_phi", "orientation of the direction to the satellite: 0 is east, pi/2 is north", "rad"),
        _raster("water_mask", "1 = land, 0 = water", "1", dtype="uint8"),
        _raster("shadow_mask", "1 = layover or shadow", "1", dtype="uint8"),
    )
}
_KEYS: Final = {
    "unw_phase": "unwFile",
    "corr": "corFile",
    "conncomp": "connCompFile",
    "wrapped_phase": "intFile",
    "dem": "demFile",
    "lv_theta": "incAngleFile",
    "lv_phi": "azAngleFile",
    "water_mask": "waterMaskFile",
    "shadow_mask": "shadowMaskFile",
}
"""Keys of MintPy's configuration, below ``mintpy.load``, by the rasters that they are for."""


def _constant(values: Array) -> Callable[[], Array]:
    return lambda: values


@dataclass(frozen=True)
class MintPyPair:
    """A pair as MintPy loads it.

    Attributes
    ----------
    name : str
        Of its files, in a form of HyP3 that MintPy can read.
    parameters : str
        Text of its parameter file.
    layers : mapping of str to callable
        What gives each raster, on the grid of the set; ``unw_phase`` and ``corr`` at least, the same for all pairs.
    """

    name: str
    parameters: str
    layers: Mapping[str, Callable[[], Array]]


@dataclass(frozen=True)
class MintPyPlace:
    """The cell that MintPy makes zero.

    Attributes
    ----------
    row, column : int
    words : str
        What cell that is, and why.
    """

    row: int
    column: int
    words: str


@dataclass(frozen=True)
class MintPySet:
    """Interferograms of one grid, and how MintPy is to treat them.

    Attributes
    ----------
    grid : Grid
    pairs : sequence of MintPyPair
        In the order of time.
    geometry : dict of str to ndarray
        Of ``dem``, ``lv_theta``, ``lv_phi``, ``water_mask`` and ``shadow_mask`` those that are known.
    place : MintPyPlace or None
    dates : int
        How many there are.
    wavelength : float
        Metres.
    notes : tuple of str
        What the user should know, for the configuration.
    options : dict of str to str
        Keys of MintPy, without ``mintpy.``, that are set otherwise than here.
    """

    grid: Grid
    pairs: Sequence[MintPyPair]
    geometry: dict[str, Array]
    place: MintPyPlace | None
    dates: int
    wavelength: float
    notes: tuple[str, ...] = ()
    options: dict[str, str] | None = None

    def write(self, folder: Path) -> list[Path]:
        """Write it into a folder, in place of one that was written there; the configuration comes first."""
        configuration, files = make_folder(folder) / CONFIGURATION, list[Path]()
        if not configuration.exists():  # whose folder it is can be told from the beginning
            put(configuration, f"{_MARK}\n# It is not whole: run the same command again.\n")
        for pair in self.pairs:
            files += self._put(folder / pair.name, pair, pair.layers.items())
        known = [(name, _constant(self.geometry[name])) for name in _LAYERS if name in self.geometry]
        files += self._put(folder / _GEOMETRY, self.pairs[0], known)
        files.insert(0, put(configuration, self.configuration()))
        remove([path for path in files_below(folder) if path not in files and is_own(path, folder)], folder)
        return files

    def _put(self, folder: Path, pair: MintPyPair, layers: Iterable[tuple[str, Callable[[], Array]]]) -> list[Path]:
        """Write rasters with the parameter file that MintPy looks for beside each."""
        files = [put(make_folder(folder) / f"{pair.name}.txt", pair.parameters)]
        for name, values in layers:
            path = folder / f"{pair.name}_{name}.tif"
            write_cog(path, np.nan_to_num(values()).astype(_LAYERS[name].dtype), self.grid, _LAYERS[name], {})
            files.append(path)
        return files

    def setting(self, key: str) -> str | None:
        """Return to what a key of MintPy, without ``mintpy.``, is set; None: to what MintPy chooses."""
        found = [keys[key] for _, keys in self._groups() if key in keys]
        return (self.options or {}).get(key, found[0] if found else None)

    def configuration(self) -> str:
        """Return the text of the configuration."""
        changed, groups = self.options or {}, self._groups()
        text = f"{_MARK}\n"
        text += "".join(f"# {note[:1].upper()}{note[1:].rstrip('.')}.\n" for note in self.notes)
        text += f"WAVELENGTH = {self.wavelength:.9g}\n"
        for words, keys in groups:
            text += f"\n# {words}\n"
            text += "".join(f"mintpy.{key} = {changed.get(key, value)}\n" for key, value in keys.items())
        others = {key: value for key, value in changed.items() if not any(key in keys for _, keys in groups)}
        if others:
            text += "\n# As asked for.\n" + "".join(f"mintpy.{key} = {value}\n" for key, value in others.items())
        return text

    def _groups(self) -> list[tuple[str, dict[str, str]]]:
        """Return what is set, each group with a sentence on it."""
        load = {"load.processor": "hyp3", "load.updateMode": "no"}
        for name, key in _KEYS.items():
            if name in self.pairs[0].layers:
                load[f"load.{key}"] = f"./S1*/*_{name}.tif"
            elif name in self.geometry:
                load[f"load.{key}"] = f"./{_GEOMETRY}/*_{name}.tif"
        few, cells, place = self.dates < LEAST_DATES_FOR_HEIGHT, self.grid.width * self.grid.height, self.place
        return [
            ("What there is; it is loaded anew each time, for MintPy does not see that files have changed.", load),
            (
                "The zero of the velocity." if place is None else f"The zero of the velocity: {place.words}.",
                {"reference.yx": "auto" if place is None else f"{place.row},{place.column}"},
            ),
            ("All pairs and dates as they were made: nothing is left out by coherence or residual.", _ALL_KEPT),
            (
                "Small maps have fewer reliable cells than MintPy asks for.",
                {"networkInversion.minNumPixel": str(min(_LEAST_PIXELS, max(1, cells // 100)))},
            ),
            (
                "MintPy's own choice waits for a weather model from the network, for ever without an account.",
                {"troposphericDelay.method": "no"},
            ),
            (
                f"{self.dates} dates: fewer than {LEAST_DATES_FOR_HEIGHT} do not tell air from errors of height.",
                {"topographicResidual": "no" if few else "yes"},
            ),
            (
                "Pictures, and a map for Google Earth: drawing libraries that do not fit would end all before.",
                {"plot": "no", "save.kmz": "no"},
            ),
        ]


_ALL_KEPT: Final = {
    "network.coherenceBased": "no",
    "network.areaRatioBased": "no",
    "timeFunc.excludeDate": "no",
    "topographicResidual.excludeDate": "no",
    "reference.date": "no",
}


def is_own(path: Path, folder: Path) -> bool:
    """Tell whether a file below the folder of a set is one that is written here, or MintPy's beside it."""
    parts = path.relative_to(folder).parts
    if len(parts) == 1:
        return path.name == CONFIGURATION
    if len(parts) != 2 or not (parts[0] == _GEOMETRY or _is_name(parts[0])):
        return False
    stem = parts[1].removesuffix(".rsc")
    name, suffixes = stem.removesuffix(".txt"), tuple(f"_{suffix}.tif" for suffix in _LAYERS)
    for suffix in suffixes:
        name = name.removesuffix(suffix)
    return name != stem and _is_name(name)


def is_set(folder: Path) -> bool:
    """Tell whether a folder may be replaced: it has a set of ours, whole or begun, or nothing."""
    path = folder / CONFIGURATION
    if not path.is_file():
        return not any(folder.iterdir())
    return path.read_bytes().startswith(_MARK.encode())


def _is_name(text: str) -> bool:
    return any(form.fullmatch(text) is not None for form in (PRODUCT_NAME, _SCENELESS))


def name_of_pair(facts: ProductFacts) -> str:
    """Return a name by which MintPy knows the dates of a pair, whether or not its scenes are known."""
    if _tells_scenes(facts):
        return product_name(facts)
    days = tuple(f"{stamp:%Y%m%d}" for stamp in facts.dates)
    return name_without_scenes(days, facts.polarization, facts.grid, facts.tags)


def _tells_scenes(facts: ProductFacts) -> bool:
    return bool(facts.reference_scenes and facts.secondary_scenes) and facts.polarization in _READ


def name_without_scenes(days: tuple[str, ...], polarization: str, grid: Grid, mark: object) -> str:
    """Return a name in the form of HyP3's single bursts, which tells the dates alone.

    MintPy reads no other polarization than VV and HH in a name: a crossed one is told as that of its transmitter.
    """
    size = min(99, round(grid.posting * grid.metres_per_unit[1]))
    sent = "HH" if polarization[:1] == "H" else "VV"
    return f"S1_000000_IW1_{days[0]}_{days[1]}_{sent}_INT{size:02d}_{fingerprint([days, mark])[:4].upper()}"


def parameters_of_pair(facts: ProductFacts) -> str:
    """Return the parameter file of a pair, with its scenes where its name tells them."""
    if _tells_scenes(facts):
        return parameters(facts)
    return "".join(f"{key}: {value}\n" for key, value in geometry_entries(facts).items())


def nonzero(phase: Floats) -> Floats:
    """Return phases of which none is exactly zero, which MintPy takes for none at all."""
    return np.where(phase == 0, _NEXT_TO_ZERO, phase)


def layers_of_pair(facts: ProductFacts) -> dict[str, Callable[[], Array]]:
    """Return what gives the rasters of a pair.

    The phase is that of the displacement, so that it has the same corrections and masks.
    """
    scale = np.float32(-4 * np.pi / facts.wavelength)
    made: dict[str, Callable[[], Array]] = {
        "unw_phase": lambda: nonzero(facts.read("los_displacement") * scale),
        "corr": lambda: facts.read("coherence"),
    }
    for name, layer in (("conncomp", "connected_components"), ("wrapped_phase", "wrapped_phase")):
        if layer in facts.rasters:
            made[name] = partial(facts.read, layer)
    return made


def geometry_of(facts: ProductFacts) -> dict[str, Array]:
    """Return the geometry that the products of a pair tell."""
    made: dict[str, Array] = {}
    if "elevation" in facts.rasters:
        made["dem"] = facts.read("elevation")
    if "los_vector" in facts.rasters:
        east, north, up = (facts.read("los_vector", band) for band in (1, 2, 3))
        made["lv_theta"] = np.arcsin(np.clip(up, -1, 1))
        made["lv_phi"] = np.arctan2(north, east)
    if "visibility" in facts.rasters:
        shown = facts.product("visibility").read(1)
        looked_at = shown != UNKNOWN
        made["water_mask"] = ~(looked_at & ((shown & WATER) > 0))
        made["shadow_mask"] = looked_at & ((shown & (LAYOVER | SHADOW)) > 0)
    return made


def check_place(folder: Path, option: str) -> None:
    """Make sure that MintPy can find files in a folder: it takes some signs in a path for a pattern.

    Parameters
    ----------
    folder : Path
    option : str
        By which another one is chosen.

    Raises
    ------
    UsageError
        When it cannot.
    """
    path = str(folder.absolute())
    signs = [sign for sign in _PATTERN if sign in path]
    if signs:
        raise UsageError(
            f"MintPy cannot work in {folder.absolute()}.",
            f"It takes {' and '.join(signs)} in the path for a pattern of names, and finds no file.",
            f"Choose a folder without such signs in its path: {option}",
        )


def notes_on_grid(grid: Grid) -> tuple[str, ...]:
    """Tell what MintPy (1.6.4) cannot do on a grid: it knows degrees, and zones of UTM by their name."""
    if grid.is_geographic or is_utm(grid.crs) or "UTM zone" in grid.title:
        return ()
    limit = "takes metres for degrees where it is asked for places (lalo, kmz, GNSS)"
    return (
        f"MintPy knows degrees and UTM, not {grid.title}: it {limit}. Maps made with --crs utm have no such limit",
    )


def check_mintpy(facts: ProductFacts) -> None:
    """Make sure that the set can be written, and that MintPy can load it.

    Raises
    ------
    NoDataError
        When a product is missing.
    UsageError
        When the wavelength is not known, or MintPy could not work there.
    """
    _ = facts.wavelength
    check_place(facts.output, "--into FOLDER")
    for layer in ("coherence", "elevation"):
        facts.require(layer)
    parameters_of_pair(facts)


def write_mintpy(facts: ProductFacts) -> list[Path]:
    """Write the set of a single pair into a folder of its own among the products."""
    pair = MintPyPair(name_of_pair(facts), parameters_of_pair(facts), layers_of_pair(facts))
    notes = (
        "One pair can be loaded and looked at; velocity needs three dates: dinsar export STACK --format mintpy",
        *notes_on_grid(facts.grid),
    )
    made = MintPySet(facts.grid, (pair,), geometry_of(facts), _own_place(facts), 2, facts.wavelength, notes)
    return made.write(facts.output / FOLDER)


def _own_place(facts: ProductFacts) -> MintPyPlace | None:
    """Return the reference of the map, where MintPy can use it, or else the most coherent cell that it can."""
    usable = np.isfinite(facts.read("los_displacement"))
    if "connected_components" in facts.rasters:
        usable &= facts.read("connected_components") > 0
    if not usable.any():
        return None
    if facts.reference_point is not None:
        row, column = facts.grid.index(*facts.reference_point)
        if facts.grid.holds(row, column) and usable[row, column]:
            return MintPyPlace(row, column, "the reference point of the map")
    coherence = np.where(usable, np.nan_to_num(facts.read("coherence")), -1)
    row, column = (int(i) for i in np.unravel_index(int(np.argmax(coherence)), coherence.shape))
    return MintPyPlace(row, column, "the most coherent cell, for MintPy cannot use the reference of the map")
