"""Count cycle errors at shores, with and without the mask: ``python tests/benchmarks/shores.py FOLDER [NAME ...]``.

An island in the sea and the shore of a lake are made into maps at 7 x 2 looks, by each engine that works here, with
what is left out by default and with nothing left out. Told are the cells of land whose displacement is off by more
than half a cycle, the share of land that has one, and the cells of water that have one.

It takes some minutes for an engine. Scenes and runs stay in FOLDER, and are used again.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.shores import LAKES, Shore, count
from support.topsapp.isce2_process import find_isce2


def main(folder: Path, *names: str) -> None:
    engines = ["eos"] if find_isce2()[0] is None else ["eos", "isce2"]
    for name in names or LAKES:
        shore = Shore.made(name, folder / name)
        for engine in engines:
            for title, options in (("default", ()), ("none", ("--mask", "none"))):
                record = shore.map(engine, *options, work=title)
                found = count(Path(str(record["folder"])) / "products", shore.pair)
                print(f"{name:<8}{engine:<7}{title:<9}{found}  {record['masked']}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
