"""A simulated archive, and bursts of it that came once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dinsar_cli.simulate import SimulatedStack, simulate
from support.archive import Archive
from support.burst_inputs import EXTRACTOR, SCENARIO, Delivery, fetch, over_the_seam


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStack:
    """Two dates of two slices, each of two subswaths with three bursts."""
    return simulate(SCENARIO, tmp_path_factory.mktemp("simulated") / "new")


@pytest.fixture(scope="session")
def served(simulated: SimulatedStack) -> Iterator[Archive]:
    with Archive.from_simulation(simulated.folder) as running:
        yield running
    assert running.errors == []
    assert running.refused == []


@pytest.fixture
def archive(served: Archive) -> Archive:
    served.rules.clear()
    served.forget()
    return served


@pytest.fixture(scope="session")
def delivery(served: Archive, tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    folder = tmp_path_factory.mktemp("delivery")
    served.log_in(folder)
    roi = over_the_seam(served)
    served.forget()
    fetched = fetch(served, folder, roi)
    statuses: dict[str, list[int]] = {}
    for entry in served.requests(EXTRACTOR, r"\.(tiff|xml)$"):
        if not entry.target.startswith("/login"):
            statuses.setdefault(entry.target, []).append(entry.status)
    return Delivery(served, folder, roi, fetched, served.sent(EXTRACTOR), statuses)
