"""YAML that would take hours or all memory: told in a moment what is wrong with it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from dinsar_cli.config.file import build_config, load_config
from dinsar_cli.config.yaml_text import load_yaml
from dinsar_cli.errors import UsageError

NINE = "abcdefghijkl"
_PAIRS = list(pairwise(NINE))
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{this}: &{this} [{','.join([f'*{before}'] * 9)}]\n" for before, this in _PAIRS
)
MERGED = "a: &a {x: 1}\n" + "".join(
    f"{this}: &{this}\n  <<: [{','.join([f'*{before}'] * 9)}]\n" for before, this in _PAIRS
)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (f"{BOMB}looks: *l\n", "aliases"),
        (f"{BOMB}slc: {{files: *l}}\n", "aliases"),
        (MERGED, "aliases"),
        ("looks: &a [*a]\n", "holds itself"),
        (f"looks: {'[' * 3000}{']' * 3000}\n", "nested"),
        (f"looks:\n  {'- ' * 3000}x\n", "nested"),
        (f"track: {'9' * 5000}\n", "5000 digits"),
        (f"track: 0x{'f' * 5000}\n", "digits"),
        ("roi: !!bool maybe\n", "its tag"),
        ('orbits: {dir: "a\\0b"}\n', "zero byte"),
        (f"roi: {'x' * 9_000_000}\n", "more than 8.39 MB"),
    ],
)
def test_what_no_configuration_has(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        build_config(load_config(path), {})
    assert str(path) in caught.value.problem
    assert word in caught.value.cause


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes("looks: 7x2\nengine: eos\n".encode(encoding))
    with pytest.raises(UsageError) as caught:
        load_config(path)
    assert "UTF-16" in caught.value.cause


def test_aliases_have_their_use() -> None:
    text = "a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: [*a, *a]\n"
    assert load_yaml(text) == {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": [{"x": 1}, {"x": 1}]}


def test_a_value_is_told_in_short_however_large_it_is() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (deep, 10**6000, {"k": "x" * 10**6}, [10**6000] * 1000):
        with pytest.raises(UsageError) as caught:
            build_config({"looks": value}, {})
        assert len(caught.value.cause) < 400
