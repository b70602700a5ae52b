"""Scenes of the old processor: when an AUX_CAL file is needed, and whether ISCE2 would find it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dinsar_cli.errors import NoDataError
from dinsar_cli.managers.aux_cal import check_aux_cal
from dinsar_cli.sentinel1.acquisition import Acquisition, Pair, make_pair
from dinsar_cli.sentinel1.scene import open_scene
from support.run_inputs import Inputs


@pytest.fixture
def pair(inputs: Inputs) -> Pair:
    return make_pair([open_scene(path) for path in inputs.scenes], "auto")


def made_by(acquisition: Acquisition, version: str) -> Acquisition:
    return replace(acquisition, scenes=tuple(replace(scene, ipf=version) for scene in acquisition.scenes))


def versions(pair: Pair, reference: str, secondary: str) -> Pair:
    return replace(pair, reference=made_by(pair.reference, reference), secondary=made_by(pair.secondary, secondary))


def put(folder: Path, name: str) -> Path:
    (folder / name / "data").mkdir(parents=True)
    (folder / name / "data" / f"{name[:3].lower()}-aux-cal.xml").write_text("<auxiliaryCalibration/>")
    return folder


@pytest.mark.parametrize("isce2", [True, False])
@pytest.mark.parametrize("both", ["003.61", "002.36"])
def test_two_dates_of_one_kind_need_nothing(pair: Pair, isce2: bool, both: str) -> None:
    """The same phase in both dates drops out of the interferogram."""
    assert check_aux_cal(versions(pair, both, both), None, isce2=isce2) == ""


@pytest.mark.parametrize("dates", [("002.36", "002.43"), ("002.43", "002.36")])
def test_a_mixed_pair_is_refused_without_the_file(pair: Pair, tmp_path: Path, dates: tuple[str, str]) -> None:
    mixed = versions(pair, *dates)
    old = mixed.reference if dates[0] == "002.36" else mixed.secondary
    for folder in (None, tmp_path / "nowhere", tmp_path):
        with pytest.raises(NoDataError, match="needs an AUX_CAL file") as caught:
            check_aux_cal(mixed, folder, isce2=True)
        assert "topsapp.auxiliary_data_directory" in caught.value.remedy
        assert old.scenes[0].name in caught.value.problem
    put(tmp_path, f"{old.mission}_AUX_CAL_V20300616T133700_G20310617T144349.SAFE")
    put(tmp_path, f"{old.mission}_AUX_CAL_V20100616T133700_G20110617T144349.SAFE")
    with pytest.raises(NoDataError):
        check_aux_cal(mixed, tmp_path, isce2=True)
    put(tmp_path, f"{old.mission}_AUX_CAL_V20140616T133500_G20310626T100133.SAFE")
    assert check_aux_cal(mixed, tmp_path, isce2=True) == ""


def test_another_engine_warns(pair: Pair) -> None:
    assert "steps between the subswaths" in check_aux_cal(versions(pair, "002.36", "003.61"), None, isce2=False)
