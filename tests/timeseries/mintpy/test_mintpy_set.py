"""One folder for MintPy of many pairs: whole, on one grid, with a zero that MintPy can use; else words."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from dinsar_cli.formats.mintpy import MintPyPair, MintPySet
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.reader import Products
from dinsar_cli.series.closure import triangle_matrix
from dinsar_cli.timeseries.maps.opening import open_maps
from support.command import Outcome, run_apart
from support.refusal import check_refusal, snapshot
from support.runs_of_pairs import DAYS, GRID, HOME, SEA, SHADOW, WAVELENGTH, Runs, sequential

Dinsar = Callable[..., Outcome]
PAIRS = sequential(2, DAYS[:4])
# mintpy.prep_hyp3 of version 1.6.4
GAMMA = r"S1[ABCD]{2}(_\d{8}T\d{6}){2}_(VV|HH)[PRO]\d{3,4}_INT\d{2}_G_[uw][ec][123F]_[0-9A-F]{4}"
BURST = r"S1_\d{6}_IW[123](_\d{8}){2}_(VV|HH)_INT\d{2}_[0-9A-F]{4}"


def keys_of(folder: Path) -> dict[str, str]:
    lines = (folder / "mintpy.cfg").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs}


def values_of(folder: Path, key: str) -> list[NDArray[Any]]:
    found = []
    for path in sorted(folder.glob(keys_of(folder)[f"mintpy.load.{key}"])):
        with rasterio.open(path) as dataset:
            found.append(dataset.read(1))
    return found


def zero_of(folder: Path) -> tuple[int, int]:
    row, column = keys_of(folder)["mintpy.reference.yx"].split(",")
    return int(row), int(column)


HOLE = slice(10, 12), slice(0, 3)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Runs(holes=(HOLE,)).write_stack(tmp_path_factory.mktemp("written") / "stack", PAIRS)


@pytest.fixture(scope="module")
def exported(written: Path) -> Path:
    """The set of that stack, in its place; no test changes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(written.parent)
        done = run_apart("export", "stack", "--format", "mintpy")
    assert done.code == 0, done.err
    assert done.out.split() == ["stack/mintpy/mintpy.cfg"]
    assert "zero is the reference of the maps" in done.err
    return written / "mintpy"


@pytest.fixture
def work(written: Path, tmp_path: Path) -> Path:
    """The same pairs as runs side by side."""
    for path in (written / "pairs").iterdir():
        shutil.copytree(path, tmp_path / "work" / f"T052D_{path.name}")
    return tmp_path / "work"


@pytest.fixture
def stack(written: Path, tmp_path: Path) -> Path:
    return shutil.copytree(written, tmp_path / "stack", ignore=shutil.ignore_patterns("mintpy"))


def test_a_stack_is_one_folder_with_all_that_mintpy_loads(written: Path, exported: Path) -> None:
    assert list(written.rglob("mintpy.cfg")) == [exported / "mintpy.cfg"]
    folder, keys = exported, keys_of(exported)
    for key in ("unwFile", "corFile", "connCompFile", "intFile"):
        assert len(values_of(folder, key)) == len(PAIRS), key
    for key in ("demFile", "incAngleFile", "azAngleFile", "waterMaskFile", "shadowMaskFile"):
        assert len(values_of(folder, key)) == 1, key
    days = [re.findall(r"_(\d{8})T", path.name) for path in sorted(folder.glob("S1*"))]
    assert days == [[f"{day:%Y%m%d}" for day in pair] for pair in PAIRS]
    for path in folder.glob("*/*"):
        name = re.match(GAMMA, path.name)
        assert name is not None
        assert (path.parent / f"{name.group()}.txt").is_file()
    (water,), (shadow,) = values_of(folder, "waterMaskFile"), values_of(folder, "shadowMaskFile")
    assert not water[SEA].any()
    assert water.sum() == water.size - water[SEA].size
    assert shadow[SHADOW].all()
    assert shadow.sum() == shadow[SHADOW].size
    assert keys["mintpy.troposphericDelay.method"] == keys["mintpy.topographicResidual"] == "no"
    assert keys["mintpy.network.coherenceBased"] == keys["mintpy.timeFunc.excludeDate"] == "no"
    assert keys["mintpy.load.updateMode"] == "no"
    assert float(keys["WAVELENGTH"]) == pytest.approx(WAVELENGTH)


