"""What of a run of topsApp is kept from its unwrapper."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from dinsar_cli.config.sections.map import MaskConfig
from dinsar_cli.engines.topsapp.results.collect import collect
from dinsar_cli.engines.topsapp.results.finished_folder import FinishedRun
from dinsar_cli.engines.topsapp.results.isce_file import IsceFile
from dinsar_cli.engines.topsapp.scripts.burstwise import COPY, lend_copies
from dinsar_cli.engines.topsapp.unwrapping.unseen import copy_for_unwrapper, remove_copies_for_unwrapper
from dinsar_cli.errors import NoDataError
from support.topsapp.merged_folder import CELLS, LOOKS, Content, write_folder

INPUTS = ("filt_topophase.flat", "phsig.cor")
UNSEEN = (np.indices(CELLS)[1] > 3) & (np.indices(CELLS)[0] < 9)


@pytest.fixture
def run(tmp_path: Path) -> FinishedRun:
    return FinishedRun.open(write_folder(tmp_path / "work", Content()), LOOKS)


def test_copies_are_the_files_with_zeros_and_these_stay_as_they_are(run: FinishedRun) -> None:
    merged = run.folder / "merged"
    before = {name: (merged / name).read_bytes() for name in INPUTS}
    for _ in range(2):  # a second time after a kill gives the same
        copy_for_unwrapper(run, UNSEEN, MaskConfig())
        for name in INPUTS:
            assert (merged / name).read_bytes() == before[name]
            whole, copied = (IsceFile.open(merged / file).read(1) for file in (name, f"{COPY}{name}"))
            np.testing.assert_array_equal(copied, np.where(UNSEEN, 0, whole))
            header = (merged / f"{COPY}{name}.xml").read_text()
            assert f"{COPY}{name}" in header or name not in header
    remove_copies_for_unwrapper(run.folder)
    assert not list(merged.glob(f"{COPY}*"))


def test_where_nothing_is_left_out_the_unwrapper_reads_the_files(run: FinishedRun) -> None:
    copy_for_unwrapper(run, UNSEEN, MaskConfig())
    copy_for_unwrapper(run, np.zeros(CELLS, bool), MaskConfig())
    assert not list((run.folder / "merged").glob(f"{COPY}*"))


def test_an_area_without_ground_is_refused(run: FinishedRun) -> None:
    with pytest.raises(NoDataError, match="leaves nothing to unwrap"):
        copy_for_unwrapper(run, np.ones(CELLS, bool), MaskConfig())
    assert not list((run.folder / "merged").glob(f"{COPY}*"))


@pytest.mark.parametrize("there", [INPUTS, INPUTS[:1], ()])
def test_names_are_lent_for_the_step_only(tmp_path: Path, there: tuple[str, ...]) -> None:
    for name in there:
        (tmp_path / f"{COPY}{name}").touch()
    process = SimpleNamespace(mergedDirname=str(tmp_path), filtFilename=INPUTS[0], coherenceFilename=INPUTS[1])
    read = []

    def unwrap() -> None:
        read.extend([process.filtFilename, process.coherenceFilename])
        raise OSError("the step fails")

    with pytest.raises(OSError, match="fails"):
        lend_copies(unwrap, process)
    assert read == [f"{COPY}{name}" if name in there else name for name in INPUTS]
    assert (process.filtFilename, process.coherenceFilename) == INPUTS


def test_cells_left_out_have_a_wrapped_phase_and_no_unwrapped_one(run: FinishedRun, tmp_path: Path) -> None:
    made = collect(run.folder, tmp_path / "radar", looks=LOOKS, unseen=UNSEEN)
    data = Content().data
    np.testing.assert_array_equal(np.isfinite(made.layer("wrapped").read()), data)
    np.testing.assert_array_equal(np.isfinite(made.layer("unwrapped").read()), data & ~UNSEEN)
    assert not made.layer("components").read()[UNSEEN].any()
