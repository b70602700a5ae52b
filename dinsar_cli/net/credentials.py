"""Who we are to the archives: where accounts are looked for, and why one was refused."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from dinsar_cli.errors import CredentialsError, UsageError
from dinsar_cli.net.netrc import Netrc, netrc_path, read_netrc

EARTHDATA_HOST = "urs.earthdata.nasa.gov"
ARCHIVE_CLIENT = "BO_n7nTIlMljdvU6kRRB3g"  # Earthdata Login's name for the Alaska Satellite Facility
REGISTER_PAGE = f"https://{EARTHDATA_HOST}/users/new"
TOKEN_PAGE = f"https://{EARTHDATA_HOST}/user_tokens"
LICENCE_PAGE = f"https://{EARTHDATA_HOST}/approve_app?client_id={ARCHIVE_CLIENT}"
TOKEN_CHECK = f"https://{EARTHDATA_HOST}/oauth/tokens/user"
TOKEN, USER, PASSWORD = "EARTHDATA_TOKEN", "EARTHDATA_USERNAME", "EARTHDATA_PASSWORD"
DATASPACE_HOST = "dataspace.copernicus.eu"
DATASPACE_USER, DATASPACE_PASSWORD = "CDSE_USERNAME", "CDSE_PASSWORD"
DATASPACE_ADVICE = (
    f"set {DATASPACE_USER} and {DATASPACE_PASSWORD}, or give the netrc file an entry for {DATASPACE_HOST} "
    f"(accounts are free: https://{DATASPACE_HOST} )"
)

_LICENCE_WORDS = ("eula", "license", "licence", "authoriz")


@dataclass(frozen=True)
class Credentials:
    """An account: Earthdata, or the Copernicus Data Space.

    Attributes
    ----------
    source : str
        Where it was found, as a person says it; nothing secret.
    token : str
        Bearer token; empty for none.
    user, password : str
        Empty for none. With a token they serve where a token is not enough.
    warnings : tuple of str
        What the user should put right.
    """

    source: str
    token: str = field(default="", repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def pair(self) -> tuple[Any, Any]:
        """User and password as they are sent: in UTF-8 (RFC 7617), and bytes of a file as they are in it."""
        return self.user.encode("utf-8", "surrogateescape"), self.password.encode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Bearer:
    """A token for the hosts of one domain, which no other host gets.

    Attributes
    ----------
    domain : str
    token : str
    """

    domain: str
    token: str = field(repr=False)

    def is_for(self, url: str) -> bool:
        """Tell whether an address may get the token."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme == "https" and (host == self.domain or host.endswith(f".{self.domain}"))


def find_credentials(environment: Mapping[str, str] = os.environ) -> Credentials:
    """Look for an Earthdata account: EARTHDATA_TOKEN, netrc, EARTHDATA_USERNAME with EARTHDATA_PASSWORD.

    Parameters
    ----------
    environment : mapping
        Environment variables; NETRC names another file than the one in the home folder.

    Raises
    ------
    CredentialsError
        When there is none, or the netrc that should have it cannot be read.
    """
    token = environment.get(TOKEN, "").strip()
    known = _netrc(environment, needed=not token)
    user, password = known.account(EARTHDATA_HOST)
    source = f"the netrc file {known.path}"
    if not (user and password):
        user, password = environment.get(USER, ""), environment.get(PASSWORD, "")
        source = f"{USER} and {PASSWORD}"
    if token:
        source = TOKEN
    elif not (user and password):
        raise _nobody(known)
    check_token(token, f"in {TOKEN}")
    return Credentials(source, token, user, password, netrc_warnings(known))


def check_token(token: str, where: str) -> None:
    """Refuse what no token can be: it goes into the head of a request, which has letters of ASCII only.

    Parameters
    ----------
    token : str
    where : str
        It is found, for the message.

    Raises
    ------
    CredentialsError
        When it has something else in it; the message has nothing of the token.
    """
    if any(character.isspace() or (character.isascii() and not character.isprintable()) for character in token):
        cause = "It has blanks or control characters, which no token has."
    elif "\N{HORIZONTAL ELLIPSIS}" in token or "..." in token:
        cause = "It has an ellipsis in it: it was copied from a place that shows it shortened."
    elif not token.isascii():
        cause = "It has letters or signs beyond ASCII, which no token has."
    else:
        return
    raise CredentialsError(f"The token {where} cannot be used.", cause, f"Copy it again from {TOKEN_PAGE}")


