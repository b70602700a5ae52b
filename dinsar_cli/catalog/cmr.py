"""Requests to the catalogue (NASA's CMR) that are repeated when they fail, and the one error that remains."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from itertools import count
from typing import Any, Final

import requests
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from dinsar_cli.errors import NetworkError
from dinsar_cli.net.limits import Limits

logger = logging.getLogger(__name__)

HOST: Final = "cmr.earthdata.nasa.gov"
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_TRIES: Final = 4
_LONG_WAIT: Final = 20.0  # s
_LATER: Final = "Try again later; the state of the archive is at https://status.earthdata.nasa.gov"
_CONNECTION: Final = "Check the connection, and the proxy in HTTPS_PROXY if there is one; then run it again."


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed.

    Attributes
    ----------
    cause : str
        A sentence.
    remedy : str
    passing : bool
        Whether another attempt can do better.
    wait : float
        Seconds that the server asks to wait; 0 when it does not.
    """

    cause: str
    remedy: str
    passing: bool = True
    wait: float = 0.0


class PatientAdapter:
    """What a session of requests sends through: complete results come back, or an error.

    The whole body is read here, so that a connection that breaks in it is tried again as well.

    Parameters
    ----------
    limits : Limits
        Its ``stall`` is the longest time for one page of results, with up to three more attempts; each ends after a
        third of that time without a byte. The catalogue answers within a few seconds when all is well.
    """

    def __init__(self, limits: Limits) -> None:
        self._adapter = HTTPAdapter()
        self._limits = limits
        self._silence = limits.stall / 3

    def send(self, request: PreparedRequest, **options: Any) -> Response:
        """Send a request until it succeeds.

        Raises
        ------
        NetworkError
            When it does not in the time and the attempts that there are.
        """
        options["timeout"] = (min(self._limits.connect, self._silence), self._silence)
        started = time.monotonic()
        for attempt in count(1):
            outcome = self._attempt(request, options)
            if not isinstance(outcome, Failure):
                return outcome
            spent = time.monotonic() - started
            pause = max(outcome.wait, self._limits.stall / 60 * 2.0 ** (attempt - 1))
            left = self._limits.stall - spent - pause - self._silence
            if not outcome.passing or attempt >= _TRIES or left < 0:
                raise unsearchable(f"{outcome.cause} {_effort(attempt, spent)}", outcome.remedy)
            logger.warning("Catalogue: %s Trying again in %.3g s.", outcome.cause, pause)
            time.sleep(pause)
        raise AssertionError

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()

    def _attempt(self, request: PreparedRequest, options: dict[str, Any]) -> Response | Failure:
        try:
            response: Response = self._adapter.send(request, **options)
            content = response.content
        except requests.RequestException as error:
            return _broken(error, self._silence)
        except OSError as error:  # requests names a missing file of certificates with this one
            return Failure(f"The connection cannot be made: {error}.", _CONNECTION, passing=False)
        if response.ok and not response.is_redirect and not _has_results(response):
            return Failure(f"It answers with {_described(content)} where a list of scenes is due.", _LATER)
        return response if response.ok else _refused(response)


def unsearchable(cause: str, remedy: str) -> NetworkError:
    """Return the error of a search that failed."""
    return NetworkError(f"The catalogue of Sentinel-1 scenes ({HOST}) cannot be searched.", cause, remedy)


def _effort(attempts: int, seconds: float) -> str:
    return f"({attempts} attempt{'s' if attempts > 1 else ''} in {seconds:.0f} s.)"


def _has_results(response: Response) -> bool:
    try:
        found = response.json()
    except ValueError:
        return False
    return isinstance(found, dict) and isinstance(found.get("items"), list) and isinstance(found.get("hits"), int)


def _described(content: bytes) -> str:
    """Tell what an answer is that is no list of results."""
    text = content[:4000].decode("utf-8", errors="replace")
    title = re.search(r"<title>\s*(.{1,80}?)\s*</title>", text, re.IGNORECASE | re.DOTALL)
    if title:
        return f"a web page ({' '.join(title[1].split())!r})"
    if not content.strip():
        return "an empty body"
    return "a web page" if text.lstrip().startswith("<") else f"{' '.join(text.split())[:60]!r}"


def _broken(error: Exception, silence: float) -> Failure:
    """Tell why there was no whole answer."""
    reason = _reason(error)
    if isinstance(error, requests.exceptions.ProxyError):
        return Failure(f"The proxy does not connect to it: {reason}.", _CONNECTION)
    if isinstance(error, requests.exceptions.SSLError):
        remedy = "If your network inspects TLS, name its certificate authority in REQUESTS_CA_BUNDLE."
        return Failure(f"Its certificate is not accepted: {reason}.", remedy, passing=False)
    if isinstance(error, requests.Timeout) or "timed out" in reason:
        return Failure(f"It was silent for {silence:.3g} s.", _LATER)
    if "NameResolutionError" in str(error):
        return Failure("Its name is not found (DNS).", "Check that this computer is online; then run it again.")
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
        return Failure(f"The proxy setting is wrong: {reason}.", "Correct HTTPS_PROXY.", passing=False)
    return Failure(f"The connection broke: {reason}.", _CONNECTION)


def _reason(error: BaseException) -> str:
    """Tell what the innermost of the exceptions says that requests and urllib3 put around each other."""
    inner: BaseException | None = error
    while inner is not None:
        error = inner
        around = (getattr(error, "reason", None), *error.args, error.__cause__)
        inner = next((one for one in around if isinstance(one, BaseException)), None)
    said = getattr(error, "strerror", None) or error
    return " ".join(str(said).split())[:200].rstrip(".")


def _refused(response: Response) -> Failure:
    """Tell what a status other than success means."""
    status = response.status_code
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = response.reason or "unknown"
    cause = f"It answers {status} ({phrase}){_said(response)}."
    if status in {401, 403}:
        cause += " The search needs no account, so something on the way refuses."
        return Failure(
            cause, "Check the proxy and the network policy; if they are fine, try again later.", passing=False
        )
    if status in _PASSING:
        wait = _retry_after(response.headers.get("Retry-After", ""))
        remedy = f"It asks to wait for {wait:.0f} s: try again then." if wait > _LONG_WAIT else _LATER
        return Failure(cause, remedy, wait=wait)
    if status == 404:
        return Failure(cause, "The service may have moved: update asf_search, or try again later.", passing=False)
    return Failure(cause, "Run it with another area or other dates; if it stays, report it.", passing=False)


def _said(response: Response) -> str:
    """Return the message in the answer, if it is one."""
    try:
        errors = response.json()["errors"]
    except (ValueError, KeyError, TypeError):
        return f" with {_described(response.content)}" if response.content.strip() else ""
    return f": {' '.join(str(item) for item in errors)[:200].rstrip('.')}" if errors else ""


def _retry_after(value: str) -> float:
    """Return the seconds in a header that holds them or a date; 0 when it says nothing."""
    if re.fullmatch(r"\d{1,6}", value.strip()):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
