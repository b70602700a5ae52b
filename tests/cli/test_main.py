"""The commands as a user types them: help, status, clean, doctor, and the way from init to run."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import pytest
import rasterio

from dinsar_cli import __version__
from dinsar_cli.base.disk import human_bytes
from dinsar_cli.base.journal import STAGES, read_journal
from dinsar_cli.cli import COMMANDS, cli
from dinsar_cli.config.file import build_config, load_config
from support.command import PROGRAM, Outcome, run_apart
from support.refusal import snapshot
from support.run_inputs import Inputs, write_inputs
from support.safe_factory import Product

PAIR = "T052D_20230904_20230916"
HEAVY = (
    *("numpy", "rasterio", "pydantic", "scipy", "matplotlib", "shapely", "lxml", "eos", "cv2", "rich", "pyproj"),
    *("pyogrio", "whirlwind", "ruamel", "asf_search", "psutil"),
)


# --- help and version -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"], []])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import atexit, json, sys; "
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr)); "
        "from dinsar_cli.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stderr)}
    assert "click" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_help_names_every_command(dinsar: Callable[..., Outcome]) -> None:
    outcome = dinsar("--help")
    assert (outcome.code, outcome.err) == (0, "")
    for name, text in COMMANDS.items():
        assert any(line.split() == [name, *text.split()] for line in outcome.out.splitlines())


@pytest.mark.parametrize("command", ["stack", "network"])
def test_help_of_many_dates_speaks_of_no_pair_of_products(command: str, dinsar: Callable[..., Outcome]) -> None:
    text = " ".join(dinsar(command, "--help").out.split())
    assert "both dates" not in text
    assert "the pair starts" not in text
    assert text.count("all dates") >= 3


def test_no_command_shows_the_help(dinsar: Callable[..., Outcome]) -> None:
    nothing, asked = dinsar(), dinsar("--help")
    assert (nothing.code, nothing.out, nothing.err) == (0, asked.out, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_short_helps_are_those_of_the_commands(name: str, dinsar: Callable[..., Outcome]) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.get_short_help_str(limit=200) == COMMANDS[name]
    assert command.name == name
    outcome = dinsar(name, "--help")
    assert outcome.code == 0
    assert outcome.out.startswith(f"Usage: dinsar {name} ")
    assert "--debug" in outcome.out
    assert "\\b" not in outcome.out
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.name} has no help"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_tells_json_and_errors_in_it(
    name: str, dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    """With --json an error is on stdout too, in one form; on stderr it is as always."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    options = {option for parameter in command.params for option in parameter.opts}
    assert options >= {"--json", "-q", "--debug"}
    outcome = dinsar(name, "--json", "--debgu")
    error = json.loads(outcome.out)["error"]
    assert outcome.error == (error["what"], error["why"], error["do"])
    assert (outcome.code, error["exit_code"], error["kind"], error["log"]) == (2, 2, "usage", None)
    assert "Did you mean --debug? " in error["do"]


NEAR = {
    ("runn",): "Did you mean run?",
    ("downlaod",): "See: dinsar --help",
    ("download",): "Did you mean fetch?",
    ("run", "--bbox", "1"): "Did you mean --roi?",
    ("run", "--roi", "-8.6", "30.9", "-8.2", "31.2"): "are quoted: --roi 'W S E N'",
    ("extract", "--ouput", "a.csv", ".", "1"): "Did you mean --output?",
    ("export", ".", "--format", "netcfd"): "Did you mean netcdf?",
    ("-q", "run"): "Options come after the command",
    ("compare", "a", "b", "--unit", "mmm"): "Did you mean mm?",
    ("status", "T052D_2"): "Did you mean T052D_20230904?",
}


@pytest.mark.parametrize("command", NEAR)
def test_the_nearest_right_one_is_named(
    command: tuple[str, ...], dinsar: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "T052D_20230904").mkdir()
    outcome = dinsar(*command)
    assert (outcome.code, outcome.out) == (2, "")
    assert NEAR[command] in outcome.error[2]