def test_the_phase_is_that_of_the_displacement_and_never_exactly_zero(exported: Path) -> None:
    folder, runs = exported, Runs(holes=(HOLE,))
    opened = 0
    for number, (pair, phase) in enumerate(zip(PAIRS, values_of(folder, "unwFile"), strict=True)):
        los = runs.layers(pair, number)["los_displacement"]
        known = np.isfinite(los)
        np.testing.assert_allclose(phase[known], -4 * np.pi / WAVELENGTH * los[known], atol=2e-6, rtol=1e-5)
        assert (phase[known] != 0).all()
        opened += np.count_nonzero(phase[~known])
    assert opened <= 1


def test_where_all_triangles_close_one_cell_without_a_velocity_is_open(exported: Path) -> None:
    """MintPy 1.6.4 draws a histogram with a bin for each triangle that is open in a cell: it must have one."""
    count = _open_triangles(exported)
    assert np.count_nonzero(count) == 1
    (cell,) = np.argwhere(count)
    nothing = np.zeros(GRID.shape, bool)
    nothing[HOLE] = nothing[SHADOW] = True
    assert nothing[tuple(cell)]
    assert np.mean([values[tuple(cell)] for values in values_of(exported, "corFile")]) > 0
    assert f"row {cell[0]}, column {cell[1]}" in (exported / "mintpy.cfg").read_text()


def test_on_a_full_map_the_least_coherent_cell_is_given_up(tmp_path: Path, dinsar: Dinsar) -> None:
    stack = Runs(land_only=True).write_stack(tmp_path / "stack", PAIRS)
    assert dinsar("export", stack, "--format", "mintpy").code == 0
    count = _open_triangles(stack / "mintpy")
    (cell,) = (tuple(place) for place in np.argwhere(count))
    known = [phase[cell] != 0 for phase in values_of(stack / "mintpy", "unwFile")]
    assert sum(known) == 1
    assert cell != zero_of(stack / "mintpy")
    assert "no velocity for that" in (stack / "mintpy" / "mintpy.cfg").read_text()
    assert "mintpy.load.waterMaskFile" not in keys_of(stack / "mintpy")


def _open_triangles(folder: Path) -> NDArray[Any]:
    """Count triangles of dates that do not close by whole cycles as MintPy does: none where all of them are."""
    zero, signs = zero_of(folder), triangle_matrix(PAIRS)
    phase = np.stack([np.where(one != 0, one - one[zero], 0) for one in values_of(folder, "unwFile")])
    closure = np.tensordot(signs, phase, 1)
    count = np.count_nonzero(np.round((closure - np.angle(np.exp(1j * closure))) / (2 * np.pi)), axis=0)
    return np.where(count == len(signs), 0, count)


def test_wrong_cycles_are_left_as_they_are(stack: Path, dinsar: Dinsar) -> None:
    path = min(stack.glob("pairs/*/products/los_displacement.tif"))
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        values = dataset.read(1)
        values[15:20, 15:20] += WAVELENGTH / 2
        dataset.write(values, 1)
    done = dinsar("export", stack, "--format", "mintpy")
    assert done.code == 0
    assert "quick_overview" not in done.err + (stack / "mintpy" / "mintpy.cfg").read_text()
    assert np.count_nonzero(_open_triangles(stack / "mintpy")) == 25


def test_mintpys_zero_is_that_of_the_maps(exported: Path) -> None:
    assert zero_of(exported) == HOME
    assert "the reference of the maps" in (exported / "mintpy.cfg").read_text()


def test_where_the_reference_has_no_value_in_a_pair_the_nearest_cell_that_has_is_zero(
    stack: Path, dinsar: Dinsar
) -> None:
    """MintPy refuses a zero that is not in a connected component of all pairs."""
    path = sorted(stack.glob("pairs/*/products/connected_components.tif"))[1]
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        values = dataset.read(1)
        values[HOME[0] - 1 : HOME[0] + 2, HOME[1] - 1 : HOME[1] + 3] = 0
        dataset.write(values, 1)
    done = dinsar("export", stack, "--format", "mintpy")
    row, column = zero_of(stack / "mintpy")
    assert abs(row - HOME[0]) + abs(column - HOME[1]) == 2
    assert "nearest to the reference" in done.err
    assert f"{GRID.lonlat(*HOME)[0]:.5f}" in (stack / "mintpy" / "mintpy.cfg").read_text()


