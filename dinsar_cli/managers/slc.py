"""The scenes of a run: local products, opened, paired and checked before anything expensive starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rasterio.errors import RasterioError
from rasterio.windows import Window
from shapely import box
from shapely.geometry.base import BaseGeometry

from dinsar_cli.base.rasters import open_raster
from dinsar_cli.config.model import RunConfig
from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.geo.antimeridian import beside, crosses, middle_of, near, no_crossing
from dinsar_cli.sentinel1.acquisition import CommonBurst, Pair, bursts_in, extent_of, ground_of, make_pair
from dinsar_cli.sentinel1.annotation_check import unlike
from dinsar_cli.sentinel1.products import products_in, stands_for_several
from dinsar_cli.sentinel1.safe import MANIFEST, SafeArchive
from dinsar_cli.sentinel1.scene import GranuleName, Scene, open_scene
from dinsar_cli.sentinel1.subswath import Subswath
from dinsar_cli.sentinel1.zip_check import check_members

_SHOWN = 4  # names in a sentence
_SAMPLE_BYTES = {"complex_int16": 4, "complex64": 8}
_DOWNLOAD_AGAIN = "Download the product again and compare its size with the one the archive states."


@dataclass(frozen=True)
class SlcPlan:
    """The pair and its bursts in use.

    Attributes
    ----------
    pair : Pair
        Reference and secondary.
    bursts : tuple of CommonBurst
        Common bursts that meet the area.
    area : shapely geometry
        Area that the bursts in use cover, cut to the one asked for; degrees.
    coverage : float
        Share of the area asked for that the common bursts cover, 0 to 1.
    """

    pair: Pair
    bursts: tuple[CommonBurst, ...]
    area: BaseGeometry
    coverage: float

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the area."""
        west, south, east, north = self.area.bounds
        return west, south, east, north

    @property
    def burst_bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the whole bursts in use: what the DEM must cover, on the side of the area.

        Longitudes run on where a burst reaches over 180 degrees.
        """
        return extent_of(self.bursts, middle_of(self.bounds))


def given_products(config: RunConfig) -> tuple[RunConfig, tuple[str, ...]]:
    """Put products in the place of the folders and patterns that a configuration names, and choose among all.

    Days and names that the configuration asks for (``start``, ``end``, ``reference``, ``secondary``) choose.

    Returns
    -------
    RunConfig
        The same where nothing is to be put in its place, or left out.
    tuple of str
        A sentence for each folder and pattern, with what is in it, and one for what is left out.

    Raises
    ------
    UsageError
        When a folder or pattern has no product, or none is asked for.
    """
    files: list[Path] = []
    notes: list[str] = []
    for path in config.slc.files:
        inside = products_in([path]) if stands_for_several(path) else (path,)
        files += inside
        if inside != (path,):
            notes.append(f"{path}: {len(inside)} product{'s' if len(inside) > 1 else ''}: {_names(inside)}")
    taken = [path for path in files if _is_asked_for(path, config)]
    if files and not taken:
        raise UsageError(
            f"None of the {len(files)} products is asked for.",
            f"They are {_names(files)}; --start, --end, --reference and --secondary leave all of them out.",
            "Give other dates, or leave these options out.",
        )
    if notes:  # a product may be in a folder and be named too
        taken = list({path.resolve(): path for path in taken}.values())
    if taken == files and not notes:
        return config, ()
    left = [path for path in files if path not in taken]
    notes += [f"left out by their dates: {_names(left)}"] if left else []
    return config.model_copy(update={"slc": config.slc.model_copy(update={"files": taken})}), tuple(notes)


def _is_asked_for(path: Path, config: RunConfig) -> bool:
    """Tell whether a product, by its name, is of the days or one of the products that are asked for."""
    try:
        name = GranuleName.parse(path.name)
    except UsageError:  # somebody has renamed it
        return True
    day, plain = name.start.date(), path.name.upper()
    if config.reference is not None or config.secondary is not None:
        wanted = [one for one in (config.reference, config.secondary) if one is not None]
        return any(plain.startswith(one.upper()) if isinstance(one, str) else day == one for one in wanted)
    return (config.start is None or config.start <= day) and (config.end is None or day <= config.end)


def _names(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"{', '.join(path.name for path in paths[:_SHOWN])}{more}"


class SlcManager:
    """Finds the scenes of a run among local files.

    Parameters
    ----------
    files : sequence of Path
        SAFE folders or zips, in any order.
    opened : mapping of Path to Scene, optional
        Those that somebody has opened; what is read of their annotation is then read once for all.
    """

    def __init__(self, files: Sequence[Path], opened: Mapping[Path, Scene] | None = None) -> None:
        self._files, self._opened = tuple(files), opened or {}

    def plan(self, area: BaseGeometry | None, polarization: str) -> SlcPlan:
        """Open the products, pair them and choose the bursts; nothing is written.

        Parameters
        ----------
        area : shapely geometry or None
            Area of interest in degrees; None takes all that both dates see.
        polarization : str
            ``auto`` or the one to use.

        Raises
        ------
        UsageError, NoDataError
            When the products cannot give a map of the area.
        """
        plan = _choose_bursts(make_pair(self._scenes(), polarization), area)
        _check_alike(plan)
        return plan

    def _scenes(self) -> list[Scene]:
        if not self._files:
            raise UsageError(
                "No scenes are given.",
                "Neither --slc nor slc.files names a Sentinel-1 product.",
                "Give two products: --slc FIRST.zip --slc SECOND.zip",
            )
        return [self._opened.get(path) or open_scene(path) for path in self._files]

    def fetch(
        self, plan: SlcPlan, notes: Path | None = None, progress: Callable[[str, float], None] | None = None
    ) -> tuple[Path, ...]:
        """Prove that the images of the bursts in use are whole, and give the files that are used.

        Parameters
        ----------
        plan : SlcPlan
            Of this manager.
        notes : Path, optional
            Folder in which it is noted which zips were proved, so that none is read twice.
        progress : callable, optional
            Called with what is done and the share of it, 0 to 1.

        Raises
        ------
        NoDataError
            When an image is cut or is not the one its annotation describes.
        """
        files: list[Path] = []
        zipped: dict[Path, list[str]] = {}
        for scene, images in _images_in_use(plan):
            for image in images:
                _check_image(scene.safe, image)
            if scene.safe.is_zip:
                zipped[scene.safe.path] = [scene.safe.entry(image.measurement) for image in images]
                files.append(scene.safe.path)
            else:
                members = [MANIFEST, *(name for image in images for name in (image.annotation, image.measurement))]
                files += [scene.safe.path / name for name in members]

        def tell(name: str, share: float) -> None:
            if progress is not None:
                progress(f"checking {name}", share)

        check_members(zipped, notes, progress=tell)  # GDAL does not, and an engine would process what is damaged
        return tuple(files)


def _choose_bursts(pair: Pair, area: BaseGeometry | None) -> SlcPlan:
    """Choose the common bursts that meet an area, all of them without one."""
    if area is None:
        return SlcPlan(pair, pair.common_bursts, _whole(pair), 1.0)
    footprint = ground_of(pair.common_bursts, middle_of(area.bounds))
    covered = area.intersection(footprint)
    if covered.area == 0:
        raise NoDataError(
            "The area lies outside the scenes." if covered.is_empty else "The area only touches the scenes.",
            f"It spans {_bounds(area)}; the scenes {_bounds(footprint)} (west south east north).",
            _how_to_meet(area, footprint),
        )
    return SlcPlan(pair, bursts_in(pair.common_bursts, covered), covered, covered.area / area.area)


def _check_alike(plan: SlcPlan) -> None:
    """Refuse images that were taken with other settings than the first of their subswath, by the annotation."""
    first: dict[str, tuple[str, str, Subswath]] = {}
    for scene, images in _images_in_use(plan):
        for image in images:
            name = f"{image.annotation} of {scene.safe.path}"
            mission, other, expected = first.setdefault(image.subswath.name, (scene.mission, name, image.subswath))
            difference = unlike(expected, image.subswath, one_satellite=scene.mission == mission)
            if difference is not None:
                element, one, another = difference
                raise NoDataError(
                    f"{name} does not go with that of the other date or slice.",
                    f"Its {element} is {another!r}, but in {other} it is {one!r}; products of a subswath have it "
                    "alike, so one of them is wrong.",
                    "Download both products again.",
                )


def _whole(pair: Pair) -> BaseGeometry:
    """Unite all common bursts, of which no two are on different sides of 180 degrees.

    Raises
    ------
    UsageError
        When they are.
    """
    first = pair.common_bursts[0].reference.burst.footprint
    ground = ground_of(pair.common_bursts, middle_of(first.bounds))
    ground = beside(ground, near(middle_of(ground.bounds), 0.0))
    if crosses(ground.bounds):
        west, south, east, north = (round(bound, 4) for bound in ground.bounds)
        raise no_crossing("What both dates see", (west, south, east, north))
    return ground


def missing_images(plan: SlcPlan) -> tuple[str, ...]:
    """Tell which images of the bursts in use their products lack."""
    return tuple(
        f"{image.measurement} of {scene.name}"
        for scene, images in _images_in_use(plan)
        for image in images
        if image.measurement not in scene.safe.members
    )


@dataclass(frozen=True)
class _Image:
    """An image with bursts in use: its files in the product, and its annotation."""

    annotation: str
    measurement: str
    subswath: Subswath


def _images_in_use(plan: SlcPlan) -> list[tuple[Scene, list[_Image]]]:
    """Return images with bursts in use of each product.

    Other subswaths, polarizations and slices need not be there.
    """
    in_use = {id(view.subswath) for burst in plan.bursts for view in (burst.reference, burst.secondary)}
    wanted = {(burst.swath, plan.pair.polarization) for burst in plan.bursts}
    found = []
    for scene in (*plan.pair.reference.scenes, *plan.pair.secondary.scenes):
        images = [_Image(*files, scene.subswath(*key)) for key, files in scene.images.items() if key in wanted]
        found.append((scene, [image for image in images if id(image.subswath) in in_use]))
    return found


def _check_image(safe: SafeArchive, image: _Image) -> None:
    """Compare the size of an image with its annotation, and see whether the file is as long as that needs."""
    measurement, subswath = image.measurement, image.subswath
    if measurement not in safe.members:
        raise NoDataError(
            f"{safe.path} is not a complete Sentinel-1 product.",
            f"{image.annotation} is there but its image {measurement} is not.",
            "Download the product again, or unpack it whole.",
        )
    expected = subswath.lines_per_burst * len(subswath.bursts), subswath.samples
    problem = f"The image {measurement} of {safe.path} cannot be used."
    try:
        with open_raster(subswath.measurement) as raster:
            found, dtype, packed = raster.shape, raster.dtypes[0], raster.compression is not None
            if packed and found == expected:
                raster.read(1, window=Window(0, expected[0] - 1, expected[1], 1))
    except RasterioError as error:
        raise NoDataError(problem, f"It cannot be read: {str(error).rstrip('.')}.", _DOWNLOAD_AGAIN) from error
    if dtype not in _SAMPLE_BYTES:
        raise NoDataError(problem, f"Its samples are {dtype}, not complex.", _DOWNLOAD_AGAIN)
    if found != expected:
        cause = (
            f"It has {found[0]} lines x {found[1]} samples, its annotation says {expected[0]} x {expected[1]} "
            f"(swathTiming of {image.annotation}: {len(subswath.bursts)} bursts of linesPerBurst, samplesPerBurst)."
        )
        raise NoDataError(problem, cause, _DOWNLOAD_AGAIN)
    needed, size = expected[0] * expected[1] * _SAMPLE_BYTES[dtype], safe.size(measurement)
    if not packed and size < needed:
        cause = f"It has {size} bytes, its {expected[0]} lines x {expected[1]} samples need {needed}: it was cut."
        raise NoDataError(problem, cause, _DOWNLOAD_AGAIN)


def _how_to_meet(area: BaseGeometry, footprint: BaseGeometry) -> str:
    first, second, third, fourth = area.bounds
    if box(second, first, fourth, third).intersects(footprint):
        return "Latitude and longitude seem to be swapped: the order of a box is west south east north."
    return "Choose an area inside, or other scenes. The order of a box is west south east north."


def _bounds(area: BaseGeometry) -> str:
    return " ".join(f"{value:.4f}" for value in area.bounds)