def test_a_value_and_a_key_get_the_nearest(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    assert "Did you mean isce2?" in dinsar("run", "--engine", "isce").error[1]
    file = tmp_path / "a.yaml"
    file.write_text("lokos: 7x2\ndem:\n  datm: egm96\n")
    causes = dinsar("run", file).error[1]
    assert "Did you mean looks?" in causes
    assert "Did you mean dem.datum?" in causes


def test_no_colour_where_none_is_wanted(tmp_path: Path) -> None:
    """On a terminal errors are coloured, but not with NO_COLOR."""
    shown = {}
    for value in ("", "1"):
        ours, theirs = pty.openpty()
        subprocess.run([*PROGRAM, "runn"], stderr=theirs, env=os.environ | {"NO_COLOR": value}, check=False)
        os.close(theirs)
        shown[value] = os.read(ours, 4096)
        os.close(ours)
    assert b"\x1b[" in shown[""]
    assert b"\x1b" not in shown["1"]


def test_every_option_of_run_tells_its_default(dinsar: Callable[..., Outcome]) -> None:
    said = " ".join(dinsar("run", "--help").out.split())
    assert "default: 19x7" in said
    assert "default: not set" in said


def test_version(dinsar: Callable[..., Outcome]) -> None:
    assert dinsar("--version").out == f"dinsar, version {__version__}\n"


# --- errors -----------------------------------------------------------------------------------------------------


def test_debug_shows_where_an_error_comes_from(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    plain = dinsar("status", "--workdir", tmp_path)
    assert plain.code == 3
    assert str(tmp_path) in plain.error[0]
    assert "Traceback" not in plain.err
    debug = dinsar("status", "--workdir", tmp_path, "--debug")
    assert debug.code == 3
    assert debug.error == plain.error
    assert "Traceback" in debug.err
    assert "pair_folders" in debug.err


def test_a_refused_command_leaves_nothing(dinsar: Callable[..., Outcome], inputs: Inputs, tmp_path: Path) -> None:
    """No log, no folder, whatever is wrong: an option, a product, the area, a DEM that is not there."""
    new = tmp_path / "new"
    good = inputs.options()
    refused: tuple[tuple[object, ...], ...] = (
        ("run",),
        ("run", *good, "--engine", "none"),
        ("run", *good, "--roi", "20 20 21 21"),
        ("run", *inputs.options(dem=tmp_path / "no.tif")),
        ("fetch", *good, "--slc", tmp_path / "no.zip"),
        ("process", *good, "--to", "nowhere"),
        ("plan", *good, "--looks", "0x1"),
        ("stack", *good[:2], "--output", new),
        ("stack", "--slc", tmp_path / "no.zip", "--output", new),
        ("demo", "--engine", "none"),
        ("batch", tmp_path / "no.csv"),
    )
    for command in refused:
        places = () if "--output" in command else ("--workdir", new)
        outcome = dinsar(*command, *places, *(() if command[0] == "demo" else ("--cache", tmp_path / "cache")))
        assert outcome.code in (2, 3), outcome.err
        assert "  Log: " not in outcome.err
        assert list(tmp_path.iterdir()) == [], command


STOPPED = """
import sys
from pathlib import Path
import dinsar_cli.cli as program
from dinsar_cli.cli.options import telling_options
from dinsar_cli.cli.parts.screen import shown_run
from dinsar_cli.errors import NoDataError

@program.cli.command()
@program.click.argument("stages", nargs=-1)
@telling_options
def stopped(stages):
    with shown_run(Path(sys.argv[1]), 0) as reporter:
        reporter.note("what came first")
        for stage in stages:
            reporter.start(stage)
        raise NoDataError("It does not go on.", "Something is missing.", "Look for it.")

program.main(["stopped", *sys.argv[2:]])
"""


def test_a_log_begins_with_the_work(tmp_path: Path) -> None:
    """What fails in the middle has a log with all that came before; what is refused before it has none."""
    program, work = (sys.executable, "-c", STOPPED), tmp_path / "not" / "yet"
    refused = run_apart(work, "search", "slc", program=program)
    assert (refused.code, list(tmp_path.iterdir()), "Log" in refused.err) == (3, [], False)
    for _ in range(2):
        outcome = run_apart(work, "slc", "orbits", program=program)
        (log,) = [line.removeprefix("  Log: ") for line in outcome.err.splitlines() if line.startswith("  Log: ")]
        text = Path(log).read_text()
        assert text.index("what came first") < text.index("stage orbits starts")
    assert len(list((work / "logs").iterdir())) == 2
    assert log == str(max((work / "logs").iterdir()))
    quiet = run_apart(work, "orbits", "-q", program=program)
    assert quiet.err.startswith("Error: It does not go on.")
    assert quiet.out == ""


FAULT = """
import sys
from pathlib import Path
import dinsar_cli.cli as program
from dinsar_cli.cli.parts.screen import logged

@program.cli.command()
@program.click.option("--debug", is_flag=True)
def fault(debug):
    with logged(Path(sys.argv[1]), 0):
        {}["nowhere"]

program.main(["fault", *sys.argv[2:]])
"""


def test_a_fault_of_the_program_is_told_in_three_lines_too(tmp_path: Path) -> None:
    """A command that fails as nobody expects: exit code 1, the traceback in the log or with --debug."""
    program = (sys.executable, "-c", FAULT)
    plain, debug = (run_apart(tmp_path, *options, program=program) for options in ([], ["--debug"]))
    assert (plain.code, debug.code) == (1, 1)
    assert plain.error[0] == "dinsar has failed: KeyError: 'nowhere'"
    assert "fault of the program" in plain.error[1]
    assert "--debug" in plain.error[2]
    assert "Traceback" not in plain.err
    assert "Traceback" in debug.err
    log = Path(next(line for line in plain.err.splitlines() if line.startswith("  Log: ")).removeprefix("  Log: "))
    assert "KeyError: 'nowhere'" in log.read_text()


@pytest.mark.parametrize("limit", [200, 2000])
def test_a_full_disk_in_the_middle_is_no_fault_of_the_program(inputs: Inputs, tmp_path: Path, limit: int) -> None:
    """A limit on the size of files makes the system refuse a write, as a full disk does."""
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); {PROGRAM[-1]}"
    limited = (sys.executable, "-c", code)
    run = run_apart("run", *inputs.options(), "--workdir", tmp_path, "--cache", tmp_path / "cache", program=limited)
    assert run.code == 7
    assert "File too large" in run.error[1]
    assert "disk" in run.error[2]
    assert "Traceback" not in run.err
    assert list(tmp_path.rglob("*.part")) == []
    file = tmp_path / "dinsar.yaml"
    init = run_apart("init", file, program=limited)
    assert init.code == 2
    assert init.error[0] == f"{file} cannot be written."
    assert not file.exists()


# --- a run ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finished:
    """A finished run: what it was made from, its working folder, what it said."""

    inputs: Inputs
    workdir: Path
    said: Outcome

    def copy(self, folder: Path) -> Path:
        """The working folder again, to be changed."""
        return Path(shutil.copytree(self.workdir, folder, symlinks=True))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """One burst of 180 x 360 pixels of true size, twice the same: no displacement."""
    folder = tmp_path_factory.mktemp("finished")
    product = Product(bursts=1, lines=180, samples=360, line_interval=2.0556e-3, range_sampling_rate=64.345e6)
    inputs = write_inputs(folder / "inputs", product, dem_step=0.001)
    # init -> run: looks and the rest come from the file, what is typed wins over it
    file = folder / "dinsar.yaml"
    scenes = [part for scene in inputs.scenes for part in ("--slc", scene)]
    made = run_apart(
        "init", file, *scenes, "--orbits", inputs.orbits, "--dem", inputs.dem, "--dem-datum", "ellipsoid"
    )
    assert made.code == 0, made.err
    text = file.read_text()
    assert "looks: 19x7" in text
    file.write_text(text.replace("looks: 19x7", "looks: 8x2").replace("strength: 0.5", "strength: 0.25"))
    workdir = folder / "work"
    said = run_apart("run", file, "--looks", "4x2", "--workdir", workdir, "--cache", workdir / "cache", "--json")
    assert said.code == 0, said.err
    return Finished(inputs, workdir, said)


def test_flags_win_over_the_file(finished: Finished) -> None:
    config = build_config(load_config(finished.workdir / PAIR / "dinsar.yaml"), {})
    assert str(config.looks) == "4x2"
    assert config.filter.strength == 0.25
    assert config.slc.files == list(finished.inputs.scenes)
    header = read_journal(finished.workdir / PAIR / "run.json")
    assert header["looks"] == "4x2"
    assert header["dinsar"] == __version__


def test_the_same_pixels_twice_have_not_moved(finished: Finished) -> None:
    record = json.loads(finished.said.out)
    assert record["folder"] == str(finished.workdir / PAIR)
    assert record["mean_coherence"] == pytest.approx(1, abs=1e-3)
    assert record["perpendicular_baseline_m"] == pytest.approx(0, abs=0.01)
    with rasterio.open(record["products"]["los_displacement"]) as dataset:
        displacement = dataset.read(1)
    assert np.isfinite(displacement).mean() > 0.5
    assert np.nanmax(np.abs(displacement)) < 1e-5


def test_status_of_a_finished_run(finished: Finished, dinsar: Callable[..., Outcome]) -> None:
    for place in (finished.workdir, finished.workdir / PAIR):
        for option in ([], ["--verify"]):
            outcome = dinsar("status", "--workdir", place, "--json", *option)
            assert (outcome.code, outcome.err) == (0, "")
            record = json.loads(outcome.out)[PAIR]
            assert list(record["stages"]) == list(STAGES)
            assert all(stage["done"] and stage["changed"] == [] for stage in record["stages"].values())
            assert record["stages"]["process"]["peak_memory"] > 10**7
            assert record["engine"] == "eos"
            assert record["pair"]["reference"] == [finished.inputs.reference.name]
    text = dinsar("status", "--workdir", finished.workdir).out
    assert text.splitlines()[0] == f"{PAIR}  (engine eos)"
    assert text.count("done") == len(STAGES)


def test_verify_finds_one_changed_byte(finished: Finished, dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    workdir = finished.copy(tmp_path / "work")
    product = workdir / PAIR / "products" / "los_displacement.tif"
    before, content = product.stat(), bytearray(product.read_bytes())
    content[len(content) // 2] ^= 1
    product.write_bytes(content)
    os.utime(product, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert dinsar("status", "--workdir", workdir).code == 0
    outcome = dinsar("status", "--workdir", workdir, "--verify", "--json")
    assert outcome.code == 8
    stages = json.loads(outcome.out)[PAIR]["stages"]
    changed = {name: stage["changed"] for name, stage in stages.items() if stage["changed"]}
    assert changed == {"displacement": ["products/los_displacement.tif"]}
    text = dinsar("status", "--workdir", workdir, "--verify").out
    assert "changed or missing: products/los_displacement.tif" in text


def test_status_of_a_missing_product(finished: Finished, dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    workdir = finished.copy(tmp_path / "work")
    (workdir / PAIR / "products" / "coherence.tif").unlink()
    outcome = dinsar("status", "--workdir", workdir)
    assert outcome.code == 0
    assert "changed or missing: products/coherence.tif" in outcome.out
    assert dinsar("status", "--workdir", workdir, "--verify").code == 8


def test_clean_keeps_products_inputs_and_journal(
    finished: Finished, dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    workdir = finished.copy(tmp_path / "work")
    folder = workdir / PAIR
    layers = list((folder / "radar").glob("*.npy"))
    radar = sum(file.stat().st_size for file in layers)
    before = {path for path in workdir.rglob("*") if path.is_file()}
    dry = dinsar("clean", "--workdir", workdir, "--dry-run")
    assert dry.code == 0
    assert f"would remove {folder / 'radar'}" in dry.err
    assert {path for path in workdir.rglob("*") if path.is_file()} == before
    cleaned = dinsar("clean", "--workdir", workdir)
    assert cleaned.code == 0
    assert cleaned.out == dry.out.replace("would be", "were") == f"{human_bytes(radar)} were removed.\n"
    left = {path for path in workdir.rglob("*") if path.is_file()}
    assert before - left == set(layers)
    assert all(scene.is_file() for scene in finished.inputs.scenes)
    again = dinsar("clean", "--workdir", workdir)
    assert (again.code, again.out) == (0, "0 B were removed.\n")
    status = json.loads(dinsar("status", "--workdir", workdir, "--json").out)[PAIR]["stages"]
    assert [name for name, stage in status.items() if stage["changed"]] == []
    folders = ("--workdir", workdir, "--cache", finished.workdir / "cache")
    same = dinsar("run", workdir / PAIR / "dinsar.yaml", *folders)
    assert same.err.count("already done") == len(STAGES)
    other = dinsar("run", workdir / PAIR / "dinsar.yaml", *folders, "--posting", "0.003")
    assert other.code == 0, other.err
    assert set(folder.glob("radar/*.npy")) == set(layers)


def test_clean_removes_the_reversed_pair(
    finished: Finished, dinsar: Callable[..., Outcome], tmp_path: Path
) -> None:
    workdir = finished.copy(tmp_path / "work")
    folder = workdir / PAIR
    layer = folder / "reversed" / "radar" / "unwrapped.npy"
    (folder / "reversed" / "isce2").mkdir(parents=True)
    layer.parent.mkdir()
    layer.write_bytes(bytes(5000))
    dry = dinsar("clean", "--workdir", workdir, "--dry-run")
    assert f"would remove {folder / 'reversed'}" in dry.err
    assert layer.is_file()
    cleaned = dinsar("clean", "--workdir", workdir)
    assert cleaned.code == 0
    assert cleaned.out == dry.out.replace("would be", "were")
    assert not (folder / "reversed").exists()
    assert (folder / "products" / "los_displacement.tif").is_file()


def test_clean_everything(finished: Finished, dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    workdir = finished.copy(tmp_path / "work")
    outcome = dinsar("clean", "--workdir", workdir, "--cache", workdir / "cache", "--products", "--with-cache")
    assert outcome.code == 0
    assert not (workdir / PAIR).exists()
    assert not (workdir / "cache" / "dem").exists()
    assert (workdir / "cache" / "step-costs.jsonl").is_file()  # what was learnt cannot be made again
    assert all(path.is_file() for path in (*finished.inputs.scenes, finished.inputs.dem))
    assert dinsar("status", "--workdir", workdir).code == 3
    assert finished.workdir.is_dir()


def test_clean_touches_nothing_that_is_not_a_run(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    kept = tmp_path / "radar" / "thesis.txt"
    kept.parent.mkdir()
    kept.write_text("years of work")
    outcome = dinsar("clean", "--workdir", tmp_path, "--products")
    assert outcome.code == 3
    assert kept.read_text() == "years of work"


def test_quiet_and_verbose(finished: Finished, dinsar: Callable[..., Outcome]) -> None:
    """A finished run that is asked for again says nothing, its result, or all; with JSON that, whatever else."""
    file = finished.workdir / PAIR / "dinsar.yaml"
    folders = ["--workdir", finished.workdir, "--cache", finished.workdir / "cache"]
    quiet, plain, verbose = (dinsar("run", file, *folders, *option) for option in (["-q"], [], ["-vv"]))
    assert quiet.code == plain.code == verbose.code == 0
    said = [re.sub(r"took +\S+ \w+", "took", outcome.out) for outcome in (plain, verbose)]
    assert said[0] == said[1]
    assert (quiet.out, quiet.err) == ("", "")
    asked = dinsar("run", file, *folders, "--quiet", "--json")
    assert (json.loads(asked.out)["folder"], asked.err) == (str(finished.workdir / PAIR), "")
    # paths last and few: the map and the report, and what to do next
    products = finished.workdir / PAIR / "products"
    paths = [line.split()[-1] for line in plain.out.splitlines() if str(finished.workdir) in line]
    assert paths == [str(products / "displacement.png"), str(products / "report.html")]
    assert plain.out.splitlines()[-1].split() == ["report", paths[-1]]
    assert plain.err.splitlines()[-1] == f"Next: dinsar view {finished.workdir / PAIR}"
    assert plain.err.count("already done") == len(STAGES)
    assert "DEBUG" in verbose.err
    assert "DEBUG" not in plain.err


def test_a_map_of_other_looks_is_kept(finished: Finished, dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    """Its files are the same to the byte, with how they were made beside them; it is told before, and only then."""
    workdir = finished.copy(tmp_path / "work")
    file, folders = workdir / PAIR / "dinsar.yaml", ("--workdir", workdir, "--cache", finished.workdir / "cache")
    before = snapshot(workdir / PAIR / "products")
    config = file.read_text()
    other = dinsar("run", file, *folders, "--looks", "8x2")
    assert other.code == 0, other.err
    told = next(n for n, line in enumerate(other.err.splitlines()) if "is kept as products_4x2" in line)
    assert told < next(n for n, line in enumerate(other.err.splitlines()) if line.startswith("interferogram"))
    kept = workdir / PAIR / "products_4x2"
    after = snapshot(kept)
    assert {path.name: value for path, value in before.items()}.items() <= {
        path.name: value for path, value in after.items()
    }.items()
    assert (kept / "dinsar.yaml").read_text() == config
    for place, looks in ((kept, "4x2"), (workdir / PAIR / "products", "8x2")):
        with rasterio.open(place / "los_displacement.tif") as dataset:
            assert dataset.tags()["looks"] == looks
        assert dinsar("view", place, "--no-open").out == f"{place / 'report.html'}\n"
    again = dinsar("run", file, *folders)
    assert (again.err.count("already done"), "is kept as" in again.err) == (len(STAGES), False)


# --- init and doctor --------------------------------------------------------------------------------------------


def test_init_does_not_overwrite(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    file = tmp_path / "dinsar.yaml"
    assert dinsar("init", file).code == 0
    assert json.loads((tmp_path / "dinsar.schema.json").read_text())["type"] == "object"
    file.write_text("mine")
    outcome = dinsar("init", file)
    assert outcome.code == 2
    assert str(file) in outcome.error[0]
    assert "--force" in outcome.error[2]
    assert file.read_text() == "mine"
    assert dinsar("init", file, "--force").code == 0
    assert build_config(load_config(file), {}) == build_config(None, {})


def test_init_takes_what_a_run_takes(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    given = ("--start", "20230901", "--end", "1.10.2023", "--event", "2023-09-08 22:11", "--looks", "7x2")
    made = dinsar("init", file, *given, "--roi", "-8.6 30.9 -8.2 31.2", "--json")
    assert [Path(path).name for path in json.loads(made.out)["files"]] == ["a.yaml", "dinsar.schema.json"]
    config = build_config(load_config(file), {})
    assert (str(config.start), str(config.end), str(config.looks)) == ("2023-09-01", "2023-10-01", "7x2")
    assert str(config.event) == "2023-09-08 22:11:00+00:00"
    both = dinsar("init", tmp_path / "b.yaml", "--start", "01/10/2023")
    assert (both.code, "write 2023-10-01 or 2023-01-10" in both.error[1]) == (2, True)
    assert not (tmp_path / "b.yaml").exists()


def test_doctor_says_what_there_is(dinsar: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = dinsar("doctor", "--workdir", tmp_path, "--cache", tmp_path / "not" / "yet", "--json")
    findings = {finding["name"]: finding for finding in json.loads(outcome.out)}
    assert findings["dinsar"]["state"] == __version__
    assert "eos-sar 0.43.1" in findings["engine eos"]["state"]
    assert findings["numpy"]["state"] == np.__version__
    assert str(tmp_path) in findings["working folder"]["state"]
    assert all(finding["good"] or finding["remedy"] for finding in findings.values())
    # of engines one is enough, and no run needs MintPy
    assert (findings["engine eos"]["good"], findings["engine isce2"]["good"]) == (True, False)
    assert outcome.code == findings["engine isce2"]["code"] == findings["MintPy"]["code"] == 0
    assert list(tmp_path.iterdir()) == []
    text = dinsar("doctor", "--workdir", tmp_path, "--cache", tmp_path).out
    assert len(text.splitlines()) >= len(findings)