@pytest.mark.parametrize(("point", "words"), [("-9.5,31.4", "beside the map"), ("none", "made zero at")])
def test_a_reference_beside_the_map_or_none_gives_a_cell_on_it(
    point: str, words: str, stack: Path, dinsar: Dinsar
) -> None:
    for path in stack.glob("pairs/*/products/*.tif"):
        with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
            dataset.update_tags(reference_point=point)
    done = dinsar("export", stack, "--format", "mintpy")
    assert done.code == 0, done.err
    assert words in done.err
    zero = zero_of(stack / "mintpy")
    assert all(phase[zero] != 0 for phase in values_of(stack / "mintpy", "unwFile"))
    # both choose among ground that does not move against the true reference, where the maps say they are zero
    assert abs(Runs().velocity[zero]) < 0.15


def test_no_cell_in_all_pairs_is_told(stack: Path, dinsar: Dinsar) -> None:
    for number, path in enumerate(sorted(stack.glob("pairs/*/products/los_displacement.tif"))[:2]):
        with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
            values = dataset.read(1)
            values[:, number::2] = np.nan
            dataset.write(values, 1)
    before = snapshot(stack)
    check_refusal(dinsar("export", stack, "--format", "mintpy"), 3, "could make zero", "all pairs")
    assert snapshot(stack) == before


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (Runs(grid=Grid("EPSG:4326", -8.9, 31.5, 0.001, 41, 30)), "another grid"),
        (Runs(grid=Grid("EPSG:4326", -8.895, 31.5, 0.001, 40, 30)), "another grid"),  # shifted by five cells
        (Runs(azimuth=102.0), "another direction"),  # of the next track
        ({"filter_strength": 0.8}, "another filter strength"),
        ({"pair": {"polarization": "VH"}}, "another polarization"),
        ({"looks": "7x2"}, "another looks"),
        ({"ramp_removed": "linear"}, "another ramp"),
        ({"corrections": "tides"}, "another corrections"),
        ({"wavelength_m": "0.2384"}, "another wavelength"),
    ],
    ids=["size", "origin", "track", "filter", "polarization", "looks", "ramp", "corrections", "wavelength"],
)
def test_what_does_not_go_together_is_refused(
    other: Runs | dict[str, Any], words: str, work: Path, dinsar: Dinsar
) -> None:
    folder = work / "T052D_20230916_20231010"
    if isinstance(other, Runs):
        shutil.rmtree(folder)
        other.write(folder, PAIRS[3], 3)
    else:
        record = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(record | other))
        for path in folder.glob("products/*.tif"):
            with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
                dataset.update_tags(**{key: value for key, value in other.items() if isinstance(value, str)})
    before = snapshot(work)
    check_refusal(dinsar("export", work, "--format", "mintpy"), 2, words)
    assert snapshot(work) == before


def test_several_folders_make_one_set_where_they_are_told_to(work: Path, tmp_path: Path, dinsar: Dinsar) -> None:
    folders = sorted(work.iterdir())
    check_refusal(dinsar("export", *folders, "--format", "mintpy"), 2, "--into")
    done = dinsar("export", *folders, "--format", "mintpy", "--into", tmp_path / "x")
    assert done.code == 0, done.err
    assert list(tmp_path.rglob("mintpy.cfg")) == [tmp_path / "x" / "mintpy" / "mintpy.cfg"]
    assert len(values_of(tmp_path / "x" / "mintpy", "unwFile")) == len(PAIRS)
    check_refusal(dinsar("export", *folders, "--format", "mintpy", "--into", tmp_path / "x"), 2, "there already")


def test_other_formats_go_to_each_pair_beside_the_one_set(stack: Path, dinsar: Dinsar) -> None:
    done = dinsar("export", stack, "--format", "mintpy", "--format", "range_change")
    assert done.code == 0, done.err
    assert len(list(stack.glob("pairs/*/products/range_change.tif"))) == len(PAIRS)
    assert len(list(stack.rglob("mintpy.cfg"))) == 1


