"""Orbit files in the Copernicus Data Space: its catalogue, the token that it wants, and what it delivers."""

from __future__ import annotations

import logging
import re
import tempfile
import uuid
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dinsar_cli.base.file_notes import NOTES, note_of
from dinsar_cli.base.files import settle
from dinsar_cli.base.user_files import parse_json
from dinsar_cli.errors import CredentialsError, NetworkError, NoDataError, ResourceError
from dinsar_cli.managers.orbits.asf_bucket import ListedOrbit, listed_orbit, newest_orbit
from dinsar_cli.net.client import RefusedError, shown
from dinsar_cli.net.credentials import DATASPACE_ADVICE, DATASPACE_HOST, Bearer, Credentials, find_dataspace_account
from dinsar_cli.net.download import Source, Transfer, fetch_all, get_text, post_form
from dinsar_cli.net.part_file import forget_part
from dinsar_cli.net.receive import NO_SPACE

logger = logging.getLogger(__name__)

NAME = "the Copernicus Data Space"

_CATALOGUE = f"https://catalogue.{DATASPACE_HOST}/odata/v1/Products"
_DELIVERY = f"https://zipper.{DATASPACE_HOST}/odata/v1/Products"
_IDENTITY = f"https://identity.{DATASPACE_HOST}/auth/realms/CDSE/protocol/openid-connect/token"
_CLIENT = "cdse-public"
_LISTED = 50  # of a kind, a handful cover a scene
_LARGEST = 64 * 1024**2  # bytes: a day of vectors every 10 s is 4.4 MB
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, section 2.1
_MEMBER = (".EOF", ".eof")


def is_delivered(url: str) -> bool:
    """Tell whether an address is one of the Copernicus Data Space."""
    return url.startswith(_DELIVERY)


def find_orbit(kind: str, mission: str, start: datetime, stop: datetime, margin: timedelta) -> ListedOrbit | None:
    """Find the newest orbit file of a kind that serves an acquisition. The catalogue wants no account.

    Parameters
    ----------
    kind, mission, start, stop, margin
        As for `Bucket.find_orbit`.

    Returns
    -------
    ListedOrbit or None
        None when there is no such file.

    Raises
    ------
    NetworkError
        If the catalogue does not answer as it should.
    """
    after, before = (f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}" for time in (start - margin, stop + margin))
    query = {
        "$filter": f"startswith(Name,'{mission}') and contains(Name,'AUX_{kind}') "
        f"and ContentDate/Start lt '{after}' and ContentDate/End gt '{before}'",
        "$orderby": "ContentDate/Start desc",
        "$top": str(_LISTED),
    }
    found = _products(get_text(_CATALOGUE, query))
    name = newest_orbit(found, start, stop, margin)
    if name is None:
        return None
    identifier, size = found[name]
    return listed_orbit(name, f"{_DELIVERY}({identifier})/$value", size)


