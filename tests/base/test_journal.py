"""Atomic files, the journal, the lock: what must hold when a process ends at the wrong moment."""

from __future__ import annotations

import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dinsar_cli.base.disk import check_disk, human_bytes
from dinsar_cli.base.files import atomic_path, fingerprint, make_folder, sha256, write_text
from dinsar_cli.base.journal import FileRecord, Journal, StageRecord, locked, read_journal
from dinsar_cli.errors import ResourceError, UsageError
from support.command import Outcome
from support.run_inputs import Inputs


@contextmanager
def program(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Another Python process that has printed ``ready``; it is killed at the end."""
    command = [sys.executable, "-c", code, *(str(argument) for argument in arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert select.select([process.stdout], [], [], 20)[0]
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


# --- files ------------------------------------------------------------------------------------------------------


def test_a_file_gets_its_name_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with atomic_path(path) as part:
        part.write_text("new")
        assert not path.exists()
        assert part.parent == path.parent  # a rename between file systems is no rename
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_exception_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def fail() -> None:
        with atomic_path(path) as part:
            part.write_text("half")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


HALF = """
import sys, time
from pathlib import Path
from dinsar_cli.base.files import atomic_path
with atomic_path(Path(sys.argv[1])) as part, part.open("w") as file:
    file.write("half of the new content")
    file.flush()
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with program(HALF, path) as process:
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=20) == -signal.SIGKILL
    assert path.read_text() == "old"
    write_text(path, "new")  # what the other left behind is no obstacle
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_never_was_has_no_name_after_a_kill(tmp_path: Path) -> None:
    with program(HALF, tmp_path / "file.txt") as process:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=20)
    assert not (tmp_path / "file.txt").exists()


def test_readers_see_the_old_or_the_new_text(tmp_path: Path) -> None:
    """While another process replaces a file as fast as it can, every read finds one whole version."""
    path = tmp_path / "file.txt"
    versions = [str(digit) * 20_000 for digit in range(10)]
    write_text(path, versions[0])
    code = """
import sys
from pathlib import Path
from dinsar_cli.base.files import write_text
print("ready", flush=True)
while True:
    for digit in range(10):
        write_text(Path(sys.argv[1]), str(digit) * 20_000)
"""
    seen: set[str] = set()
    deadline = time.monotonic() + 30
    with program(code, path):
        while len(seen) < 5 and time.monotonic() < deadline:
            seen |= {path.read_text() for _ in range(100)}
    assert seen <= set(versions)
    assert len(seen) >= 5


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    assert make_folder(tmp_path / "a" / "b").is_dir()
    assert list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"file/below cannot be used\.\n.*Not a directory"):
        make_folder(tmp_path / "file" / "below")


def test_sha256_of_more_than_a_block(tmp_path: Path) -> None:
    content = os.urandom((4 << 20) + 17)
    (tmp_path / "file").write_bytes(content)
    assert sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_check_disk(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    check_disk(tmp_path, free // 2, "the map")
    with pytest.raises(ResourceError, match=r"disk space for the map\.\n.* 1000000\.0 GB in .* free") as refused:
        check_disk(tmp_path, 10**15, "the map")
    assert str(tmp_path) in refused.value.cause


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_500_000, "1.5 MB"), (2.5e9, "2.5 GB"), (1e13, "10000.0 GB")],
)
def test_bytes_for_people(count: float, text: str) -> None:
    assert human_bytes(count) == text


# --- fingerprints -----------------------------------------------------------------------------------------------


def test_fingerprints_do_not_depend_on_the_process() -> None:
    value = {"b": [1, 2.5, None, True], "a": Path("/data/x"), "c": ("one", {"d": 1e-300})}
    mark = fingerprint(value)
    assert mark == fingerprint(dict(reversed(value.items())))
    assert len(mark) == 16
    code = (
        "from pathlib import Path; from dinsar_cli.base.files import fingerprint; print(fingerprint("
        "{'c': ('one', {'d': 1e-300}), 'a': Path('/data/x'), 'b': [1, 2.5, None, True]}))"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        )
        assert done.stdout.strip() == mark


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.5),
        ("1", 1),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"b": 1}),
        ([["a"], "b"], [["a", "b"]]),
        (None, 0),
        (0.1 + 0.2, 0.3),
        (Path("/a"), Path("/b")),
    ],
)
def test_different_things_have_different_fingerprints(one: object, other: object) -> None:
    assert fingerprint(one) != fingerprint(other)