def test_pairs_that_do_not_hang_together_are_refused(tmp_path: Path, dinsar: Dinsar) -> None:
    pairs = [*sequential(1, DAYS[:3]), *sequential(1, DAYS[3:])]
    stack = Runs().write_stack(tmp_path / "stack", pairs)
    check_refusal(dinsar("export", stack, "--format", "mintpy"), 3, "do not hang together", "sequential:3")
    assert not (stack / "mintpy").exists()


def test_nothing_of_an_earlier_set_stays_but_what_is_not_ours(stack: Path, dinsar: Dinsar) -> None:
    """MintPy would load a pair that is no longer in the stack."""
    assert dinsar("export", stack, "--format", "mintpy").code == 0
    (stack / "mintpy" / "velocity.h5").write_bytes(b"of a person")
    record = json.loads((stack / "stack.json").read_text())
    del record["pairs"][f"{PAIRS[0][0]:%Y%m%d}_{PAIRS[0][1]:%Y%m%d}"]
    (stack / "stack.json").write_text(json.dumps(record))
    assert dinsar("export", stack, "--format", "mintpy").code == 0
    assert len(list((stack / "mintpy").glob("S1*"))) == len(PAIRS) - 1
    assert (stack / "mintpy" / "velocity.h5").is_file()
    shutil.rmtree(stack / "mintpy")
    (stack / "mintpy").mkdir()
    (stack / "mintpy" / "mine.txt").touch()
    check_refusal(dinsar("export", stack, "--format", "mintpy"), 2, "in the way")


def test_products_of_hyp3_with_a_configuration_of_a_person_are_not_touched(
    stack: Path, exported: Path, dinsar: Dinsar
) -> None:
    """They have the names that are written here, and often lie in a folder called mintpy."""
    shutil.copytree(exported, stack / "mintpy")
    (stack / "mintpy" / "mintpy.cfg").write_text("mintpy.load.processor = hyp3\n", encoding="utf-8")
    before = snapshot(stack)
    check_refusal(dinsar("export", stack, "--format", "mintpy"), 2, "in the way", "mintpy.cfg")
    assert snapshot(stack) == before


def test_a_set_whose_writing_was_ended_is_written_again(stack: Path, exported: Path, dinsar: Dinsar) -> None:
    shutil.copytree(exported, stack / "mintpy")
    text = (exported / "mintpy.cfg").read_text(encoding="utf-8")
    (stack / "mintpy" / "mintpy.cfg").write_text(text.splitlines()[0], encoding="utf-8")
    next((stack / "mintpy").glob("S1*/*_corr.tif")).unlink()
    assert dinsar("export", stack, "--format", "mintpy").code == 0
    assert (stack / "mintpy" / "mintpy.cfg").read_text(encoding="utf-8") == text
    assert len(values_of(stack / "mintpy", "corFile")) == len(PAIRS)


@pytest.mark.parametrize(
    ("runs", "sent"),
    [(Runs(scenes=False), "VV"), (Runs(polarization="VH"), "VV"), (Runs(polarization="HV"), "HH")],
    ids=["no scenes", "VH", "HV"],
)
def test_pairs_of_which_mintpy_could_not_read_the_name_get_another(
    runs: Runs, sent: str, tmp_path: Path, dinsar: Dinsar
) -> None:
    """As maps of topsApp folders that somebody else made, and crossed polarizations."""
    stack = runs.write_stack(tmp_path / "stack", sequential(1, DAYS[:3]))
    assert dinsar("export", stack, "--format", "mintpy").code == 0
    names = sorted(path.name for path in (stack / "mintpy").glob("S1*"))
    assert len(names) == 2
    for name, pair in zip(names, sequential(1, DAYS[:3]), strict=True):
        assert re.fullmatch(BURST, name)
        assert name.split("_")[3:6] == [f"{pair[0]:%Y%m%d}", f"{pair[1]:%Y%m%d}", sent]


