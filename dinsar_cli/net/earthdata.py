"""The session that logs in at Earthdata. Imported only where a login is needed: asf_search takes a while."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests
from asf_search import ASFSession

from dinsar_cli.net.credentials import EARTHDATA_HOST, Credentials


class EarthdataSession(ASFSession):
    """Session of asf_search: the token stays on the way through the archive's hosts and goes to no other.

    The password goes to Earthdata Login alone. What requests would find in a netrc by itself is not used: an entry
    ``default`` would replace the token, and would go to the storage too.
    """

    trust_env: bool

    def __init__(self, known: Credentials) -> None:
        super().__init__()
        self._known = known
        self.auth = _unchanged
        if known.token:
            self.headers["Authorization"] = f"Bearer {known.token}"

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Choose the credentials for the next hop of a redirect."""
        headers = prepared_request.headers
        headers.pop("Authorization", None)  # the password, after Earthdata Login
        if self._known.token:
            headers["Authorization"] = f"Bearer {self._known.token}"
        trusted, self.trust_env = self.trust_env, False
        try:
            super().rebuild_auth(prepared_request, response)
        finally:
            self.trust_env = trusted
        target = urlsplit(prepared_request.url)
        if target.scheme != "https":
            headers.pop("Authorization", None)
        elif target.hostname == EARTHDATA_HOST and self._known.password:
            prepared_request.prepare_auth(self._known.pair)


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Stand for the credentials of a session, so that requests looks for no others."""
    return request
