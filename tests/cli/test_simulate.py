"""``dinsar simulate``: its options reach the scenario, and what cannot be simulated is refused in three lines."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from support.command import Outcome
from support.refusal import USAGE, check_refusal, snapshot

SMALL = ("--columns", 64, "--bursts", 1)


def test_options_reach_the_scenario(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    options = {
        "dates": 3,
        "start": "2025-07-01",
        "interval": 24,
        "centre": "20.0,-33.0",
        "direction": "ascending",
        "missions": "s1a, S1C,s1a",
        "swaths": "2,3",
        "bursts": 2,
        "columns": 64,
        "slices": 2,
        "polarization": "hh",
        "deformation": "bowl",
        "peak": -4,
        "depth": 2.5,
        "burst-offset": 0.4,
        "along-track-error": 0.3,
        "relief": 700,
        "coherence": 0.7,
        "seed": 9,
    }
    given = [part for name, value in options.items() for part in (f"--{name}", value)]
    given += ["--baseline", 30, "--baseline", -150, "--orbit-error", 0.05, -0.04, "--corner", "20.0,-33.0"]
    given += ["--ionosphere", 0.02, -0.01, "--bad-date", "2025-07-25,2"]
    done = dinsar(
        "simulate", tmp_path / "new", *given, "--velocity", "--no-lake", "--atmosphere", "--folders", "-q"
    )
    assert (done.code, done.err) == (0, "")
    summary = json.loads((tmp_path / "new" / "truth.json").read_text())
    scenario = summary["scenario"]
    expected = {
        "dates": ["2025-07-01", "2025-07-25", "2025-08-18"],
        "centre": [20.0, -33.0],
        "direction": "ascending",
        "missions": ["S1A", "S1C", "S1A"],
        "swaths": [2, 3],
        "bursts": 2,
        "columns": 64,
        "slices": 2,
        "polarization": "HH",
        "baselines": [30.0, -150.0],
        "burst_offset": 0.4,
        "along_track_error": 0.3,
        "motion": "velocity",
        "lake": None,
        "archive": "safe",
        "seed": 9,
    }
    assert {name: scenario[name] for name in expected} == expected
    assert summary["deformation"] == "GaussianBowl"
    assert scenario["deformation"] == {"peak": -0.04, "radius": 2500.0, "pull": 0.0}
    assert (scenario["orbit_error"]["radial"], scenario["orbit_error"]["across"]) == (0.05, -0.04)
    assert scenario["terrain"]["relief"] == 700
    assert scenario["coherence"]["repeat"] == 0.7
    air = {"turbulence": 0.005, "stratified": 0.01, "factors": [["2025-07-25", 2.0]]}
    assert air.items() <= scenario["atmosphere"].items()
    assert scenario["ionosphere"] == {"electrons": 0.0, "east_per_km": 0.02, "north_per_km": -0.01}
    assert (tmp_path / "new" / "truth" / "ionosphere.tif").exists()
    assert scenario["corners"]["positions"] == [[20.0, -33.0]]
    assert len(list((tmp_path / "new" / "slc").glob("*.SAFE"))) == 3 * 2


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("mogi", {"depth": 2000.0}),
        ("okada", {"slip": 0.06, "depth": 2000.0}),
        ("bowl", {"peak": 0.06, "radius": 2000.0}),
        ("ramp", {"east_per_km": 0.06, "north_per_km": 0.06}),
        ("none", {}),
    ],
)
def test_every_model_is_simulated(
    model: str, parameters: dict[str, float], dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    done = dinsar("simulate", tmp_path / "new", *SMALL, "--deformation", model, "--peak", 6, "--depth", 2)
    assert done.code == 0
    scenario = json.loads((tmp_path / "new" / "truth.json").read_text())["scenario"]
    assert parameters.items() <= scenario["deformation"].items()


def test_a_bad_date_has_more_turbulence_and_leaves_the_others_as_they_are(
    dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    """The true delay of each date is in the truth; the ground moves as without it; and the air is told."""

    def made(name: str, *options: object) -> tuple[dict[str, Any], dict[str, np.ndarray], str]:
        folder = tmp_path / name
        baselines = ("--dates", 3, "--baseline", "40,-60")
        done = dinsar("simulate", folder, *SMALL, *baselines, *options)
        assert done.code == 0, done.err
        maps = {}
        for path in (folder / "truth").glob("*.tif"):
            with rasterio.open(path) as dataset:
                maps[path.stem] = dataset.read(1)
        return json.loads((folder / "truth.json").read_text()), maps, done.err

    calm, before, said_before = made("calm", "--bad-date", "2023-09-16,1")
    bad, after, said = made("bad", "--bad-date", "2023-09-16,5")
    assert bad["scenario"]["baselines"] == [40.0, -60.0]
    assert bad["scenario"]["atmosphere"]["factors"] == [["2023-09-16", 5.0]]
    assert (bad["scenario"]["atmosphere"]["turbulence"], bad["scenario"]["atmosphere"]["stratified"]) == (
        0.003,
        0.0,
    )
    assert "3 mm" in said
    assert "3 mm" in said_before
    for name, values in before.items():
        times = 5 if name == "atmosphere_20230916" else 1
        np.testing.assert_allclose(after[name], times * values, rtol=1e-5, err_msg=name)
    for day, times in (("20230904", 1), ("20230916", 5), ("20230928", 1)):
        noted, delay = bad["atmosphere"][day], after[f"atmosphere_{day}"]
        assert noted["turbulence_factor"] == times
        assert noted["los_std_m"] == pytest.approx(np.nanstd(delay), rel=1e-3)
        assert noted["los_std_m"] == pytest.approx(times * calm["atmosphere"][day]["los_std_m"], rel=1e-6)


def test_paths_are_on_stdout_and_the_next_command_on_stderr_works(
    dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    pytest.importorskip("eos")
    folder = tmp_path / "a folder"
    done = dinsar("simulate", folder, "--columns", 500, "--bursts", 1)
    paths = [Path(line) for line in done.out.splitlines()]
    assert [path.suffix for path in paths] == [".zip", ".zip", ".EOF", ".EOF", ".tif", ".json"]
    assert all(path.is_file() and path.is_relative_to(folder) for path in paths)
    program, *command = shlex.split(done.err.splitlines()[-1].partition(": ")[2])
    assert program == "dinsar"
    folders = ["--workdir", tmp_path / "work", "--cache", tmp_path / "cache"]
    assert dinsar(*command, *folders, "--engine", "eos").code == 0
    assert len(list((tmp_path / "work").glob("T*/products/los_displacement.tif"))) == 1


def test_json_names_every_file(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    done = dinsar("simulate", tmp_path / "new", *SMALL, "--dates", 3, "--json", "--quiet")
    assert (done.code, done.err) == (0, "")
    record = json.loads(done.out)
    assert [len(slices) for slices in record["products"]] == [1, 1, 1]
    named = [path for slices in record["products"] for path in slices]
    named += [*record["orbits"], record["dem"], record["truth"], record["summary"]]
    assert len(record["orbits"]) == 3
    assert all(Path(path).exists() for path in named)


def test_folder_that_holds_something_is_refused_and_kept(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    before = snapshot(tmp_path)
    check_refusal(dinsar("simulate", tmp_path, *SMALL), USAGE, tmp_path)
    check_refusal(dinsar("simulate", tmp_path / "precious.txt", *SMALL), USAGE, "precious.txt")
    check_refusal(dinsar("simulate", tmp_path / "precious.txt" / "below", *SMALL), USAGE, "below")
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--dates", "1"], "--dates"),
        (["--dates", "two"], "--dates"),
        (["--start", "4/9/2023"], "--start"),
        (["--start", "2001-01-01"], "2001-01-01"),
        (["--start", "9999-12-30"], "9999-12-30"),
        (["--interval", "0"], "--interval"),
        (["--interval", "5"], "12 days"),
        (["--interval", "99999999"], "99999999"),
        (["--centre", "Marrakesh"], "Marrakesh"),
        (["--centre", "1,2,3"], "1,2,3"),
        (["--centre", "nan,nan"], "nan"),
        (["--centre", "31.35,-98.85"], "-98.85"),
        (["--centre", "10,89"], "89"),
        (["--direction", "sideways"], "--direction"),
        (["--missions", "S1X"], "S1X"),
        (["--missions", ""], "missions"),
        (["--missions", "S1A,S1B,S1C"], "missions"),
        (["--swaths", "1,3"], "(1, 3)"),
        (["--swaths", "2,1"], "(2, 1)"),
        (["--swaths", "1,,2"], "1,,2"),
        (["--swaths", "4"], "4"),
        (["--bursts", "0"], "--bursts"),
        (["--slices", "3"], "3"),
        (["--columns", "10"], "10"),
        (["--columns", "99999"], "99999"),
        (["--polarization", "VH"], "VH"),
        (["--deformation", "earthquake"], "earthquake"),
        (["--peak", "nan"], "nan"),
        (["--peak", "inf"], "inf"),
        (["--peak", "1e6"], "Mogi"),
        (["--deformation", "ramp", "--peak", "100"], "Ramp"),
        (["--depth", "0"], "--depth"),
        (["--depth", "nan"], "nan"),
        (["--depth", "inf"], "inf"),
        (["--baseline", "nan"], "nan"),
        (["--baseline", "5000"], "5000"),
        (["--baseline", "10", "--baseline", "20"], "baselines"),
        (["--baseline", "40,,60"], "40,,60"),
        (["--baseline", "40;60"], "40,-60,110"),
        (["--baseline", "40,nan", "--dates", "3"], "nan"),
        (["--bad-date", "2023-09-16"], "2023-09-16,5"),
        (["--bad-date", "16.9.23,5"], "16.9.23"),
        (["--bad-date", "2023-09-16,five"], "five"),
        (["--bad-date", "2023-09-16,nan"], "nan"),
        (["--bad-date", "2023-09-16,-1"], "-1"),
        (["--bad-date", "2023-09-16,1e9"], "1e+09"),
        (["--bad-date", "2023-09-17,5"], "2023-09-04, 2023-09-16"),
        (["--bad-date", "2023-09-16,5", "--bad-date", "2023-09-16,3"], "once"),
        (["--burst-offset", "nan"], "nan"),
        (["--burst-offset", "1000"], "1000"),
        (["--along-track-error", "inf"], "inf"),
        (["--orbit-error", "nan", "0"], "nan"),
        (["--orbit-error", "0", "1e9"], "orbit_error"),
        (["--orbit-error", "1"], "--orbit-error"),
        (["--relief", "0"], "relief"),
        (["--relief", "nan"], "nan"),
        (["--relief", "9000"], "9000"),
        (["--coherence", "1.1"], "--coherence"),
        (["--coherence", "nan"], "nan"),
        (["--corner", "0,0"], "corner"),
        (["--corner", "here"], "here"),
        (["--seed", "-1"], "-1"),
        (["--seed", "x"], "--seed"),
        (["--sead", "1"], "--sead"),
    ],
)
def test_bad_value_is_refused_in_three_lines(
    options: list[str], named: str, dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    small = [] if {"--columns", "--bursts"} & set(options) else [*SMALL]
    check_refusal(dinsar("simulate", tmp_path / "new", *small, "--quiet", *options), USAGE, named)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "options",
    [["--coherence", "0"], ["--coherence", "1"], ["--relief", "5"], ["--peak", "0"], ["--centre", "178,74.9"]],
)
def test_extreme_value_is_simulated(options: list[str], dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    assert dinsar("simulate", tmp_path / "new", *SMALL, *options, "--quiet").code == 0
    assert (tmp_path / "new" / "truth.json").is_file()
