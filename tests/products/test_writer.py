"""Products that are written while the next ones are made."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from dinsar_cli.errors import ResourceError
from dinsar_cli.geo.grid import Grid
from dinsar_cli.products.layers import write_products
from dinsar_cli.products.writer import ProductWriter
from support.products import read_product, read_tags

GRID = Grid("EPSG:32629", 500_000.0, 3_500_000.0, 30.0, 70, 50)
TAGS = {"engine": "test"}


def layer(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=GRID.shape).astype(np.float32)


def test_files_are_those_of_writing_at_once(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    arrays = {"coherence": layer(1), "elevation": layer(2)}
    expected = write_products(tmp_path / "one", arrays, GRID, TAGS)
    with ProductWriter(tmp_path / "two", GRID, TAGS) as writer:
        for name, values in arrays.items():
            writer.write({name: values})
    assert [path.name for path in writer.files.values()] == [path.name for path in expected.values()]
    for name, path in writer.files.items():
        assert path.read_bytes() == expected[name].read_bytes()


def test_tags_of_one_write_are_not_those_of_another(tmp_path: Path) -> None:
    with ProductWriter(tmp_path, GRID, TAGS) as writer:
        writer.write({"phase_sigma": layer(1)}, TAGS | {"filter_strength": "0.5"})
        writer.write({"coherence": layer(2)})
    assert read_tags(tmp_path, "phase_sigma")["filter_strength"] == "0.5"
    assert "filter_strength" not in read_tags(tmp_path, "coherence")


def test_all_is_on_the_disk_when_it_was_waited_for(tmp_path: Path) -> None:
    with ProductWriter(tmp_path, GRID, TAGS) as writer:
        writer.write({"coherence": layer(1)})
        writer.wait()
        np.testing.assert_array_equal(read_product(tmp_path, "coherence"), layer(1))


def write_nowhere(folder: Path, error: Exception | None = None) -> None:
    with ProductWriter(folder / "missing", GRID, TAGS) as writer:
        writer.write({"coherence": layer(1)})
        if error is not None:
            raise error


def test_a_disk_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"coherence\.tif cannot be written"):
        write_nowhere(tmp_path)


def test_after_a_failure_elsewhere_it_is_that_failure_which_is_told(tmp_path: Path) -> None:
    before = threading.active_count()
    with pytest.raises(KeyError, match="elsewhere"):
        write_nowhere(tmp_path, KeyError("elsewhere"))
    assert threading.active_count() == before