def _products(text: str) -> dict[str, tuple[uuid.UUID, int]]:
    """Read identifiers and sizes by name out of an answer of the catalogue."""
    try:
        return {
            str(item["Name"]): (uuid.UUID(item["Id"]), int(item["ContentLength"]))
            for item in parse_json(text)["value"]
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NetworkError(
            f"The catalogue of {NAME} cannot be read.",
            f"{_CATALOGUE} answered with something else than a list of products.",
            "Try again later, or give orbit files with --orbits.",
        ) from error


def fetch_orbit(url: str, target: Path, progress: Callable[[Transfer], None] | None = None) -> None:
    """Log in, fetch an orbit file, and take it out of the zip if it comes in one.

    Parameters
    ----------
    url : str
        As `find_orbit` gives it.
    target : Path
        The file that it becomes; its folder exists.
    progress : callable, optional
        As for `fetch_all`.

    Raises
    ------
    CredentialsError
        If there is no account, or it is not accepted.
    NoDataError
        If the file has been withdrawn, or the zip is not that of an orbit file.
    NetworkError
        If it cannot be had.
    ResourceError
        If it cannot be written.
    """
    bearer = log_in(find_dataspace_account())
    try:
        with tempfile.TemporaryDirectory(
            prefix=".dataspace-", dir=target.parent, ignore_cleanup_errors=True
        ) as folder:
            delivered = _deliver(Source(url, Path(folder) / target.name, bearer=bearer), progress)
            if zipfile.is_zipfile(delivered):
                delivered.write_bytes(_unpacked(delivered))
            settle(delivered, target)
        forget_part(target)  # of what another archive has begun to send
        note_of(target, target.parent / NOTES, url=shown(url))
    except OSError as error:
        problem = f"{target.name} cannot be written to {target.parent}."
        raise ResourceError(problem, f"{error.strerror or error}.", NO_SPACE) from error


def _deliver(source: Source, progress: Callable[[Transfer], None] | None) -> Path:
    """Fetch what comes, file or zip. The size in the catalogue is not that of a zip: it is proved by reading it."""
    try:
        return fetch_all([source], progress=progress)[0]
    except NetworkError as error:
        raise NetworkError(
            error.problem,
            f"It is in {NAME}. {error.cause}",
            "Try again later, or give orbit files with --orbits.",
        ) from error


def log_in(account: Credentials | None) -> Bearer:
    """Exchange user and password for a token, which holds for ten minutes.

    Raises
    ------
    CredentialsError
        If there is no account, or it is not accepted.
    NetworkError
        If there is no token in the answer, or none comes.
    """
    if account is None:
        raise CredentialsError(
            f"{_capital(NAME)} wants an account, and none is known.",
            "There was one when the orbit file was chosen.",
            f"To give one, {DATASPACE_ADVICE}.",
        )
    for text in account.warnings:
        logger.warning("%s", text)
    fields = {
        "client_id": _CLIENT,
        "grant_type": "password",
        "username": account.user,
        "password": account.password,
    }
    try:
        answer = post_form(_IDENTITY, fields)
    except UnicodeEncodeError:
        # From none, here and below: what was sent is in these errors.
        raise _not_accepted(account, "it has characters that are not UTF-8") from None
    except RefusedError as error:
        if error.status in {400, 401}:
            raise _not_accepted(account, f"status {error.status}") from None
        raise
    token = _token_in(answer)
    if token is None:
        raise NetworkError(
            f"{_capital(NAME)} gives no token.",
            f"{_IDENTITY} answered with something else than a token.",
            "Try again later, or give orbit files with --orbits.",
        )
    return Bearer(DATASPACE_HOST, token)


def _token_in(answer: str) -> str | None:
    try:
        found: Any = parse_json(answer)["access_token"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) and _TOKEN.fullmatch(found) else None


def _not_accepted(account: Credentials, answer: str) -> CredentialsError:
    return CredentialsError(
        f"{_capital(NAME)} does not accept your account.",
        f"The public bucket had no orbit file to give, and the user name or password of {account.source} is wrong "
        f"({answer}).",
        f"Put it right, or renew it at https://{DATASPACE_HOST} ; else give orbit files with --orbits. "
        "Accounts that want a second factor cannot be used.",
    )


def _unpacked(path: Path) -> bytes:
    """Return the content of the one orbit file in a zip."""
    try:
        with zipfile.ZipFile(path) as packed:
            members = [info for info in packed.infolist() if info.filename.endswith(_MEMBER)]
            if len(members) == 1 and members[0].file_size <= _LARGEST:
                return packed.read(members[0])
            reason = f"it holds {len(members)} .EOF files, one of at most 64 MB is right"
    except (EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        # zipfile raises RuntimeError for encrypted members and for unknown compression methods.
        reason = str(error)
    raise NoDataError(
        f"The orbit file {path.name} of {NAME} cannot be used.",
        f"The zip in which it comes is not as it should be: {reason}.",
        "Run the command again later, or give another orbit file with --orbits.",
    )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