def find_dataspace_account(environment: Mapping[str, str] = os.environ) -> Credentials | None:
    """Look for an account of the Copernicus Data Space: CDSE_USERNAME with CDSE_PASSWORD, netrc.

    Parameters
    ----------
    environment : mapping
        As for `find_credentials`.

    Returns
    -------
    Credentials or None
        None when there is none: nothing needs it.
    """
    user, password = environment.get(DATASPACE_USER, ""), environment.get(DATASPACE_PASSWORD, "")
    if user and password:
        return Credentials(f"{DATASPACE_USER} and {DATASPACE_PASSWORD}", user=user, password=password)
    known = _netrc(environment, needed=False)
    user, password = known.account(DATASPACE_HOST)
    if not (user and password):
        return None
    return Credentials(f"the netrc file {known.path}", "", user, password, netrc_warnings(known))


def _netrc(environment: Mapping[str, str], *, needed: bool) -> Netrc:
    path = netrc_path(environment)
    try:
        return read_netrc(path)
    except UsageError as error:
        if needed:
            raise CredentialsError(error.problem, error.cause, error.remedy) from None
        return Netrc(path, {}, open_to_others=False)


def netrc_warnings(known: Netrc) -> tuple[str, ...]:
    """Tell what should be put right in a netrc file."""
    warnings = []
    if known.open_to_others and known.hosts:
        warnings.append(f"{known.path} can be read by others, and has passwords: chmod 600 {known.path}")
    if known.has_default:
        warnings.append(
            f"{known.path} has an entry 'default': many programs send it to every host, in place of a token too; "
            "name its machine instead"
        )
    for host in (EARTHDATA_HOST, DATASPACE_HOST):
        called = known.name_of(host)
        if called in known.hosts and called != host:
            warnings.append(f"{known.path} calls {host} {called}: other programs may not find that entry")
    return tuple(warnings)


def _nobody(known: Netrc) -> CredentialsError:
    found = f"{known.path} does not exist"
    if known.name_of(EARTHDATA_HOST) in known.hosts:
        user, password = known.account(EARTHDATA_HOST)
        lacking = " and ".join(name for name, value in (("login", user), ("password", password)) if not value)
        found = f"the entry for {EARTHDATA_HOST} in {known.path} has no {lacking}"
    elif known.hosts:
        found = f"{known.path} has no entry for {EARTHDATA_HOST}"
        if known.has_default:
            found += " (an entry 'default' is not used: it would go to every host)"
    elif known.path.exists():
        found = f"{known.path} is empty"
    return CredentialsError(
        "The archive wants an Earthdata account, and none is known.",
        f"Neither {TOKEN} nor {USER} with {PASSWORD} is set, and {found}.",
        f"Register at {REGISTER_PAGE} (free), then run: dinsar login",
    )


def refusal(status: int, host: str, known: Credentials, said: str = "", what: str = "") -> CredentialsError:
    """Say why an archive has refused an account, and which page helps.

    Parameters
    ----------
    status : int
        HTTP status: 401, 403, or 200 with a page to log in.
    host : str
        Who refused.
    known : Credentials
        What was tried.
    said : str
        Text of the answer; it is searched for words about the licence and never shown.
    what : str
        What was asked for.
    """
    problem = f"{host} does not let you have {what}."
    if not what or EARTHDATA_HOST in what:
        problem = f"{host} does not accept your account."
    answer = "it answers with a page to log in" if status == 200 else f"status {status}"
    licence = any(word in said.lower() for word in _LICENCE_WORDS)
    if status == 403 or (status == 200 and licence):
        cause = f"The account of {known.source} has not accepted the licence (EULA) of the archive"
        cause += "" if licence else ", or may not have this file"
        remedy = f"Log in and accept it once at {LICENCE_PAGE} , then try again."
    elif known.token and (host != EARTHDATA_HOST or what == TOKEN_CHECK):
        cause = f"The token of {known.source} is wrong or has expired; they last 60 days"
        remedy = f"Make a new one at {TOKEN_PAGE} , or unset {TOKEN} and run: dinsar login"
    elif known.token and not known.password:
        cause = f"The token of {known.source} has expired, or is not enough: single bursts want user and password"
        remedy = f"Run: dinsar login . A new token is made at {TOKEN_PAGE}"
    else:
        source = "the netrc file or the environment" if known.token else known.source
        cause = f"The user name or password of {source} is wrong"
        remedy = f"Run: dinsar login . A forgotten password is renewed at https://{EARTHDATA_HOST}"
    besides = "".join(f" Besides, {text}." for text in known.warnings)
    return CredentialsError(problem, f"{cause} ({answer}).{besides}", remedy)
