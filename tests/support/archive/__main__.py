"""The test archive by hand: ``cd tests && python -m archive FOLDER``, with a folder that `dinsar simulate` wrote.

It prints what to paste into another terminal, where the whole tool then works on the simulated scenes, and tells
of every request until it is interrupted.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import tempfile
import time
from pathlib import Path

from support.archive.archive import Archive
from support.archive.messages import Entry


def main() -> None:
    """Serve a folder until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m archive", description=__doc__)
    parser.add_argument("folder", type=Path, help="written by `dinsar simulate`")
    folder = parser.parse_args().folder
    if not (folder / "dem" / "dem.tif").is_file():
        parser.error(f"{folder} has no dem/dem.tif: it is not what `dinsar simulate` writes")
    with Archive.from_simulation(folder) as archive, tempfile.TemporaryDirectory(prefix="archive-home-") as place:
        archive.log_in(Path(place))
        home = archive.env(Path(place))
        print("unset SSL_CERT_DIR NETRC EARTHDATA_TOKEN EARTHDATA_USERNAME EARTHDATA_PASSWORD")
        for name in sorted([*archive.settings(), "HOME", "XDG_CACHE_HOME"]):
            print(f"export {name}={shlex.quote(home[name])}")
        print(f"# {len(archive.scenes)} scenes; the netrc in HOME has the account. Ctrl-C ends it.", flush=True)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored in the background
        try:
            report(archive)
        except KeyboardInterrupt:
            print(f"{len(archive.log)} requests; refused: {archive.refused or 'none'}", file=sys.stderr)


def report(archive: Archive) -> None:
    """Tell of each request."""
    told = refused = 0
    while True:
        for entry in archive.log[told:]:
            print(line(entry), file=sys.stderr)
            told += 1
        for host in archive.refused[refused:]:
            print(f"REFUSED {host}", file=sys.stderr)
            refused += 1
        time.sleep(0.5)


def line(entry: Entry) -> str:
    """One request in one line, without what signs it."""
    clock = time.strftime("%H:%M:%S", time.localtime(entry.time))
    return f"{clock} {entry.status} {entry.method} {entry.host}{entry.request.path} {entry.sent}"


if __name__ == "__main__":
    main()
