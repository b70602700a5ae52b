"""Layers that are made while topsApp unwraps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.config.model import Looks
from dinsar_cli.engines.topsapp.results.collect import collect
from dinsar_cli.engines.topsapp.unwrapping.early_layers import EarlyLayers
from dinsar_cli.errors import EngineError
from dinsar_cli.radar.interferogram import DESCRIPTION_FILE
from support.topsapp.merged_folder import LOOKS, Content, write_folder

UNWRAPPED = ("filt_topophase.unw", "filt_topophase.unw.xml", "filt_topophase.unw.conncomp")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "work", Content())


def without_unwrapped(folder: Path) -> dict[Path, bytes]:
    """Take away what the step unwrap makes, and give it."""
    taken = {file: file.read_bytes() for file in folder.glob("merged/filt_topophase.unw*")}
    assert {file.name for file in taken} >= set(UNWRAPPED)
    for file in taken:
        file.unlink()
    return taken


@pytest.mark.parametrize("backwards", [False, True])
def test_layers_made_before_the_unwrapped_phase_is_there_are_those_made_afterwards(
    tmp_path: Path, backwards: bool
) -> None:
    folder = write_folder(tmp_path / "work", Content(backwards=backwards))
    after = collect(folder, tmp_path / "after", looks=LOOKS)
    taken = without_unwrapped(folder)
    with EarlyLayers(folder, tmp_path / "radar") as early:
        early.begin(LOOKS)
        early.begin(LOOKS)
        layers = early.take()
        assert layers is not None
        for name in ("los.rdr.full.vrt", "lon.rdr.full.vrt", "topophase.cor"):  # nothing is read twice
            (folder / "merged" / name).unlink()
        for file, content in taken.items():
            file.write_bytes(content)
        made = collect(folder, tmp_path / "radar", looks=LOOKS, early=layers)
    assert made.to_dict() == after.to_dict()
    for name, layer in layers.items():
        np.testing.assert_array_equal(layer.read(), after.layer(name).read(), err_msg=name)


def test_without_a_beginning_there_is_nothing_to_take(folder: Path, tmp_path: Path) -> None:
    with EarlyLayers(folder, tmp_path / "radar") as early:
        assert early.take() is None
    assert not (tmp_path / "radar").exists()


def test_what_cannot_be_made_is_told_by_the_collection_of_all(folder: Path, tmp_path: Path) -> None:
    (folder / "merged" / "topophase.cor.xml").unlink()
    with EarlyLayers(folder, tmp_path / "radar") as early:
        early.begin(LOOKS)
        assert early.take() is None
        with pytest.raises(EngineError, match=r"topophase\.cor"):
            collect(folder, tmp_path / "radar", looks=LOOKS, early=early.take())
    assert not (tmp_path / "radar" / DESCRIPTION_FILE).exists()


def test_after_a_failure_of_topsapp_they_are_made_anew_with_other_looks(folder: Path, tmp_path: Path) -> None:
    wrong = Looks(LOOKS.range + 1, LOOKS.azimuth)
    with EarlyLayers(folder, tmp_path / "radar") as early:
        early.begin(wrong)
        early.drop()
        assert early.take() is None
        early.begin(LOOKS)
        assert early.take() is not None


def test_layers_that_are_dropped_are_not_missed(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with EarlyLayers(folder, tmp_path / "radar") as early:
        early.begin(LOOKS)
        early.drop()
    assert "There is no amplitude" not in caplog.text