# --- journal ----------------------------------------------------------------------------------------------------


@pytest.fixture
def product(tmp_path: Path) -> Path:
    path = tmp_path / "products" / "map.tif"
    path.parent.mkdir()
    path.write_bytes(b"content")
    return path


def noted(folder: Path, *files: Path, hashed: bool = True) -> Journal:
    journal = Journal(folder / "run.json", {"dinsar": "1.0"})
    journal.put(
        "dem",
        StageRecord("mark", seconds=1.5, peak_memory=7, details={"a": [1]}),
        files,
        hash_of=sha256 if hashed else None,
    )
    return journal


def touch_later(path: Path) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


def test_a_journal_reads_what_it_wrote(tmp_path: Path, product: Path) -> None:
    journal = noted(tmp_path, product)
    again = Journal.open(tmp_path / "run.json")
    assert again == journal
    (file,) = again.stages["dem"].files
    assert file == FileRecord(
        "products/map.tif", 7, product.stat().st_mtime_ns, hashlib.sha256(b"content").hexdigest()
    )
    assert json.loads((tmp_path / "run.json").read_text())["schema_version"] == 1


def test_a_stage_holds_as_long_as_mark_and_files_do(tmp_path: Path, product: Path) -> None:
    noted(tmp_path, product)
    journal = Journal.open(tmp_path / "run.json")
    assert journal.holds("dem", "mark")
    assert not journal.holds("dem", "another mark")
    assert not journal.holds("process", "mark")
    touch_later(product)
    assert not journal.holds("dem", "mark")
    noted(tmp_path, product)
    product.write_bytes(b"more content")
    assert not Journal.open(tmp_path / "run.json").holds("dem", "mark")
    noted(tmp_path, product)
    product.unlink()
    assert not Journal.open(tmp_path / "run.json").holds("dem", "mark")


def test_files_within_the_folder_move_with_it(tmp_path: Path) -> None:
    folder, outside = tmp_path / "pair", tmp_path / "dem.tif"
    folder.mkdir()
    for path in (folder / "map.tif", outside):
        path.write_bytes(b"x")
    noted(folder, folder / "map.tif", outside)
    moved = folder.rename(tmp_path / "elsewhere")
    journal = Journal.open(moved / "run.json")
    assert [file.path for file in journal.stages["dem"].files] == ["map.tif", str(outside)]
    assert journal.holds("dem", "mark")


