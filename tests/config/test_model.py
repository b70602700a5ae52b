"""What a configuration accepts: defaults, ranges, unknown keys, what wins, and the messages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dinsar_cli.config.file import build_config
from dinsar_cli.config.keys import config_keys
from dinsar_cli.config.model import LonLat, Looks, RunConfig
from dinsar_cli.config.sections.map import Origin
from dinsar_cli.errors import ExitCode, UsageError


def refused(file_values: dict[Any, Any] | None, overrides: dict[str, object]) -> UsageError:
    with pytest.raises(UsageError) as caught:
        build_config(file_values, overrides)
    assert caught.value.exit_code is ExitCode.USAGE
    assert len(str(caught.value).splitlines()) == 3
    return caught.value


def test_defaults_are_the_documented_ones() -> None:
    config = build_config(None, {})
    assert config == RunConfig()
    assert config.looks == Looks(range=19, azimuth=7)
    assert config.dem.buffer == 0.2
    assert config.filter.strength == 0.5
    assert config.unwrap.reliability == 0.2
    assert config.grid.crs == "EPSG:4326"
    assert (config.output.intermediates, config.isce2.timeout) == ("geocoded", None)
    topsapp = config.topsapp
    assert (topsapp.do_esd, topsapp.esd_coherence_threshold, topsapp.unwrapper_name) == (False, 0.7, "snaphu_mcf")
    assert (topsapp.use_virtual_files, topsapp.use_gpu, topsapp.extra) == (True, "auto", {})
    assert (config.engine, config.polarization, config.reference_point) == ("auto", "auto", "auto")
    assert (config.resolution, config.roi, config.grid.posting, config.dem.datum) == (None, None, None, None)


def test_config_is_frozen() -> None:
    config: Any = RunConfig()
    with pytest.raises(ValidationError, match="frozen"):
        config.dem.buffer = 1.0
    with pytest.raises(ValidationError, match="frozen"):
        config.looks = Looks(1, 1)


@pytest.mark.parametrize(
    ("key", "typed", "value"),
    [
        ("looks", "7x2", Looks(7, 2)),
        ("looks", " 200 X 1 ", Looks(200, 1)),
        ("polarization", "VV", "vv"),
        ("reference_point", "12.5,-45.25", LonLat(12.5, -45.25)),
        ("reference_point", [12.5, -45.25], LonLat(12.5, -45.25)),
        ("reference_point", "None", "none"),
        ("compute.threads", "4", 4),
        ("compute.memory", "2GB", 2_000_000_000),
        ("compute.memory", "1500 MB", 1_500_000_000),
        ("compute.memory", "1.5GiB", 1_610_612_736),
        ("compute.memory", 256_000_000, 256_000_000),
        ("compute.memory", "AUTO", "auto"),
        ("grid.crs", "epsg:32733", "EPSG:32733"),
        ("grid.crs", "UTM", "utm"),
        ("grid.crs", 2154, "EPSG:2154"),
        ("grid.origin", "12.5, -7", Origin(12.5, -7.0)),
        ("grid.origin", [0, 5], Origin(0.0, 5.0)),
        ("grid.posting", "0.0005", 0.0005),
        ("dem.buffer", "2", 2.0),
        ("dem.datum", "EGM96", "egm96"),
        ("roi", [10, 45, 11.5, 46], "10 45 11.5 46"),
        ("slc.files", ("/a", "/b"), [Path("/a"), Path("/b")]),
        ("slc.files", "/a", [Path("/a")]),
        ("topsapp.do_esd", True, True),
        ("topsapp.use_virtual_files", False, False),
        ("topsapp.use_gpu", "AUTO", "auto"),
        ("topsapp.use_gpu", False, False),
        ("topsapp.use_gpu", "true", True),
        ("topsapp.unwrapper_name", "ICU", "icu"),
        (
            "topsapp.extra",
            {"Ampcor window width": 32, "a b": [1, True, "x"]},
            {"Ampcor window width": 32, "a b": [1, True, "x"]},
        ),
        ("output.intermediates", "Keep", "keep"),
        ("isce2.timeout", "0.5", 0.5),
    ],
)
def test_values_are_understood(key: str, typed: object, value: object) -> None:
    read: Any = build_config(None, {key: typed})
    for part in key.split("."):
        read = getattr(read, part)
    assert read == value


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("dem.buffer", 2.1, "0 to 2 degrees"),
        ("dem.buffer", -0.1, "0 to 2 degrees"),
        ("dem.buffer", "nan", "0 to 2 degrees"),
        ("dem.buffer", True, "true or false"),
        ("filter.strength", 1.01, "0 to 1"),
        ("unwrap.reliability", 11, "0 to 10"),
        ("resolution", 9, "10 to 1000 metres"),
        ("resolution", "inf", "10 to 1000 metres"),
        ("looks", "19x0", "1 to 200"),
        ("looks", "201x1", "1 to 200"),
        ("looks", "19", "like 19x7"),
        ("looks", 19, "like 19x7"),
        ("polarization", "xx", "auto, vv, hh, vh, hv"),
        ("engine", "gamma", "auto, isce2, eos"),
        ("dem.datum", "navd88", "ellipsoid, egm96, egm2008"),
        ("dem.file", "", "path is empty"),
        ("slc.files", ["/a", " "], "path is empty"),
        ("slc.files", os.fsdecode(b"/\xff"), "utf-8"),
        ("grid.crs", " ", "EPSG:2154"),
        ("grid.crs", ["EPSG:2154"], "EPSG:2154"),
        ("grid.origin", "1", "two numbers"),
        ("grid.origin", "1,inf", "finite"),
        ("grid.posting", 90, "unit of EPSG:4326 is degrees"),
        ("grid.posting", "nan", "degrees in EPSG:4326"),
        ("reference_point", "45,120", "longitude comes first"),
        ("reference_point", "181,91", "out of range"),
        ("reference_point", "nan,1", "out of range"),
        ("reference_point", "12", "LON,LAT"),
        ("reference_point", [1, True], "two numbers"),
        ("compute.threads", 0, "1 to 1024"),
        ("compute.threads", "all", "1 to 1024"),
        ("compute.memory", "255MB", "256MB"),
        ("compute.memory", "2 gallons", "like 2GB"),
        ("compute.memory", "5i", "like 2GB"),
        ("isce2.timeout", 0, "0.01 to 1000 hours"),
        ("isce2.timeout", True, "true or false"),
        ("output.intermediates", "some", "keep, geocoded, delete"),
        ("output.intermediates", False, "keep, geocoded, delete"),
        ("topsapp.do_esd", "perhaps", "true or false"),
        ("topsapp.do_esd", 2, "true or false"),
        ("topsapp.esd_range_looks", True, "does not take true or false"),
        ("topsapp.esd_range_looks", 1.5, "1 to 200"),
        ("topsapp.esd_coherence_threshold", 1.1, "0 to 1"),
        ("topsapp.use_gpu", 1, "auto, true, false"),
        ("topsapp.unwrapper_name", "grass", "snaphu_mcf, snaphu, downsample_snaphu, icu"),
        ("topsapp.extra", 5, "a mapping of names"),
        ("topsapp.extra", {"a b": 1, "A B": 2}, "twice"),
        ("topsapp.extra", {"a<b": 1}, "no name"),
        ("topsapp.extra", {"a": None}, "value of 'a'"),
        ("topsapp.extra", {"a": [[1]]}, "value of 'a'"),
        ("topsapp.extra", {"a": float("nan")}, "value of 'a'"),
        ("topsapp.areas_masked_out_in_ionospheric_phase_estimation", [[5, 4, 1, 2]], "first line, last line"),
        (
            "topsapp.areas_masked_out_in_ionospheric_phase_estimation",
            [[0, 4, 1, 2]],
            "[0, 4, 1, 2] is no such area",
        ),
    ],
)
def test_wrong_values_are_refused_with_key_value_and_range(key: str, value: object, allowed: str) -> None:
    error = refused(None, {key: value})
    assert key in error.problem
    assert f"{key}: " in error.cause
    assert allowed in error.cause
    shown = value[1] if key == "slc.files" and isinstance(value, list) else value
    assert repr(shown) in error.cause or str(shown) in error.cause


def test_posting_in_degrees_is_refused_on_a_metric_grid() -> None:
    assert "metres" in refused({"grid": {"crs": "utm", "posting": 0.001}}, {}).cause
    assert build_config({"grid": {"crs": "utm", "posting": 90}}, {}).grid.posting == 90


@pytest.mark.parametrize(
    ("unknown", "meant"),
    [
        ({"looks_range": 1}, "looks"),
        ({"dem": {"fille": "x"}}, "dem.file"),
        ({"buffer": 0.1}, "dem.buffer"),
        ({"dem_file": "x"}, "dem.file"),
        ({"orbit": {"dir": "x"}}, "orbits"),
        ({"slc": {"file": "x"}}, "slc.files"),
        ({"Resolution": 90}, "resolution"),
        ({"topsapp": {"do ESD": True}}, "topsapp.do_esd"),
        ({"use_gpu": True}, "topsapp.use_gpu"),
    ],
)
def test_unknown_keys_are_refused_with_the_nearest(unknown: dict[str, Any], meant: str) -> None:
    error = refused(unknown, {})
    assert f"unknown. Did you mean {meant}?" in error.cause


def test_unknown_key_like_no_other_lists_all() -> None:
    cause = refused({"bbox": 1, 3: 4}, {}).cause
    assert "bbox: unknown" in cause
    assert "3: unknown" in cause
    assert all(key in cause for key in config_keys())


def test_other_properties_of_topsapp_have_their_place() -> None:
    assert "Other properties of topsApp go into topsapp.extra." in refused({"topsapp": {"do unwrap": 1}}, {}).cause
    assert "topsapp.extra" not in refused({"dem": {"fille": "x"}}, {}).cause


@pytest.mark.parametrize(
    ("values", "key", "word"),
    [
        ({"start_ionosphere_step": "ion2grd", "end_ionosphere_step": "rawion"}, "end_ionosphere_step", "ion2grd"),
        (
            {"total_number_of_range_looks_in_the_ionosphere_processing": 50},
            "number_of_range_looks_at_first_stage_for_ionosphere_phase_unwrapping",
            "does not divide",
        ),
        (
            {"number_of_azimuth_looks_at_first_stage_for_ionosphere_phase_unwrapping": 7},
            "number_of_azimuth_looks_at_first_stage_for_ionosphere_phase_unwrapping",
            "does not divide",
        ),
        (
            {"maximum_window_size_for_filtering_ionosphere_phase": 50},
            "minimum_window_size_for_filtering_ionosphere_phase",
            "50",
        ),
    ],
)
def test_keys_of_the_ionosphere_agree(values: dict[str, object], key: str, word: str) -> None:
    error = refused({"topsapp": values}, {})
    assert f"topsapp.{key}" in error.problem
    assert word in error.cause


def test_every_problem_is_listed_at_once() -> None:
    error = refused({"dem": {"fille": "x", "buffer": 5}, "slc": 3}, {"resolution": "x", "engine": "gamma"})
    for part in ("dem.fille: unknown", "dem.buffer: 5", "slc: 3", "resolution: 'x'", "engine: 'gamma'"):
        assert part in error.cause
    for key in ("dem.fille", "dem.buffer", "slc", "resolution", "engine"):
        assert key in error.problem


def test_flags_win_over_the_file_and_leave_the_rest() -> None:
    values = {"dem": {"file": "/a", "buffer": 1}, "engine": "eos"}
    config = build_config(values, {"dem.file": "/b", "dem.buffer": None, "engine": None, "slc.files": ()})
    assert config.dem.file == Path("/b")
    assert config.dem.buffer == 1
    assert config.engine == "eos"
    assert values == {"dem": {"file": "/a", "buffer": 1}, "engine": "eos"}


def test_looks_and_resolution_exclude_each_other() -> None:
    for file_values, overrides in (
        ({"looks": "1x1", "resolution": 90}, {}),
        ({}, {"looks": "1x1", "resolution": 90}),
    ):
        assert "both" in refused(file_values, overrides).cause
    # The flag replaces what the file says in the other way.
    assert build_config({"looks": "1x1"}, {"resolution": 90}).resolution == 90
    by_looks = build_config({"resolution": 90}, {"looks": "1x1"})
    assert (by_looks.looks, by_looks.resolution) == (Looks(1, 1), None)


def test_a_flag_does_not_hide_a_section_that_is_none() -> None:
    assert "dem: 5" in refused({"dem": 5}, {"dem.file": "/x"}).cause
    assert build_config({"dem": None}, {"dem.file": "/x"}).dem.file == Path("/x")
    assert "null" in refused({"looks": None}, {}).cause