def test_maps_of_topsapp_folders_are_a_series(work: Path, dinsar: Dinsar) -> None:
    for folder in list(work.iterdir()):
        made = shutil.move(folder, work / f"topsapp{folder.name[-8:]}{folder.name[6:14]}" / "displacement")
        record = json.loads((made / "run.json").read_text())
        record["pair"] = {}
        (made / "displacement.json").write_text(json.dumps(record))
        (made / "run.json").unlink()
    assert dinsar("export", work, "--format", "mintpy").code == 0
    assert len(values_of(work / "mintpy", "unwFile")) == len(PAIRS)
    with Products() as files:
        assert open_maps(work, files).pairs == tuple(PAIRS)


def test_interferograms_of_hyp3_are_one_set_with_their_geometry(
    exported: Path, tmp_path: Path, dinsar: Dinsar
) -> None:
    """A set has the form of HyP3's products: what is written of it again is the same."""
    copy = tmp_path / "hyp3"
    shutil.copytree(exported, copy)
    (copy / "mintpy.cfg").unlink()
    done = dinsar("export", copy, "--format", "mintpy")
    assert done.code == 0, done.err
    assert "another program" in done.err
    again = copy / "mintpy"
    for key in ("corFile", "demFile", "incAngleFile", "azAngleFile", "waterMaskFile"):
        for one, other in zip(values_of(exported, key), values_of(again, key), strict=True):
            np.testing.assert_array_equal(one, other)
    zero = zero_of(again)
    for one, other in zip(values_of(exported, "unwFile"), values_of(again, "unwFile"), strict=True):
        known = one != 0
        shift = (other - one)[known]
        assert shift.std() < 1e-5
        assert abs(other[zero]) < 0.2
    first = min(again.glob("S1*/*.txt"))
    assert "Heading: " in first.read_text()
    assert "Baseline: -40.0" in first.read_text()
    with Products() as files:
        assert len(open_maps(copy, files).pairs) == len(PAIRS)  # the set in it is not read as more of them


def test_clipped_files_of_hyp3_come_before_the_whole_ones(exported: Path, tmp_path: Path) -> None:
    for path in exported.glob("S1*/*.tif"):
        shutil.copy(path, tmp_path / path.name.replace(".tif", "_clipped.tif"))
    other = next(tmp_path.glob("*_unw_phase_clipped.tif"))
    (tmp_path / "whole").mkdir()
    with rasterio.open(other) as dataset:
        profile = dataset.profile | {"width": 10, "height": 10, "driver": "GTiff", "tiled": False}
        profile = {name: value for name, value in profile.items() if not name.startswith("block")}
        with rasterio.open(tmp_path / "whole" / other.name.replace("_clipped", ""), "w", **profile) as smaller:
            smaller.write(dataset.read(1)[:10, :10], 1)
    with Products() as files:
        assert open_maps(tmp_path, files).grid.shape == GRID.shape


def test_a_path_that_mintpy_takes_for_a_pattern_is_refused(stack: Path, tmp_path: Path, dinsar: Dinsar) -> None:
    check_refusal(
        dinsar("export", stack, "--format", "mintpy", "--into", tmp_path / "x [1]"), 2, "[ and ]", "--into"
    )
    assert not (tmp_path / "x [1]").exists()
    pair = min((stack / "pairs").iterdir())
    check_refusal(dinsar("export", pair, "--format", "mintpy", "--into", tmp_path / "a*"), 2, "*", "--into")


def test_one_triangle_of_dates_is_told_to_be_too_few(tmp_path: Path, dinsar: Dinsar) -> None:
    stack = Runs().write_stack(tmp_path / "stack", sequential(2, DAYS[:3]))
    done = dinsar("export", stack, "--format", "mintpy")
    assert done.code == 0
    assert "--start correct_unwrap_error" in done.err


def test_residuals_of_the_topography_are_on_with_many_dates() -> None:
    pair = MintPyPair("S1_000000_IW1_20230904_20230916_VV_INT80_0000", "", {})
    wanted = {dates: MintPySet(GRID, [pair], {}, None, dates, WAVELENGTH) for dates in (14, 15)}
    assert wanted[14].setting("topographicResidual") == "no"
    assert wanted[15].setting("topographicResidual") == "yes"
