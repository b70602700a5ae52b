"""One TLS origin and one CONNECT proxy on 127.0.0.1 that stand for all hosts of the internet.

The tested program runs as a process of its own and learns of them by its environment alone: real names, real
TLS, real redirects. The proxy refuses every host that the network does not have, and remembers it.
"""

from __future__ import annotations

import os
import re
import ssl
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import trustme

from support.archive.faults import Fault, Rule, first_struck
from support.archive.listeners import Origin, Proxy, started
from support.archive.messages import Answer, Entry, Reply, Request, in_part, text

CA_VARIABLES: Final = (
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "GDAL_CURL_CA_BUNDLE",
)
_FOREIGN: Final = re.compile(
    r"(?i)(.*_proxy|ssl_cert_.*|.*_ca_bundle|netrc|xdg_.*|pip_cert|(aws|gdal_http|cpl_|vsi|earthdata|asf|cdse|dataspace|hyp3|esa)_.*)"
)
"""Variables of the surroundings that would change where a program connects, or as whom."""


@dataclass
class Network:
    """The hosts that there are, what goes wrong with them, and what was asked of them.

    Attributes
    ----------
    hosts : dict
        Name to the function that answers its requests.
    rules : list of Rule
        Faults; see `fail`.
    down : set of str
        Hosts that the proxy cannot reach.
    log : list of Entry
        Every request that reached a host.
    refused : list of str
        Names, with ports, of unknown hosts that were asked for: what leaked out.
    errors : list of Exception
        Mistakes of the archive itself; empty unless it has a bug.
    """

    hosts: dict[str, Answer]
    rules: list[Rule] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    log: list[Entry] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.stopping = threading.Event()
        self._scratch = tempfile.TemporaryDirectory(prefix="archive-")
        authority = trustme.CA()
        self.ca_file = Path(self._scratch.name) / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*self.hosts, "127.0.0.1").configure_cert(context)
        self.origin = Origin(self, context)
        self.proxy = Proxy(self)
        self._threads = [started(server.serve) for server in (self.origin, self.proxy)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        for server in (self.proxy, self.origin):
            server.stop()
        for thread in self._threads:
            thread.join()
        self._scratch.cleanup()

    @property
    def proxy_url(self) -> str:
        """Address of the proxy."""
        return f"http://127.0.0.1:{self.proxy.server_address[1]}"

    def fail(self, host: str, fault: Fault, path: str = "", times: int | None = None) -> Rule:
        """Let something go wrong.

        Parameters
        ----------
        host : str
        fault : Fault
        path : str
            Regular expression that is searched for in path and query; those of the connection itself have none.
        times : int, optional
            How many requests it strikes before all is well again; without it, for ever.
        """
        if host not in self.hosts:
            raise KeyError(host)
        self.rules.append(Rule(fault, host, path, times))
        return self.rules[-1]

    def heal(self) -> None:
        """End all faults."""
        self.rules.clear()
        self.down.clear()

    def forget(self) -> None:
        """Empty the log."""
        self.log.clear()
        self.refused.clear()

    def requests(self, host: str, path: str = "", method: str = "") -> list[Entry]:
        """Entries of the log for a host, a pattern of path and query, and a method."""
        return [
            entry
            for entry in list(self.log)
            if entry.host == host and re.search(path, entry.target) and method in {"", entry.method}
        ]

    def sent(self, host: str, path: str = "") -> int:
        """Bytes of bodies that a host has sent."""
        return sum(entry.sent for entry in self.requests(host, path))

    def settings(self) -> dict[str, str]:
        """Environment variables that point a program at this network."""
        names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
        local = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
        trusted = dict.fromkeys(CA_VARIABLES, str(self.ca_file))
        return dict.fromkeys(names, self.proxy_url) | local | trusted | {"AWS_EC2_METADATA_DISABLED": "true"}

    def env(self, folder: Path, **more: str) -> dict[str, str]:
        """Give the whole environment of a program that sees this network alone.

        Parameters
        ----------
        folder : Path
            Gets ``home`` and ``cache``.
        **more : str
            Further variables, such as EARTHDATA_TOKEN.
        """
        home, cache = folder / "home", folder / "cache"
        for place in (home, cache):
            place.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not _FOREIGN.fullmatch(name)}
        return kept | self.settings() | {"HOME": str(home), "XDG_CACHE_HOME": str(cache)} | more

    def reply(self, request: Request) -> Reply:
        """Answer a request, faults included."""
        fault = first_struck(list(self.rules), request.host, request.target)
        if fault is not None and fault.answer is not None:
            return fault.answer(request, self._true_reply)
        return self._true_reply(request)

    def _true_reply(self, request: Request) -> Reply:
        answer = self.hosts.get(request.host)
        return text("misdirected", 421) if answer is None else in_part(request, answer(request))
