"""East, north and up from two lines of sight and offsets along the tracks: known motion and noise come back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dinsar_cli.compare.motion.east_north_up import along_track, solve
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import LAYERS, write_cog
from support.command import Outcome
from support.look_inputs import (
    DEGREES,
    DESCENDING_DATES,
    Floats,
    ascending_sight,
    descending_sight,
    lonlat,
    sight,
    write_look,
)
from support.products import read_product, read_tags
from support.refusal import NO_DATA, USAGE, check_refusal

ASC, DESC = sight(39.0, 260.0), sight(34.0, 100.0)
PLACE = DEGREES.lonlat(48, 60)  # where `field` is zero
HERE = f"{PLACE[0]:.8f},{PLACE[1]:.8f}"


def test_the_flight_is_to_the_north_with_the_satellite_in_the_west_and_to_the_south_with_it_in_the_east() -> None:
    """At right angles to the line of sight, which goes to the left of the flight."""
    for vector, heading in ((ASC, 350.0), (DESC, 190.0)):
        flight = along_track(vector)
        assert flight @ vector == pytest.approx(0)
        expected = [np.sin(np.radians(heading)), np.cos(np.radians(heading)), 0]
        np.testing.assert_allclose(flight, expected, atol=1e-12)


def given(motion: Floats, noise: tuple[float, ...], generator: np.random.Generator | None = None) -> Any:
    """Observations of motion of some cells along two lines of sight and their two tracks, with noise."""
    every = (ASC, DESC, along_track(ASC), along_track(DESC))
    directions = [np.repeat(v[:, None], motion.shape[1], 1) for v in every]
    sigmas = [np.full(motion.shape[1], s) for s in noise]
    values = [np.sum(g * motion, axis=0) for g in directions[: len(noise)]]
    if generator is not None:
        values = [d + s * generator.standard_normal(d.size) for d, s in zip(values, sigmas, strict=True)]
    return values, directions[: len(noise)], sigmas


@pytest.mark.parametrize("noise", [(1e-3, 2e-3, 0.1), (1e-3, 2e-3, 0.1, 0.2)])
def test_any_motion_comes_back(noise: tuple[float, ...]) -> None:
    motion = np.random.default_rng(3).normal(0, 0.5, (3, 40))
    found = solve(*given(motion, noise))
    np.testing.assert_allclose([found.east, found.north, found.up], motion, atol=1e-9)
    directions = np.stack([ASC, DESC, along_track(ASC), along_track(DESC)][: len(noise)])
    np.testing.assert_allclose(found.condition, np.linalg.cond(directions))


@pytest.mark.parametrize("noise", [(1e-3, 3e-3, 0.1), (2e-3, 1e-3, 0.15, 0.05)])
def test_the_stated_errors_are_those_of_trials(noise: tuple[float, ...]) -> None:
    repeats = 20_000
    motion = np.repeat([[0.4], [-0.9], [0.2]], repeats, axis=1)
    found = solve(*given(motion, noise, np.random.default_rng(8)))
    tolerance = 4 / np.sqrt(2 * repeats)  # four standard errors of a standard deviation
    for values, sigma in (
        (found.east, found.east_sigma),
        (found.north, found.north_sigma),
        (found.up, found.up_sigma),
    ):
        assert values.std() == pytest.approx(sigma[0], rel=tolerance)
    # the best that linear algebra can do: two tracks beside each other tell north by the mean of both
    if len(noise) == 4:
        both = (0.15**-2 + 0.05**-2) ** -0.5 / np.cos(np.radians(10))
        assert found.north_sigma[0] == pytest.approx(both, rel=0.01)


def test_cells_that_do_not_tell_all_three_are_empty() -> None:
    motion = np.repeat([[0.4], [-0.9], [0.2]], 5, axis=1)
    values, directions, sigmas = given(motion, (1e-3, 1e-3, 0.1, 0.1))
    values[2][1] = values[3][1] = np.nan  # two lines of sight alone
    values[0][2] = values[1][2] = np.nan  # two tracks alone
    values[3][3] = np.nan
    sigmas[2][4] = sigmas[3][4] = np.nan
    found = solve(values, directions, sigmas)
    np.testing.assert_array_equal(np.isfinite(found.north), [True, False, False, True, False])
    # a line of sight with both tracks, which are 20 degrees from being opposite
    values, directions, sigmas = given(motion, (1e-3, 1e-3, 0.1, 0.1))
    values[1][:] = np.nan
    poor = solve(values, directions, sigmas, largest=3.0)
    number = np.linalg.cond(np.stack([ASC, along_track(ASC), along_track(DESC)]))
    np.testing.assert_allclose(poor.condition, number)
    assert np.isfinite(poor.north).any() == (number <= 3.0)
    assert np.isfinite(solve(values, directions, sigmas, largest=number + 0.1).north).all()


# The command


def field(lon: Floats, lat: Floats) -> tuple[Floats, Floats, Floats]:
    """Metres to all sides, as beside a large earthquake; zero at one place."""
    x, y = lon - PLACE[0], lat - PLACE[1]
    return 2 * x - y, 20 * x - 30 * y, 1.5 * x + 2 * y


def written_offsets(path: Path, grid: Grid, vector: Floats, shift: float, **tags: str) -> Path:
    motion = np.stack(field(*lonlat(grid)))
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.sum(along_track(vector) * motion, axis=0) + shift
    write_cog(path, values, grid, LAYERS["offset_azimuth"], tags)
    return path


@pytest.fixture
def looks(tmp_path: Path) -> tuple[Path, Path]:
    noise = {"los_sigma": np.full(DEGREES.shape, 1e-3)}
    ascending = write_look(tmp_path / "T147A", DEGREES, ascending_sight(DEGREES), field, shift=0.013, layers=noise)
    descending = write_look(
        tmp_path / "T052D",
        DEGREES,
        descending_sight(DEGREES),
        field,
        shift=-0.04,
        dates=DESCENDING_DATES,
        layers=noise,
    )
    return ascending, descending


def test_known_motion_is_recovered_with_offsets_of_one_track_and_of_both(
    looks: tuple[Path, Path], tmp_path: Path, dinsar: Callable[..., Outcome]
) -> None:
    ascending = looks[0]
    coarse = Grid("EPSG:4326", DEGREES.west, DEGREES.north, DEGREES.posting * 5, 24, 18)  # windows of 500 m
    one = written_offsets(ascending / "products" / "offset_azimuth.tif", DEGREES, ascending_sight(DEGREES), 0.7)
    names = ("reference_date", "secondary_date")
    other = written_offsets(
        tmp_path / "windows.tif",
        coarse,
        descending_sight(coarse),
        -0.3,
        **dict(zip(names, DESCENDING_DATES, strict=True)),
    )
    command = (
        "decompose",
        *looks,
        "--reference-point",
        HERE,
        "--output",
        tmp_path / "out",
        "--azimuth-sigma",
        "0.15",
    )
    east, north, up = field(*lonlat(DEGREES))
    for offsets in ((one,), (one, other)):
        given_offsets = [option for path in offsets for option in ("--azimuth-offsets", path)]
        done = dinsar(*command, *given_offsets, "--json")
        assert done.code == 0, done.err
        record = json.loads(done.out)
        found = {name: read_product(tmp_path / "out", name, 1) for name in ("east", "north", "up", "north_sigma")}
        assert np.isfinite(found["north"]).mean() > 0.9
        for name, true in (("east", east), ("north", north), ("up", up)):
            inner = np.s_[3:-3, 3:-3]  # beyond the middle of the outermost window there is its value
            np.testing.assert_allclose(found[name][inner], true[inner], atol=2e-3)
        assert record["along_track"]["ascending"]["shift_m"] == pytest.approx(0.7, abs=1e-3)
        assert list(record["along_track"]) == ["ascending", "descending"][: len(offsets)]
        assert record["assumption"] is None
        assert "assumption" not in read_tags(tmp_path / "out", "north")
    assert "positive north" in read_tags(tmp_path / "out", "north")["sign"]
    told = dinsar(*command, "--azimuth-offsets", one)
    assert "north " in told.out
    assert "solved" in told.out

    # without offsets again: what does not belong to it is gone
    again = dinsar(*command[:-2])
    assert again.code == 0, again.err
    assert not (tmp_path / "out" / "north.tif").exists()


def test_offsets_that_cannot_be_used_are_refused(
    looks: tuple[Path, Path], tmp_path: Path, dinsar: Callable[..., Outcome]
) -> None:
    output = tmp_path / "out"
    command = ("decompose", *looks, "--reference-point", HERE, "--output", output)
    unknown = written_offsets(tmp_path / "some.tif", DEGREES, ascending_sight(DEGREES), 0.0)
    far = Grid("EPSG:4326", DEGREES.west + 3, DEGREES.north, DEGREES.posting, 20, 20)
    elsewhere = written_offsets(tmp_path / "far.tif", far, ascending_sight(far), 0.0)
    sigma = ("--azimuth-sigma", "0.1")
    refusals = [
        (("--azimuth-offsets", unknown, *sigma), USAGE, "not known of which track"),
        (("--azimuth-offsets", f"asc:{unknown}"), USAGE, "noise of the azimuth offsets"),
        (("--azimuth-offsets", f"asc:{unknown}", "--azimuth-sigma", "-1"), USAGE, "no standard deviation"),
        (("--azimuth-offsets", f"asc:{unknown}", "--azimuth-sigma", "little"), USAGE, "little"),
        (
            ("--azimuth-offsets", f"asc:{unknown}", "--azimuth-offsets", f"asc:{unknown}", *sigma),
            USAGE,
            "two azimuth",
        ),
        (("--azimuth-offsets", "nothere.tif", *sigma), USAGE, "nothere.tif"),
        (("--azimuth-offsets", f"desc:{elsewhere}", *sigma), NO_DATA, "no value on the map"),
        (("--azimuth-offsets", f"asc:{looks[0] / 'products' / 'los_vector.tif'}", *sigma), USAGE, "los_vector.tif"),
        (sigma, USAGE, "no azimuth offsets"),
    ]
    for options, code, named in refusals:
        check_refusal(dinsar(*command, *options), code, named)
    assert not output.exists()
    (looks[1] / "products" / "los_sigma.tif").unlink()
    check_refusal(dinsar(*command, "--azimuth-offsets", f"asc:{unknown}", *sigma), USAGE, "T052D", "--sigma")
