"""Time that a search costs beyond the network: ``python tests/benchmarks/catalog.py [SCENES ...]``.

The test archive serves scenes of four tracks with two slices a pass. The same pages are fetched by a plain client,
whose time is that of the network and of the archive, and by the program, which also starts, groups and pairs.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.archive import Archive, Scene
from support.catalog_inputs import FIRST, run_online, scene

AREA = "37.0 35.9 37.4 37.4"  # in both slices
HOST = "cmr.earthdata.nasa.gov"


def scenes(count: int) -> list[Scene]:
    """Two slices on each of four tracks, every six days."""
    first = [
        scene(FIRST + timedelta(days=day, hours=hour), track=track, direction=direction, slice_number=number)
        for day, hour, track, direction in ((0, 0, 21, "DESCENDING"), (1, 12, 14, "ASCENDING"))
        for number in ((0, 1) if direction == "DESCENDING" else (0, -1))
    ]
    first += [scene(FIRST + timedelta(days=2), track=94, slice_number=number) for number in (0, 1)]
    first += [scene(FIRST + timedelta(days=4), track=123, slice_number=number) for number in (0, 1)]
    return [first[n % 8].repeated(6.0 * (n // 8), across=7.0 * (n // 8 % 20)) for n in range(count)]


def plain(archive: Archive) -> float:
    """Seconds in which a plain client fetches what the last command asked for."""
    asked = [entry.request for entry in archive.requests(HOST)]
    proxies = {"https": archive.proxy_url}
    started = time.perf_counter()
    with requests.Session() as session:
        session.trust_env = False
        for request in asked:
            after = request.headers.get("cmr-search-after")
            session.post(
                f"https://{HOST}{request.path}",
                data=request.fields(),
                headers={"CMR-Search-After": after} if after else {},
                proxies=proxies,
                verify=str(archive.ca_file),
                timeout=60,
            ).raise_for_status()
    return time.perf_counter() - started


def main(*sizes: str) -> None:
    """Print the table."""
    print(f"{'scenes':>6} {'command':<7} {'pages':>5} {'all s':>7} {'network s':>9} {'beyond s':>8}")
    for count in [int(size) for size in sizes] or [100, 1000]:
        with Archive(scenes(count)) as archive, tempfile.TemporaryDirectory() as folder:
            for command, *more in (("search",), ("pairs", "--start", "2014-01-01", "--end", "2025-12-31")):
                archive.forget()
                done = run_online(archive, Path(folder), command, "--roi", AREA, *more)
                assert done.code == 0, done.err
                pages = len(archive.requests(HOST))
                network = plain(archive)
                beyond = done.seconds - network
                print(
                    f"{count:>6} {command:<7} {pages:>5} {done.seconds:7.2f} {network:9.2f} {beyond:8.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main(*sys.argv[1:])
