"""The page of a stack: its network, the coherence of its pairs, and a thumbnail of each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dinsar_cli.base.files import write_text
from dinsar_cli.base.journal import PRODUCTS
from dinsar_cli.drawing.web_map import scale_limits
from dinsar_cli.plan.network_drawing import draw_network
from dinsar_cli.products.reader import Product
from dinsar_cli.report.page import REPORT
from dinsar_cli.report.page_layers import page_environment
from dinsar_cli.report.pictures import address_of, picture, thin_map
from dinsar_cli.report.summary import centimetres
from dinsar_cli.series.graph import Pair
from dinsar_cli.series.network import Network, pair_name
from dinsar_cli.stack.folders import StackFolders

PAGE: Final = "stack.html"
NETWORK: Final = "network.png"
_MOST: Final = 220  # pixels of the longer side of a thumbnail
_LEAST_LIMIT: Final = 0.001  # metres


def write_page(
    folders: StackFolders, network: Network, body: Mapping[str, Any], earlier: Mapping[str, Any] | None = None
) -> Path:
    """Draw the network with the coherence that its pairs have, and write the page.

    Parameters
    ----------
    folders : StackFolders
    network : Network
    body : mapping
        Record of the stack.
    earlier : mapping, optional
        What it was before: a network of the same pairs and coherence is not drawn again.
    """
    told: Mapping[str, Mapping[str, Any]] = body["pairs"]
    coherence = {pair: told[pair_name(pair)].get("mean_coherence") for pair in network.pairs}
    drawn = folders.root / NETWORK
    if not drawn.is_file() or _network_of(body) != _network_of(earlier or {}):
        draw_network(drawn, network, coherence)
    maps = {}
    for pair in network.pairs:
        if "problem" not in told[pair_name(pair)]:
            with Product(folders.of_pair(pair) / PRODUCTS / "los_displacement.tif") as product:
                maps[pair] = thin_map(product, _MOST)
    values = np.concatenate([los[np.isfinite(los)] for los, _ in maps.values()] or [np.zeros(1, np.float32)])
    limits = scale_limits(values, symmetric=True) if values.size else (-_LEAST_LIMIT, _LEAST_LIMIT)
    pairs = [_row(folders, pair, told[pair_name(pair)], maps.get(pair), limits) for pair in network.pairs]
    text = (
        page_environment()
        .get_template("stack.html.j2")
        .render(
            dates=[day.isoformat() for day in network.dates],
            pairs=pairs,
            summary=_summary(network, body),
            told=body["warnings"],
            network=address_of(drawn.read_bytes()),
            matrix=_matrix(network.dates, coherence),
            limits=[centimetres(value) for value in limits],
        )
    )
    path = folders.root / PAGE
    write_text(path, text)
    return path


def _network_of(body: Mapping[str, Any]) -> str:
    """Return what the picture of the network shows, and which release drew it."""
    coherence = {name: pair.get("mean_coherence") for name, pair in body.get("pairs", {}).items()}
    return json.dumps([body.get("dinsar"), body.get("network"), coherence])


def _row(
    folders: StackFolders,
    pair: Pair,
    told: Mapping[str, Any],
    made: tuple[NDArray[np.float32], float] | None,
    limits: tuple[float, float],
) -> dict[str, Any]:
    products = folders.of_pair(pair) / PRODUCTS
    shown = products / REPORT if (products / REPORT).is_file() else products
    row = {
        "name": f"{pair[0]} to {pair[1]}",
        "link": shown.relative_to(folders.root).as_posix(),
        "problem": told.get("problem", ""),
        "warnings": told.get("warnings", ()),
        "thumbnail": picture(made[0], "RdBu_r", limits, made[1], most=_MOST) if made else "",
    }
    if not row["problem"]:
        low, high = told["range_m"]
        coherence, sigma = told["mean_coherence"], told["median_sigma_m"]
        parts = [f"{centimetres(low)} to {centimetres(high)}"]
        parts += [f"coherence {coherence:.2f}"] if coherence is not None else []
        parts += [f"noise {centimetres(sigma)}"] if sigma is not None else []
        row["summary"] = "; ".join(parts)
    return row


def _matrix(days: Sequence[date], coherence: Mapping[Pair, float | None]) -> list[dict[str, Any]]:
    """Return a row for each reference date, with a cell for each later date."""
    rows = []
    for first in days[:-1]:
        cells = []
        for second in days[1:]:
            value = coherence.get((first, second))
            cells.append(None if value is None else {"text": f"{value:.2f}", "shade": round(255 * value)})
        rows.append({"day": first.isoformat(), "cells": cells})
    return rows


def _summary(network: Network, body: Mapping[str, Any]) -> str:
    zero = _zero(body.get("reference"))
    return (
        f"{network.track} {network.polarization}, {network.dates[0]} to {network.dates[-1]}, {network.rule}, looks "
        f"{body['looks']}. All maps are on one grid{zero}; "
        "1-3 cm of atmosphere are usual in a pair."
    )


def _zero(place: Mapping[str, Any] | None) -> str:
    if place is None:
        return ""
    by = "as asked for" if place["chosen"] else "chosen for all pairs"
    if not place["on_map"]:
        by += ", beside the map"
    return f" and relative to {place['lat']:.4f}, {place['lon']:.4f} (latitude, longitude; {by})"
