"""Try an Earthdata account with one small request."""

from __future__ import annotations

from dinsar_cli.net.client import Client
from dinsar_cli.net.credentials import ARCHIVE_CLIENT, EARTHDATA_HOST, TOKEN_CHECK, Credentials, refusal
from dinsar_cli.net.limits import Patience, TryAgain, network_limits

_ARCHIVE_HOST = "cumulus.asf.alaska.edu"
_COOKIE = "asf-urs"


def check_account(known: Credentials) -> None:
    """Ask Earthdata Login whether it accepts an account, and with a password the archive too.

    Raises
    ------
    CredentialsError
        When the password or the token is wrong, or the licence of the archive has not been accepted.
    NetworkError
        When there is no answer.
    """
    limits = network_limits()
    patience = Patience("The answer of Earthdata Login", limits)
    with Client(limits, known) as client:
        while True:
            try:
                return _check_token(client, known.token) if known.token else _check_password(client, known)
            except TryAgain as failure:
                patience.wait(failure)


def _check_token(client: Client, token: str) -> None:
    with client.answer("POST", TOKEN_CHECK, params={"client_id": ARCHIVE_CLIENT}, form={"token": token}):
        pass


def _check_password(client: Client, known: Credentials) -> None:
    """Log in to the archive as a download does; its cookie shows that it has let us in."""
    parameters = {
        "splash": "false",
        "client_id": ARCHIVE_CLIENT,
        "response_type": "code",
        "redirect_uri": f"https://{_ARCHIVE_HOST}/login",
    }
    address = f"https://{EARTHDATA_HOST}/oauth/authorize"
    with client.answer("GET", address, params=parameters, password=True, page=True):
        if not client.has_cookie(_COOKIE):  # Earthdata Login shows a page that asks to accept the licence
            raise refusal(403, EARTHDATA_HOST, known, "eula")
