"""Set up the embedded engine for a pair: what all steps share, and the description of what they made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dinsar_cli.base.files import write_text
from dinsar_cli.base.user_files import read_json
from dinsar_cli.engines.base import EngineInputs
from dinsar_cli.engines.eos.bursts.misregistration import MISREGISTRATION_FILE, load_misregistration
from dinsar_cli.engines.eos.bursts.overlaps import OVERLAPS_FILE, cuts_in, load_overlaps
from dinsar_cli.engines.eos.interferogram import cell_spacing
from dinsar_cli.engines.eos.slc.mosaic import LookGrid, Mosaic
from dinsar_cli.radar.geometry import Orbit, geodetic_to_cartesian, perpendicular_baseline
from dinsar_cli.radar.interferogram import DESCRIPTION_FILE, LAYERS, Interferogram, RadarFile, RadarLayer

IONOSPHERE_FILE = "ionosphere.json"

_COHERENCE_LOOKS = 100  # looks from which the bias of a coherence of zero is below 0.1


@dataclass(frozen=True)
class Setup:
    """What the three parts of a run share."""

    inputs: EngineInputs
    folder: Path
    mosaic: Mosaic
    look_grid: LookGrid
    reference: Orbit
    secondary: Orbit

    def file(self, layer: RadarLayer) -> RadarFile:
        """Return a layer of this look grid."""
        return RadarFile(self.folder, layer, self.look_grid.lines, self.look_grid.samples)

    @property
    def looks(self) -> tuple[int, int]:
        """In range and azimuth."""
        return self.look_grid.looks.range, self.look_grid.looks.azimuth

    @property
    def cell_size(self) -> tuple[float, float]:
        """Look lines and samples on the ground, metres, mid swath."""
        subswath = self.mosaic.tiles[0].burst.reference.subswath
        azimuth, ground_range = cell_spacing(subswath.azimuth_spacing, subswath.range_spacing, self.mosaic.tiles)
        return azimuth * self.looks[1], ground_range * self.looks[0]

    @property
    def effective_looks(self) -> float:
        """Independent looks of a cell: looks x bandwidth / sampling in both directions."""
        subswath = self.mosaic.tiles[0].burst.reference.subswath
        range_share = subswath.range_bandwidth / subswath.range_sampling_rate
        azimuth_share = subswath.azimuth_bandwidth * subswath.azimuth_time_interval
        return self.looks[0] * self.looks[1] * min(1.0, range_share) * min(1.0, azimuth_share)

    @property
    def coherence_looks(self) -> float:
        """Independent looks in the window of the coherence."""
        return self.effective_looks * self.coherence_window**2

    @property
    def coherence_window(self) -> int:
        """Look cells on a side of the coherence window: odd, with enough looks for a small bias."""
        window = 1
        while window**2 * self.looks[0] * self.looks[1] < _COHERENCE_LOOKS:
            window += 2
        return window


def describe(setup: Setup, versions: dict[str, str]) -> Interferogram:
    """Write the description of the layers in the folder of a setup, and give it with them."""
    looks_range, looks_azimuth = setup.looks
    whole = setup.look_grid.window
    subswath = setup.mosaic.tiles[0].burst.reference.subswath
    azimuth_spacing, range_spacing = setup.cell_size
    pair = setup.inputs.pair
    noise = setup.folder / IONOSPHERE_FILE
    burst_cuts, swath_cuts = cuts_in(setup.mosaic, whole)
    burst_overlaps, swath_overlaps = load_overlaps(setup.folder / OVERLAPS_FILE)
    result = Interferogram(
        folder=setup.folder,
        lines=setup.look_grid.lines,
        samples=setup.look_grid.samples,
        looks=setup.looks,
        effective_looks=setup.effective_looks,
        coherence_looks=setup.coherence_looks,
        wavelength=subswath.wavelength,
        reference_date=pair.reference.start.isoformat(),
        secondary_date=pair.secondary.start.isoformat(),
        burst_seams=tuple(
            (
                (line - whole.top) // looks_azimuth,
                max(0, (first - whole.left) // looks_range),
                min(setup.look_grid.samples, (last - whole.left) // looks_range),
            )
            for line, first, last in burst_cuts
        ),
        swath_seams=tuple((sample - whole.left) // looks_range for sample in swath_cuts),
        perpendicular_baseline=_mid_baseline(setup),
        range_spacing=range_spacing,
        azimuth_spacing=azimuth_spacing,
        versions=versions,
        burst_overlaps=burst_overlaps,
        swath_overlaps=swath_overlaps,
        misregistration=load_misregistration(setup.folder / MISREGISTRATION_FILE),
        ionosphere_noise=read_json(noise)["noise_rad"] if noise.is_file() else None,
    )
    path, text = setup.folder / DESCRIPTION_FILE, json.dumps(result.to_dict(), indent=2) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
    return result


def _mid_baseline(setup: Setup) -> float:
    longitude, latitude, height = (setup.file(LAYERS[name]) for name in ("longitude", "latitude", "height"))
    middle = setup.look_grid.lines // 2
    lon, lat, h = (layer.read(middle, middle + 1)[0] for layer in (longitude, latitude, height))
    known = np.flatnonzero(np.isfinite(lon))
    if not known.size:
        return float("nan")
    column = known[known.size // 2]
    point = geodetic_to_cartesian(lon[column], lat[column], np.asarray(h[column], float))
    line = setup.look_grid.window.top + middle * setup.looks[1]
    guess = float(setup.mosaic.grid.time(np.asarray(float(line))))
    return perpendicular_baseline(setup.reference, setup.secondary, point, guess)[0]
