"""How much memory a process may use, as its control groups say."""

from __future__ import annotations

from pathlib import Path

import pytest

from dinsar_cli.base.memory import memory_limit
from support.command import run_apart


def write(files: dict[str, str], folder: Path) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("membership", "files", "limit"),
    [
        ("0::/job\n", {"job/memory.max": "3000000000\n", "memory.max": "max\n"}, 3_000_000_000),
        ("0::/job/step\n", {"job/memory.max": "2000000000\n", "job/step/memory.max": "max\n"}, 2_000_000_000),
        ("0::/\n", {}, None),
        ("0::/job\n", {"job/memory.max": "max\n"}, None),
        ("5:cpu:/a\n4:memory:/a\n", {"memory/a/memory.limit_in_bytes": "1073741824\n"}, 2**30),
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),
        ("nonsense\n", {}, None),
    ],
)
def test_least_limit_counts(membership: str, files: dict[str, str], limit: int | None, tmp_path: Path) -> None:
    groups = write(files, tmp_path / "groups")
    write({"cgroup": membership}, tmp_path)
    assert memory_limit(groups, tmp_path / "cgroup") == limit


def test_no_groups_no_limit(tmp_path: Path) -> None:
    assert memory_limit(tmp_path, tmp_path / "cgroup") is None


def test_doctor_tells_the_proxy_and_not_its_password(tmp_path: Path) -> None:
    proxy = "https_proxy=http://somebody:hidden@proxy.example:3128"
    told = run_apart("doctor", "--workdir", tmp_path, "--cache", tmp_path, before=("env", proxy))
    assert "https through proxy.example:3128" in told.out
    assert "hidden" not in told.out + told.err
    assert "run.json" in told.out.splitlines()[-1]
