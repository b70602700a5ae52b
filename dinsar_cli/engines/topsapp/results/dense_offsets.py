"""topsApp's dense offsets: whether they can be measured, what the step finds before it, and what it leaves."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from dinsar_cli.base.user_files import read_json
from dinsar_cli.config.sections.offsets import OffsetsConfig, size_text
from dinsar_cli.engines.topsapp.results.finished_folder import FinishedRun
from dinsar_cli.engines.topsapp.results.isce_file import IsceFile
from dinsar_cli.engines.topsapp.results.names import date_names
from dinsar_cli.engines.topsapp.scripts.ampcor import PLACES, limits
from dinsar_cli.errors import EngineError, UsageError
from dinsar_cli.radar.interferogram import Interferogram
from dinsar_cli.radar.offset_field import OffsetField
from dinsar_cli.sentinel1.acquisition import CommonBurst

_NONE = -9999.0  # topsApp writes -10000 where it found nothing
_VALID = 0.95  # of the lines and samples of a burst, at least
_LEAST_WINDOWS = 2  # in each direction: the map is interpolated between them


def measured(offsets: OffsetsConfig) -> dict[str, object]:
    """Return the keys on which the measured offsets depend, for a fingerprint; without offsets there are none.

    What is left out and filtered on the way to the map needs no new measurement.
    """
    own = offsets.model_dump(mode="json", exclude={"enabled", "snr", "filter"})
    return {"offsets": own} if offsets.enabled else {}


def image_size(bursts: Iterable[CommonBurst]) -> tuple[int, int]:
    """Return the samples and lines of the bursts put together, about.

    Parameters
    ----------
    bursts : iterable of CommonBurst
        At least one.
    """
    seen = [burst.reference for burst in bursts]
    first = min(one.burst.azimuth_time for one in seen)
    nearest = min(one.subswath.slant_range_time for one in seen)
    samples = lines = 0.0
    for one in seen:
        swath = one.subswath
        offset = (swath.slant_range_time - nearest) * swath.range_sampling_rate
        samples = max(samples, offset + swath.samples)
        start = (one.burst.azimuth_time - first).total_seconds() / swath.azimuth_time_interval
        lines = max(lines, start + swath.lines_per_burst)
    return round(samples), round(lines)


def window_counts(offsets: OffsetsConfig, size: tuple[int, int]) -> tuple[int, int]:
    """Return the windows in range and in azimuth that an image of some samples and lines has."""
    sizes = zip(size, offsets.window, offsets.search, offsets.skip, strict=True)
    across, down = (len(range(*limits(*one), one[3])) for one in sizes)
    return across, down


def check_offsets(offsets: OffsetsConfig, bursts: Iterable[CommonBurst]) -> None:
    """Refuse windows that do not fit into the scene.

    Raises
    ------
    UsageError
        When fewer than two of them fit in a direction.
    """
    if not offsets.enabled:
        return
    samples, lines = image_size(bursts)
    counts = window_counts(offsets, (int(_VALID * samples), int(_VALID * lines)))
    if min(counts) < _LEAST_WINDOWS:
        raise UsageError(
            f"The windows of the dense offsets ({size_text(offsets.window)}) do not fit into the scene.",
            f"The bursts in use have about {samples} samples x {lines} lines: room for {counts[0]} x {counts[1]} "
            f"windows with a search of {size_text(offsets.search)}, but at least 2 x 2 are needed.",
            "Make offsets.window, offsets.search and offsets.skip smaller, or take a larger region.",
        )


def remove_copies(work: Path) -> None:
    """Remove the whole images that the step copies out of the virtual ones.

    topsApp takes a copy that is there for a whole one, even if it was stopped while it was written. Images that
    topsApp merged into files of their own stay.
    """
    for name in date_names(work):
        for path in (work / "merged" / f"{name}.slc.full", work / "merged" / f"{name}.slc"):
            virtual = path.with_name(f"{path.name}.vrt")
            if path.is_file() and virtual.is_file() and f">{path.name}<" not in virtual.read_text(encoding="utf-8"):
                path.unlink()
                path.with_suffix(".hdr").unlink(missing_ok=True)  # GDAL's, of the copy


def read_offsets(work: Path, interferogram: Interferogram) -> OffsetField:
    """Turn the files of topsApp's dense offsets into metres.

    Parameters
    ----------
    work : Path
        Where topsApp ran.
    interferogram : Interferogram
        That it made.

    Raises
    ------
    EngineError
        When it left none, or found none.
    """
    merged = work / "merged"
    path = merged / "dense_offsets.bil"
    try:
        places = read_json(merged / PLACES)
    except FileNotFoundError as error:
        raise EngineError(
            "topsApp measured no dense offsets.",
            f"It left no {path}: topsApp.xml does not ask for them (do dense offsets).",
            "Put the property into topsApp.xml, or leave --dense-offsets out.",
        ) from error
    # shifts of the windows in samples and lines; topsApp marks those that it did not find
    run = FinishedRun.open(work)
    shifts, quality = IsceFile.open(path), IsceFile.open(merged / "dense_offsets_snr.bil")
    down, across = (shifts.read(band).astype(float) for band in (1, 2))
    known = (down > _NONE) & (across > _NONE)
    if not known.any():
        raise EngineError(
            "topsApp found no dense offset.",
            f"None of {known.size} windows of the two images is like the other.",
            "Make offsets.search or offsets.window larger, or leave --dense-offsets out.",
        )
    # metres toward the satellite and along its flight, the later date against the earlier
    line_spacing = interferogram.azimuth_spacing / interferogram.looks[1]
    sign = -1 if run.backwards else 1
    toward = np.where(known, -sign * across * run.middle_burst.range_spacing, np.nan)
    along = np.where(known, sign * down * line_spacing, np.nan)
    return OffsetField(
        toward=toward.astype(np.float32),
        along=along.astype(np.float32),
        snr=np.where(known, quality.read(1), 0).astype(np.float32),
        first_line=places["first_line"],
        first_sample=places["first_sample"],
        skip_lines=places["skip_lines"],
        skip_samples=places["skip_samples"],
    )
