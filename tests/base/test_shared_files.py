"""Small files in folders that several processes share, as the cache is by the runs of a batch."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

from dinsar_cli.base.file_notes import NOTES, known_of, note_of
from dinsar_cli.base.files import alone_in, write_text

PROCESSES, FACTS = 4, 15
_NOTE = """
import sys
from pathlib import Path
from dinsar_cli.base.file_notes import NOTES, note_of
file, mine = Path(sys.argv[1]), sys.argv[2]
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    note_of(file, file.parent / NOTES, **{f"{mine}_{number}": number})
"""


def test_processes_that_note_facts_of_one_file_lose_none(tmp_path: Path) -> None:
    file = tmp_path / "scene.zip"
    file.write_bytes(b"content")
    noting = [
        subprocess.Popen([sys.executable, "-c", _NOTE, str(file), f"p{n}", str(FACTS)], stdin=subprocess.PIPE)
        for n in range(PROCESSES)
    ]
    for process in noting:  # all are about to begin
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()
    assert [process.wait(120) for process in noting] == [0] * PROCESSES
    known = known_of(file, tmp_path / NOTES)
    assert known == {f"p{n}_{number}": number for n in range(PROCESSES) for number in range(FACTS)}
    assert [path.name for path in (tmp_path / NOTES).iterdir()] == ["scene.zip.json"]


def test_threads_take_turns_too(tmp_path: Path) -> None:
    """A note that is half merged by one is not what another one starts from."""
    file = tmp_path / "a"
    file.touch()
    threads = [
        threading.Thread(target=note_of, args=(file, tmp_path / NOTES), kwargs={f"t{n}": n}) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert known_of(file, tmp_path / NOTES) == {f"t{n}": n for n in range(8)}


def test_unfinished_files_have_the_ending_that_is_given(tmp_path: Path) -> None:
    with alone_in(tmp_path) as ending:
        assert ending.endswith(".part")
        write_text(tmp_path / "a.json", json.dumps(1), ending)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
