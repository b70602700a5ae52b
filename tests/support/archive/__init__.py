"""A small archive of Sentinel-1 data on 127.0.0.1, behind a real proxy and real TLS, for tests and for trying out.

A test starts it, gives its environment to a process, and looks at what the process asked for::

    with Archive.from_simulation(folder) as archive:
        archive.log_in(tmp_path)  # netrc; or env(tmp_path, EARTHDATA_TOKEN=archive.accounts.token)
        archive.fail("datapool.asf.alaska.edu", faults.status(503, retry_after=1), times=2)
        subprocess.run([*PROGRAM, "search", ...], env=archive.env(tmp_path))
        assert archive.requests("cmr.earthdata.nasa.gov") and archive.refused == []

By hand: ``cd tests && python -m archive FOLDER``.
"""

from support.archive import faults
from support.archive.archive import Archive
from support.archive.granules import Scene
from support.archive.orbits import restituted

__all__ = ["Archive", "Scene", "faults", "restituted"]
