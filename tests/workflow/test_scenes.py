"""What downloads have brought, counted over several groups of them."""

from __future__ import annotations

import pytest

from dinsar_cli.cli.parts.screen import ScreenReporter
from dinsar_cli.net.download import Transfer
from dinsar_cli.workflow.scenes import Meter


def transfers(*received: int) -> list[Transfer]:
    return [Transfer(100 + count, 200, 1.0, None, count) for count in received]


@pytest.mark.parametrize(
    ("groups", "received"),
    [
        ([(0, 5, 10)], 10),
        ([(0, 5, 10), (0, 3)], 13),  # each counts from zero
        ([(0, 5), (0, 0), (0, 7, 7)], 12),  # nothing to fetch in the second
        ([(0,)], 0),
    ],
)
def test_bytes_that_have_come(groups: list[tuple[int, ...]], received: int) -> None:
    """What was there before a group began is not counted; one callback may serve several groups."""
    for shared in (True, False):
        with ScreenReporter(quiet=True) as reporter:
            meter = Meter(reporter)
            tell = meter.told("files")
            for group in groups:
                tell = tell if shared else meter.told("files")
                for now in transfers(*group):
                    tell(now)
        assert meter.received == received
