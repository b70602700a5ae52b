"""eos-sar reads what was simulated: orbit, geometry and Doppler are then another code's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dinsar_cli.simulate.world.instrument import LINE_INTERVAL, WAVELENGTH

if TYPE_CHECKING:
    from pathlib import Path

    from dinsar_cli.simulate import SimulatedStack

pytest.importorskip("eos")

EDGE = (40, 20)
STEP = (8, 10)


@dataclass(frozen=True)
class Seen:
    """One burst of one date through eos-sar."""

    meta: Any
    doppler: Any
    model: Any
    pixels: np.ndarray

    def carrier(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """TOPS carrier from the annotation (rad)."""
        time = self.meta.burst_times[0] + row / self.meta.azimuth_frequency
        delay = self.meta.slant_range_time + column / self.meta.range_frequency
        rate, turn, centroid, _ = self.doppler.get_doppler_quantities(time, delay)
        eta = time - self.doppler.get_burst_mid_time() - self.doppler.get_ref_time(centroid, rate)
        return np.pi * eta * (turn * eta + 2.0 * centroid)

    def deramped(self) -> np.ndarray:
        """Baseband pixels."""
        lines, samples = self.pixels.shape
        return self.pixels * np.exp(-1j * self.carrier(np.arange(lines)[:, None], np.arange(samples)[None, :]))

    def project(self, *ground: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row, column and one-way range of ground points."""
        time, slant_range, _ = self.model.projection(*ground, as_azt_rng=True)
        row = (np.asarray(time) - self.meta.burst_times[0]) * self.meta.azimuth_frequency
        delay = 2.0 * np.asarray(slant_range) / 299792458.0
        return row, (delay - self.meta.slant_range_time) * self.meta.range_frequency, np.asarray(slant_range)


def open_date(safe: Path) -> dict[str, Seen]:
    """All bursts of a product."""
    import rasterio
    from eos.products.sentinel1.assembler import Sentinel1Assembler
    from eos.products.sentinel1.product import SafeSentinel1ProductInfo
    from eos.products.sentinel1.proj_model import burst_model_from_burst_meta

    assembler = Sentinel1Assembler.from_products(
        [SafeSentinel1ProductInfo(str(safe))], "vv", None, swaths=("iw1", "iw2")
    )
    bursts = {}
    for name in assembler.bsids:
        meta = assembler.get_single_burst_meta(name)
        lines = meta.lines_per_burst
        first = meta.burst_roi[1] // lines * lines
        with rasterio.open(next(safe.glob(f"measurement/*{name.split('_')[1].lower()}*.tiff"))) as source:
            pixels = source.read(1)[first : first + lines]
        model = burst_model_from_burst_meta(meta, assembler.orbit)
        bursts[name] = Seen(meta, assembler.get_doppler(name), model, pixels)
    return bursts


def test_an_independent_reader_measures_the_truth(stack: SimulatedStack) -> None:
    reference, secondary = (open_date(parts[0]) for parts in stack.products)
    assert reference.keys() == secondary.keys()
    assert len(reference) == 4
    for name, seen in reference.items():
        for date in (seen, secondary[name]):
            part = date.deramped()[EDGE[0] : -EDGE[0]]
            pairs = np.sum(part[1:] * part[:-1].conj())
            # For this many pixels the estimate has a standard deviation of 0.2 Hz.
            assert abs(np.angle(pairs)) / (2.0 * np.pi * LINE_INTERVAL) < 0.8
        error = displacement_error(stack, seen, secondary[name])
        assert abs(np.median(error)) < 2e-4
        assert np.sqrt(np.mean(error**2)) < 1.2e-3  # noise of 80 looks: 0.5 mm


def displacement_error(stack: SimulatedStack, reference: Seen, secondary: Seen) -> np.ndarray:
    """Measured minus true displacement toward the satellite (m), in cells of 8 x 10 pixels."""
    import rasterio
    from scipy import ndimage

    lines, samples = reference.pixels.shape
    inside = slice(EDGE[0], lines - EDGE[0]), slice(EDGE[1], samples - 2 * EDGE[1])
    row, column = (part.astype(float) for part in np.mgrid[inside])
    rows, columns = row[:: STEP[0], :: STEP[1]], column[:: STEP[0], :: STEP[1]]

    def everywhere(values: np.ndarray) -> np.ndarray:
        place = [(row - EDGE[0]) / STEP[0], (column - EDGE[1]) / STEP[1]]
        return ndimage.map_coordinates(values.reshape(rows.shape), place, order=3, mode="nearest")

    def sample(path: Path, longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
        with rasterio.open(path) as source:
            grid = source.transform
            place = [(latitude - grid.f) / grid.e - 0.5, (longitude - grid.c) / grid.a - 0.5]
            return ndimage.map_coordinates(np.nan_to_num(source.read(1)), place, order=1)

    origin = reference.meta.burst_roi[1] % lines, reference.meta.burst_roi[0]
    height = np.full(rows.size, 500.0)
    for _ in range(25):
        longitude, latitude, _ = reference.model.localization(
            (rows - origin[0]).ravel(), (columns - origin[1]).ravel(), height
        )
        height = 0.4 * height + 0.6 * sample(stack.dem, longitude, latitude)
    _, _, near = reference.project(longitude, latitude, height)
    target_row, target_column, far = secondary.project(longitude, latitude, height)
    there = row + everywhere(target_row - rows.ravel()), column + everywhere(target_column - columns.ravel())
    base = secondary.deramped()
    moved = [ndimage.map_coordinates(part, there, order=5) for part in (base.real, base.imag)]
    resampled = (moved[0] + 1j * moved[1]) * np.exp(1j * secondary.carrier(*there))

    truth = everywhere(sample(stack.truth / "los_displacement.tif", longitude, latitude))
    model = 4.0 * np.pi / WAVELENGTH * (everywhere(far - near) - truth)
    residual = reference.pixels[inside] * resampled.conj() * np.exp(-1j * model)
    tall, wide = residual.shape[0] // STEP[0], residual.shape[1] // STEP[1]
    cells = residual[: tall * STEP[0], : wide * STEP[1]].reshape(tall, STEP[0], wide, STEP[1])
    return -WAVELENGTH / (4.0 * np.pi) * np.angle(cells.mean(axis=(1, 3))).ravel()
