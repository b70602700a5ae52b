"""Whether a server answers: one small question, asked once."""

from __future__ import annotations

import time
from http import HTTPStatus
from urllib.parse import urlsplit

from dinsar_cli.errors import NetworkError
from dinsar_cli.net.client import Client
from dinsar_cli.net.limits import Limits, TryAgain, network_limits

_MOST = 15.0  # s; who asks is waiting


def reach(url: str) -> float:
    """Ask a server for something, and see that it answers, whatever it says.

    Parameters
    ----------
    url : str
        Of something small.

    Returns
    -------
    float
        Seconds until the answer came.

    Raises
    ------
    NetworkError
        When no answer comes, when it is that of another server, or when the server tells that it cannot work.
    """
    host, limits = urlsplit(url).hostname, network_limits()
    quick = Limits(min(limits.connect, _MOST), min(limits.stall, _MOST))
    started = time.monotonic()
    try:
        with Client(quick) as client, client.answer("GET", url, any_status=True) as response:
            status = response.status_code
    except TryAgain as failure:
        raise NetworkError(
            f"{host} cannot be reached.",
            f"{failure.reason[:1].upper()}{failure.reason[1:]}.",
            "Look at the connection; HTTPS_PROXY names a proxy, REQUESTS_CA_BUNDLE its certificates.",
        ) from None
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise NetworkError(
            f"{host} cannot work now.",
            f"It answers with status {status}.",
            "Try again later; the state of NASA's archives is at https://status.earthdata.nasa.gov",
        )
    return time.monotonic() - started
