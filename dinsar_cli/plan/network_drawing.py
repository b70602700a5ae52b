"""The picture of a network with its title."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dinsar_cli.drawing.network_picture import PairLine, network_picture
from dinsar_cli.series.graph import Pair
from dinsar_cli.series.network import Network


def draw_network(path: Path, network: Network, coherence: Mapping[Pair, float | None] | None = None) -> None:
    """Draw the pairs of a network, baseline against time.

    Parameters
    ----------
    path : Path
        PNG to write.
    network : Network
    coherence : mapping, optional
        Of each pair, as it was measured; by default as it is expected.
    """
    if coherence is not None:
        network = replace(network, coherence=tuple(coherence.get(pair) for pair in network.pairs))
    open_pairs = set(network.open_pairs)
    lines = [PairLine(*pair, value, pair in open_pairs) for pair, value in network.coherence_of.items()]
    count = len(network.pairs)
    network_picture(
        path,
        network.dates,
        network.baselines,
        lines,
        title=f"{network.track} {network.polarization}: {count} pair{'s' if count != 1 else ''} of "
        f"{len(network.dates)} dates",
        subtitle=f"{network.rule}, {network.dates[0]} to {network.dates[-1]}, triangles: {network.triangle_number}",
        measured=coherence is not None,
    )