def test_verify_looks_at_the_content(tmp_path: Path, product: Path) -> None:
    """A byte that changed while size and time stayed is only seen with `verify`; a new time alone is no change."""
    stage = noted(tmp_path, product).stages["dem"]
    journal = Journal.open(tmp_path / "run.json")
    before = product.stat()
    product.write_bytes(b"cOntent")
    os.utime(product, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert journal.changed(stage) == []
    assert journal.changed(stage, verify=True) == ["products/map.tif"]
    product.write_bytes(b"content")
    touch_later(product)
    assert journal.changed(stage) == ["products/map.tif"]
    assert journal.changed(stage, verify=True) == []


def test_files_without_a_hash_are_verified_by_their_time(tmp_path: Path, product: Path) -> None:
    journal = noted(tmp_path, product, hashed=False)
    stage = journal.stages["dem"]
    assert stage.files[0].sha256 is None
    touch_later(product)
    assert journal.changed(stage, verify=True) == ["products/map.tif"]


def test_an_unchanged_input_is_not_hashed_again(tmp_path: Path) -> None:
    """A sparse file of 400 GB: its hash would take minutes."""
    scene = tmp_path / "scene.zip"
    scene.write_bytes(b"x")
    journal = noted(tmp_path, scene)
    with scene.open("wb") as file:
        file.truncate(400 * 10**9)
    status = scene.stat()
    old = journal.stages["dem"].files[0]
    known = FileRecord(old.path, status.st_size, status.st_mtime_ns, "0" * 64)
    journal.stages["dem"] = StageRecord("mark", (known,))
    journal.put("slc", StageRecord("mark"), [scene], hash_of=sha256)
    assert journal.stages["slc"].files == (known,)


def test_forget_drops_stages_for_good(tmp_path: Path, product: Path) -> None:
    journal = noted(tmp_path, product)
    journal.put("process", StageRecord("other"), [])
    journal.forget(["process", "geocode"])
    assert list(journal.stages) == list(Journal.open(tmp_path / "run.json").stages) == ["dem"]
    before = (tmp_path / "run.json").stat().st_mtime_ns
    journal.forget(["process"])
    assert (tmp_path / "run.json").stat().st_mtime_ns == before  # nothing to drop, nothing written


def test_a_repeated_stage_comes_last(tmp_path: Path, product: Path) -> None:
    journal = noted(tmp_path, product)
    journal.put("process", StageRecord("other"), [])
    journal.put("dem", StageRecord("new mark"), [product])
    assert list(Journal.open(tmp_path / "run.json").stages) == ["process", "dem"]


def test_a_journal_that_is_not_there_or_of_another_version_is_empty(tmp_path: Path, product: Path) -> None:
    assert Journal.open(tmp_path / "run.json").stages == {}
    noted(tmp_path, product)
    text = (tmp_path / "run.json").read_text().replace('"schema_version": 1', '"schema_version": 0')
    (tmp_path / "run.json").write_text(text)
    assert Journal.open(tmp_path / "run.json").stages == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"stages": {"dem": ',
        b"[]",
        b'{"schema_version": 1}',
        b'{"schema_version": 1, "stages": []}',
        b'{"schema_version": 1, "stages": {"dem": 5}}',
        b'{"schema_version": 1, "stages": {"dem": {}}}',
        b'{"schema_version": 1, "stages": {"dem": {"files": [], "fingerprint": "a", "colour": 1}}}',
        b'{"schema_version": 1, "stages": {"dem": {"files": ["map.tif"], "fingerprint": "a"}}}',
        b"\xff\xfe\x00",
    ],
)
def test_a_broken_journal_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"run\.json is not a journal of dinsar\.\n(.|\n)*Remove it"):
        Journal.open(path)
    assert path.read_bytes() == content


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a journal"):
        read_journal(tmp_path)


# --- lock -------------------------------------------------------------------------------------------------------

HOLD = """
import sys, time
from pathlib import Path
from dinsar_cli.base.journal import locked
with locked(Path(sys.argv[1])):
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    with program(HOLD, tmp_path) as process:
        with pytest.raises(UsageError, match=r"is in use\.\nAnother dinsar process") as refused, locked(tmp_path):
            pass
        assert str(tmp_path) in refused.value.problem
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=20)
        with locked(tmp_path):
            pass


def test_the_lock_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="inside"), locked(tmp_path):
        raise RuntimeError("inside")
    with locked(tmp_path):
        pass


def test_a_run_in_a_folder_in_use(dinsar: Callable[..., Outcome], inputs: Inputs, tmp_path: Path) -> None:
    folder = tmp_path / "T052D_20230904_20230916"
    folder.mkdir()
    with program(HOLD, folder):
        for command in (["run", *inputs.options(), "--cache", tmp_path], ["clean"]):
            write_text(folder / "run.json", '{"schema_version": 1, "stages": {}}')
            before = (folder / "run.json").read_text()
            outcome = dinsar(*command, "--workdir", tmp_path)
            assert outcome.code == 2
            assert outcome.error[0] == f"{folder} is in use."
            assert (folder / "run.json").read_text() == before
