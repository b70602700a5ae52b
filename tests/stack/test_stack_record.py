"""What the record of a stack keeps from being replaced."""

from __future__ import annotations

from datetime import date

import pytest

from dinsar_cli.errors import UsageError
from dinsar_cli.stack.record import StackRecord, check_same_looks


def test_maps_of_other_looks_are_not_replaced() -> None:
    """With maps of a stack only: both ways out are named, and without maps there is nothing to lose."""
    body = {"looks": "19x7", "pairs": {"20230904_20230916": {}}}
    made = StackRecord("0 0 1 1", date(2023, 9, 4), "eos", body=body)
    with pytest.raises(UsageError) as caught:
        check_same_looks(made, "7x2")
    assert "19x7" in caught.value.problem
    assert "--output" in caught.value.remedy
    assert "--looks 19x7" in caught.value.remedy
    check_same_looks(made, "19x7")
    check_same_looks(None, "7x2")
    check_same_looks(StackRecord("0 0 1 1", date(2023, 9, 4), "eos", body={"looks": "19x7"}), "7x2")
