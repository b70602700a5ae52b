"""topsApp's dense offsets without topsApp: windows that fit, what the step finds, and how ampcor is run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dinsar_cli.config.sections.offsets import OffsetsConfig
from dinsar_cli.engines.topsapp.results.dense_offsets import (
    check_offsets,
    image_size,
    measured,
    remove_copies,
    window_counts,
)
from dinsar_cli.engines.topsapp.scripts.ampcor import PLACES, correct, limits
from dinsar_cli.engines.topsapp.settings.steps import (
    OFFSETS,
    STEPS,
    forget_from,
    is_done,
    next_step,
    pass_over_geocode,
)
from dinsar_cli.errors import UsageError
from dinsar_cli.sentinel1.acquisition import CommonBurst, make_pair
from dinsar_cli.sentinel1.scene import open_scene
from support.safe_factory import Product, write_safe


@pytest.fixture(scope="module")
def bursts(tmp_path_factory: pytest.TempPathFactory) -> tuple[CommonBurst, ...]:
    """Two common bursts."""
    folder = tmp_path_factory.mktemp("offsets")
    product = replace(Product(), swaths=("IW1",), bursts=2)
    pair = make_pair([open_scene(write_safe(one, folder)) for one in (product, product.repeated())])
    return pair.common_bursts


@pytest.mark.parametrize(
    ("size", "window", "search", "skip", "first", "count"),
    [  # as ISCE2 2.6.5 itself printed them, in its terms: first place of a window, and their number
        (2500, 64, 20, 128, 256, 16),
        (1501, 64, 20, 128, 256, 9),
        (2500, 128, 16, 128, 384, 15),
        (1501, 32, 16, 32, 160, 38),
    ],
)
def test_windows_are_where_topsapp_puts_them(
    size: int, window: int, search: int, skip: int, first: int, count: int
) -> None:
    low, high = limits(size, window, search, skip)
    assert low == first
    assert len(range(low, high, skip)) == count


def test_windows_that_do_not_fit_are_refused_with_what_would(bursts: tuple[CommonBurst, ...]) -> None:
    samples, lines = image_size(bursts)
    view = bursts[0].reference.subswath
    assert samples == view.samples
    assert view.lines_per_burst < lines <= 2 * view.lines_per_burst
    check_offsets(OffsetsConfig(window="512x512"), bursts)  # they are not asked for
    huge = OffsetsConfig(enabled=True, window="512x512", search="128x128")
    assert min(window_counts(huge, (1000, 1000))) == 0
    narrow = tuple(_with_size(burst, 900, 1500) for burst in bursts)
    with pytest.raises(UsageError) as refused:
        check_offsets(huge, narrow)
    assert "512x512" in refused.value.problem
    assert "900 samples" in refused.value.cause
    assert "offsets.skip" in refused.value.remedy
    small = OffsetsConfig(enabled=True, window="16x16", search="8x8", skip="16x16")
    check_offsets(small, narrow)


def _with_size(burst: CommonBurst, samples: int, lines: int) -> CommonBurst:
    view = burst.reference
    swath = replace(view.subswath, samples=samples, lines_per_burst=lines)
    return replace(burst, reference=replace(view, subswath=swath))


def test_what_is_left_out_of_a_map_needs_no_new_measurement() -> None:
    one = OffsetsConfig(enabled=True)
    assert measured(one) == measured(one.model_copy(update={"snr": 20.0, "filter": 5}))
    assert measured(one) != measured(one.model_copy(update={"skip": (64, 32)}))
    assert measured(OffsetsConfig()) == {}


def test_half_a_copy_of_an_image_is_removed_and_topsapps_own_stays(tmp_path: Path) -> None:
    merged = tmp_path / "merged"
    merged.mkdir()
    (tmp_path / "reference").mkdir()
    virtual = "<VRTDataset><SourceFilename>../fine_coreg/burst_01.slc.vrt</SourceFilename></VRTDataset>"
    raw = "<VRTDataset><SourceFilename relativeToVRT='1'>secondary.slc.full</SourceFilename></VRTDataset>"
    for name, text in (("reference", virtual), ("secondary", raw)):
        (merged / f"{name}.slc.full").write_bytes(b"half")
        (merged / f"{name}.slc.full.vrt").write_text(text)
    remove_copies(tmp_path)
    assert sorted(path.name for path in merged.iterdir()) == [
        "reference.slc.full.vrt",
        "secondary.slc.full",
        "secondary.slc.full.vrt",
    ]


def test_offsets_start_after_the_last_step_and_go_when_one_before_is_done_again(tmp_path: Path) -> None:
    states = tmp_path / "PICKLE"
    states.mkdir()
    for step in STEPS:
        (states / step).write_bytes(step.encode() + b".")
        (states / f"{step}.xml").write_text(step)
    assert next_step(tmp_path) is None
    assert not is_done(tmp_path, OFFSETS)
    pass_over_geocode(tmp_path)
    assert (states / "geocode").read_bytes() == (states / STEPS[-1]).read_bytes()
    (states / OFFSETS).write_bytes(b"not whole")
    assert not is_done(tmp_path, OFFSETS)
    (states / OFFSETS).write_bytes(b"whole.")
    assert is_done(tmp_path, OFFSETS)
    forget_from(tmp_path, "filter")
    assert next_step(tmp_path) == "filter"
    assert not is_done(tmp_path, OFFSETS)
    assert not (states / "geocode").exists()


class Image:
    def __init__(self, lines: int) -> None:
        self.lines = lines

    def getLength(self) -> int:  # noqa: N802 (as ISCE2 calls it)
        return self.lines


def dense_ampcor(folder: Path, *, looked_at: bool = True) -> type[Any]:
    """A class like ISCE2's ``DenseAmpcor``, as far as it is changed; it notes how it is called."""

    class DenseAmpcor:
        windowSizeHeight, searchWindowSizeHeight, skipSampleDown, skipSampleAcross = 32, 16, 32, 128  # noqa: N815
        margin, numberThreads = 50, 64  # noqa: N815
        imageDataType1 = imageDataType2 = "mag"  # noqa: N815
        offsetImageName = str(folder / "dense_offsets.bil")  # noqa: N815

        def denseampcor(self, *images: Image) -> None:
            assert len(images) == 2
            self.offsetLines, self.offsetCols = 38, 15
            self.locationDown = np.repeat(191 + 32 * np.arange(38), 15) if looked_at else np.zeros(38 * 15)
            self.locationAcross = np.tile(384 + 128 * np.arange(15), 38)
            self.parts = [self._run_ampcor(1, 2, 3, 4, 5, 6, 0, 284)]

        def _run_ampcor(self, *bounds: int) -> tuple[int, ...]:
            self.last = bounds[-1]
            return bounds

    return DenseAmpcor


def test_ampcor_takes_complex_images_all_windows_and_no_more_processes_than_rows(tmp_path: Path) -> None:
    kind = dense_ampcor(tmp_path)
    correct(kind)
    made = kind()
    made.denseampcor(Image(1501), Image(1501))
    assert (made.imageDataType1, made.imageDataType2) == ("complex", "complex")
    assert made.numberThreads == 38
    assert made.last == 285
    places = json.loads((tmp_path / PLACES).read_text())
    # of 32 lines from line 174 on, and of 128 samples from sample 320 on, counted from 0
    assert places["first_line"] == 189.5
    assert places["first_sample"] == 383.5
    assert (places["rows"], places["columns"]) == (38, 15)


def test_windows_that_no_process_looked_at_are_an_error(tmp_path: Path) -> None:
    kind = dense_ampcor(tmp_path, looked_at=False)
    correct(kind)
    with pytest.raises(RuntimeError, match="570 of 570 windows"):
        kind().denseampcor(Image(1501), Image(1501))
    assert not (tmp_path / PLACES).exists()


def test_another_ampcor_is_not_changed_in_silence() -> None:
    with pytest.raises(AttributeError):
        correct(type("DenseAmpcor", (), {}))
