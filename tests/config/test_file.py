"""The configuration as a file: the YAML round trip, help, the schema and `dinsar init`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result
from pyproj import CRS
from ruamel.yaml import YAML

from dinsar_cli.cli.init import init
from dinsar_cli.config.file import build_config, dump_commented_yaml, json_schema, load_config
from dinsar_cli.config.keys import config_keys, help_text
from dinsar_cli.config.model import RunConfig
from dinsar_cli.errors import UsageError


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_relative_paths_belong_to_the_folder_of_the_file(tmp_path: Path) -> None:
    text = (
        "roi: area.geojson\nslc: {files: [a.zip, /b.zip]}\norbits: {dir: orb}\ndem: {file: ../dem.tif}\n"
        "topsapp: {auxiliary_data_directory: aux, extra: {geocode demfilename: geo.dem}}\n"
    )
    config = build_config(load_config(written(tmp_path / "run.yaml", text)), {})
    assert config.roi == str(tmp_path / "area.geojson")
    assert config.slc.files == [tmp_path / "a.zip", Path("/b.zip")]
    assert config.orbits.dir == tmp_path / "orb"
    assert config.dem.file == tmp_path / ".." / "dem.tif"
    assert config.topsapp.auxiliary_data_directory == tmp_path / "aux"
    assert config.topsapp.extra == {"geocode demfilename": "geo.dem"}  # what is a path there is not known
    home = build_config(load_config(written(tmp_path / "home.yaml", "dem: {file: ~/dem.tif}")), {})
    assert home.dem.file == Path.home() / "dem.tif"
    # From the command line they belong to the current folder.
    assert build_config(None, {"dem.file": "dem.tif"}).dem.file == Path.cwd() / "dem.tif"


def test_roi_of_other_forms_is_left_as_it_is(tmp_path: Path) -> None:
    wkt = "POLYGON((0.5 0, 1 0, 1 1.5, 0.5 0))"
    assert build_config(load_config(written(tmp_path / "a.yaml", f"roi: {wkt}")), {}).roi == wkt
    geojson = '{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}'
    assert build_config(load_config(written(tmp_path / "b.yaml", f"roi: {geojson}")), {}).roi == geojson


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("looks: 1x1\nlooks: 2x2\n", "Line 2, column 1"),
        ("dem:\n  file: x\n  file: y\n", "Line 3, column 3"),
        ("a: [1\nb: 2\n", "Line 2"),
        ("a:\tb: c", "Line 1, column 3"),
        ("a: !!python/object/apply:os.system [ls]", "constructor"),
        ("a: 1\n---\nb: 1\n", "another document"),
        ("- 1\n", "list"),
        ("just text", "str"),
        ("roi: 2023-13-45\n", "month"),
        ("[" * 5000, "nested"),
        ("\x01", "not allowed"),
    ],
)
def test_broken_yaml_is_refused_with_its_place(tmp_path: Path, text: str, word: str) -> None:
    path = written(tmp_path / "bad.yaml", text)
    with pytest.raises(UsageError) as caught:
        load_config(path)
    assert str(path) in caught.value.problem
    assert word in caught.value.cause
    assert len(str(caught.value).splitlines()) == 3


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path, tmp_path / "absent.yaml", tmp_path / "binary.yaml"):
        with pytest.raises(UsageError, match="cannot be read"):
            load_config(path)
    assert load_config(written(tmp_path / "empty.yaml", "# nothing\n")) == {}


ROUND_TRIPS: list[dict[str, object]] = [
    {},
    {"looks": "7x2", "reference_point": "12.5,-4.5e-7", "compute.memory": "1.5GiB", "compute.threads": "4"},
    {"resolution": 30, "grid.crs": "utm", "grid.posting": "30", "dem.datum": "egm2008", "reference_point": "none"},
    {"slc.files": ("a: b#.zip", "ñ \"x' .zip", "{c}, [d]", "x" * 200), "orbits.dir": "null", "dem.file": "~/1e3"},
    {"roi": "10 45 11 46", "polarization": "vv", "engine": "eos", "grid.posting": 0.00001},
    {"grid.crs": CRS.from_epsg(2154).to_wkt(), "grid.origin": "12.5,-1e7"},
    {"roi": '{"type": "Polygon", "coordinates": [[[0,0],[1,0],[1,1],[0,0]]]}', "compute.memory": "256000001"},
    {"topsapp.do_esd": True, "topsapp.use_gpu": False, "output.intermediates": "keep", "isce2.timeout": 1 / 3},
    {
        "topsapp.extra": {"a b": "true", "n" * 100: [1, 2.5, True, "x: y"]},
        "topsapp.auxiliary_data_directory": "aux",
    },
    {"topsapp.areas_masked_out_in_ionospheric_phase_estimation": [[1, 2, -1, -1], [5, 6, 7, 8]]},
    {"roi": "area.shp", "unwrap.reliability": 0, "filter.strength": 1, "dem.buffer": 1 / 3},
]


@pytest.mark.parametrize("overrides", ROUND_TRIPS)
def test_commented_yaml_gives_an_equal_config_from_any_folder(tmp_path: Path, overrides: dict[str, object]) -> None:
    config = build_config(None, overrides)
    text = dump_commented_yaml(config)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    again = build_config(load_config(written(folder / "dinsar.yaml", text)), {})
    assert again == config
    assert dump_commented_yaml(again) == text


def test_every_key_is_in_the_yaml_under_its_explanation() -> None:
    text = dump_commented_yaml(RunConfig())
    words = " ".join(line.strip().removeprefix("# ") for line in text.splitlines())
    for key in config_keys():
        assert f"{help_text(key)} {key.rpartition('.')[2]}: " in words
    loaded = YAML(typ="safe", pure=True).load(text)
    leaves = {f"{a}.{b}" for a, v in loaded.items() if isinstance(v, dict) for b in v}
    leaves |= {name for name, value in loaded.items() if not isinstance(value, dict)}
    assert leaves == set(config_keys())


def test_help_tells_range_unit_and_default() -> None:
    assert help_text("dem.buffer").endswith("[0 to 2 degrees; default: 0.2]")
    assert help_text("looks").endswith("[RGxAZ like 19x7, each 1 to 200; default: 19x7]")
    assert help_text("dem.datum").endswith("[ellipsoid, egm96, egm2008; default: not set]")
    help_of_esd = help_text("topsapp.esd_coherence_threshold")
    assert help_of_esd.endswith("[0 to 1; default: 0.7; done again from: esd]")
    assert help_text("topsapp.do_esd").endswith("[true or false; default: false; done again from: subsetoverlaps]")
    assert help_text("output.intermediates").endswith("[keep, geocoded, delete; default: geocoded]")
    for key in config_keys():
        assert ("done again from: " in help_text(key)) == key.startswith("topsapp.")
        assert re.fullmatch(r"[A-Z].*\. \[.+; default: .+\]", help_text(key)), key
    for unknown in ("dem", "dem.nothing", "nothing", "looks.range"):
        with pytest.raises(KeyError):
            help_text(unknown)


def schema_leaves(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    leaves = {}
    section, word = schema["properties"]["mask"]["anyOf"]  # one word may stand for all of it
    assert word == {"const": "none"}
    for name, field in (schema["properties"] | {"mask": section}).items():
        if "$ref" in field:
            section = schema["$defs"][field["$ref"].rpartition("/")[2]]
            assert section["additionalProperties"] is False
            leaves |= {f"{name}.{key}": value for key, value in section["properties"].items()}
        else:
            leaves[name] = field
    return leaves


def test_schema_describes_every_key() -> None:
    schema = json.loads(json.dumps(json_schema()))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["additionalProperties"] is False
    leaves = schema_leaves(schema)
    assert tuple(leaves) == config_keys()
    for key, field in leaves.items():
        assert field["description"] == help_text(key)
        assert build_config(None, {}) == build_config(None, {key: field["default"]})
    assert (leaves["dem.buffer"]["minimum"], leaves["dem.buffer"]["maximum"]) == (0, 2)
    assert re.fullmatch(leaves["looks"]["pattern"], "19x7")
    assert leaves["topsapp.do_esd"]["type"] == "boolean"
    assert leaves["topsapp.use_gpu"]["enum"] == ["auto", True, False]
    assert leaves["topsapp.extra"]["type"] == "object"
    assert leaves["polarization"]["enum"] == ["auto", "vv", "hh", "vh", "hv"]
    # Words of pydantic that editors do not know would leave a range unchecked.
    assert not re.search(r'"(ge|gt|le|lt)"', json.dumps(schema))


def test_import_stays_light() -> None:
    code = (
        "import sys, dinsar_cli.config.file, dinsar_cli.cli.init\n"
        "heavy = {'numpy', 'shapely', 'rasterio', 'pyogrio', 'pyproj', 'scipy', 'ruamel', 'eos'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def run_init(*arguments: str | Path) -> Result:
    return CliRunner().invoke(init, [str(argument) for argument in arguments])


def test_init_writes_a_file_that_loads_and_its_schema(tmp_path: Path) -> None:
    target = tmp_path / "my run.yaml"
    options = ("--slc", "/a.zip", "--slc", "/b.zip", "--orbits", "/orb", "--dem", "/d.tif", "--dem-datum", "egm96")
    result = run_init(target, *options, "--roi", "10 45 11 46")
    assert result.exit_code == 0
    schema = tmp_path / "dinsar.schema.json"
    assert result.stdout.splitlines() == [str(target), str(schema)]
    assert f"dinsar run '{target}'" in result.stderr
    first = target.read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=./dinsar.schema.json"
    assert json.loads(schema.read_text()) == json_schema()
    config = build_config(load_config(target), {})
    assert config.slc.files == [Path("/a.zip"), Path("/b.zip")]
    assert (config.orbits.dir, config.dem.file, config.dem.datum) == (Path("/orb"), Path("/d.tif"), "egm96")
    assert config.roi == "10 45 11 46"
    assert {path.name for path in tmp_path.iterdir()} == {"my run.yaml", "dinsar.schema.json"}


def test_init_without_schema_writes_one_file(tmp_path: Path) -> None:
    result = run_init(tmp_path / "a.yaml", "--no-schema")
    assert result.stdout.splitlines() == [str(tmp_path / "a.yaml")]
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]
    assert "language-server" not in (tmp_path / "a.yaml").read_text()


def test_init_keeps_what_exists_unless_forced(tmp_path: Path) -> None:
    target = written(tmp_path / "a.yaml", "mine")
    result = run_init(target)
    assert isinstance(result.exception, UsageError)
    assert "--force" in result.exception.remedy
    assert target.read_text() == "mine"
    assert not (tmp_path / "dinsar.schema.json").exists()
    assert run_init(target, "--force").exit_code == 0
    assert build_config(load_config(target), {}) == RunConfig()
    # A second configuration in the folder shares the schema; a foreign file of its name is kept.
    assert run_init(tmp_path / "b.yaml").exit_code == 0
    written(tmp_path / "dinsar.schema.json", "{}")
    assert isinstance(run_init(tmp_path / "c.yaml").exception, UsageError)
    assert not (tmp_path / "c.yaml").exists()


def test_init_refuses_places_and_values_that_cannot_be(tmp_path: Path) -> None:
    written(tmp_path / "file", "")
    cases: dict[tuple[str | Path, ...], str] = {
        (tmp_path / "absent" / "a.yaml",): "There is no folder",
        (tmp_path / "file" / "a.yaml",): "There is no folder",
        (tmp_path,): "folder",
        (tmp_path / ("x" * 300),): "too long",
        (tmp_path / "dinsar.schema.json",): "schema",
        (tmp_path / "a.yaml", "--dem-datum", "sea"): "ellipsoid",
        (tmp_path / "a.yaml", "--roi", "46 10 45 11"): "'S N W E'",
    }
    for arguments, word in cases.items():
        error = run_init(*arguments).exception
        assert isinstance(error, UsageError)
        assert word in error.cause
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_with_a_system_is_that_beside_the_configuration(tmp_path: Path) -> None:
    file = written(tmp_path / "run.yaml", "grid: {crs: national.prj}\n")
    assert build_config(load_config(file), {}).grid.crs == str(tmp_path / "national.prj")
    assert build_config(None, {"grid.crs": "national.prj"}).grid.crs == str(Path.cwd() / "national.prj")


def test_a_raster_decides_on_the_grid_alone(tmp_path: Path) -> None:
    """Of file and command line; written down, it can be read again; and the schema says the same."""
    file = written(tmp_path / "run.yaml", "grid: {like: map.tif}\n")
    config = build_config(load_config(file), {})
    assert config.grid.like == tmp_path / "map.tif"
    again = build_config(load_config(written(tmp_path / "again.yaml", dump_commented_yaml(config))), {})
    assert again == config
    for key, value in (("crs", "utm"), ("crs", "EPSG:4326"), ("posting", 0.001), ("origin", "1,2")):
        with pytest.raises(UsageError, match=r"grid\.like") as refused:
            build_config({"grid": {"like": "map.tif", key: value}}, {})
        assert f"grid.{key}" in refused.value.cause
        with pytest.raises(UsageError, match=r"grid\.like"):
            build_config(None, {"grid.like": "map.tif", f"grid.{key}": value})
        # what is typed wins over the file
        typed = build_config(load_config(file), {f"grid.{key}": value}).grid
        assert (typed.like, str(getattr(typed, key))) == (None, {"1,2": "1.0,2.0"}.get(str(value), str(value)))
        assert build_config({"grid": {key: value}}, {"grid.like": "map.tif"}).grid.like == Path.cwd() / "map.tif"
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"grid": {"like": "map.tif", key: value}}, json_schema())
    jsonschema.validate({"grid": {"like": "map.tif", "posting": None}}, json_schema())
    jsonschema.validate({"grid": {"crs": "utm", "posting": 90}}, json_schema())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_init_refuses_a_folder_that_is_not_writable(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    error = run_init(tmp_path / "a.yaml").exception
    tmp_path.chmod(0o700)
    assert isinstance(error, UsageError)
    assert "ermission" in error.cause
