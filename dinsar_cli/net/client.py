"""Requests to archives: sessions, and what an answer or the lack of one means.

No message and no log has the query of an address: that of a signed one is a password.
"""

from __future__ import annotations

import logging
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import requests
import urllib3

from dinsar_cli import __version__
from dinsar_cli.errors import CredentialsError, NetworkError, NoDataError
from dinsar_cli.net.credentials import EARTHDATA_HOST, Bearer, Credentials, refusal
from dinsar_cli.net.limits import Limits, TryAgain

_GONE = frozenset({404, 410})
_PASSING = frozenset({408, 425, 429})  # and 5xx
_ARCHIVE_DOMAINS = (EARTHDATA_HOST, ".asf.alaska.edu", ".earthdata.nasa.gov")
_SAID = 4096  # bytes of a refusal that are looked at
_PAGE = re.compile(rb"\s*(<!doctype html|<html)", re.IGNORECASE)
_FOREIGN_LOGS = ("urllib3.connectionpool", "urllib3.util.retry")

_log = logging.getLogger(__name__)


def shown(url: str) -> str:
    """Return the address as it may be shown: without query, user and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


class RefusedError(NetworkError):
    """A server refuses a form; only who filled it in can say why.

    Attributes
    ----------
    status : int
        Of the answer.
    """

    def __init__(self, problem: str, cause: str, remedy: str, status: int) -> None:
        super().__init__(problem, cause, remedy)
        self.status = status


class _WithoutQueries(logging.Filter):
    """Takes queries out of what urllib3 logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                argument.partition("?")[0] if isinstance(argument, str) else argument for argument in record.args
            )
        return True


_without_queries = _WithoutQueries()


class _AnonymousSession(requests.Session):
    """A session that tells nobody who we are, whatever a netrc file says; a token goes to its own domain alone."""

    def __init__(self, bearer: Bearer | None = None) -> None:
        super().__init__()
        self._bearer = bearer
        self.auth = self._sign

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the token where it belongs; requests looks for no other credentials then."""
        if self._bearer is not None and self._bearer.is_for(request.url or ""):
            request.headers["Authorization"] = f"Bearer {self._bearer.token}"
        return request

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Send nothing else after a redirect either."""
        _log.debug("redirect from %s to %s", shown(response.url), shown(prepared_request.url or ""))
        prepared_request.headers.pop("Authorization", None)
        self._sign(prepared_request)


class Client:
    """One session, for one thread.

    Parameters
    ----------
    limits : Limits
    known : Credentials, optional
        Earthdata account for archives that want one; None for those that do not.
    bearer : Bearer, optional
        Token for an archive of another kind.
    """

    def __init__(self, limits: Limits, known: Credentials | None = None, bearer: Bearer | None = None) -> None:
        self.limits = limits
        self._known = known
        self._bearer = bearer

    def __enter__(self) -> Self:
        self._session: requests.Session = _AnonymousSession(self._bearer)
        if self._known is not None:
            from dinsar_cli.net.earthdata import EarthdataSession

            self._session = EarthdataSession(self._known)
        self._session.headers["User-Agent"] = f"dinsar/{__version__} {self._session.headers['User-Agent']}"
        self._session.headers["Accept-Encoding"] = "identity"
        for name in _FOREIGN_LOGS:
            logging.getLogger(name).addFilter(_without_queries)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    @contextmanager
    def answer(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        password: bool = False,
        page: bool = False,
        any_status: bool = False,
    ) -> Iterator[requests.Response]:
        """Ask once, follow redirects, and give an answer with status 200, 206 or 416; its body is still to be read.

        Parameters
        ----------
        method, url : str
        headers, params, form : mapping, optional
            Of the request. With a form no redirect is followed: what is in it is for this address alone.
        password : bool
            Send user and password with the first request already.
        page : bool
            An HTML page is as good an answer as any.
        any_status : bool
            So is one with any status.

        Raises
        ------
        TryAgain
            When the next try may do better; also for what happens in the block while the body is read.
        CredentialsError, NoDataError, NetworkError
            When it cannot.
        """
        started = time.monotonic()
        account = self._known.pair if password and self._known else None
        try:
            with self._session.request(
                method,
                url,
                headers=dict(headers or {}),
                params=params,
                data=form,
                auth=account,
                stream=True,
                allow_redirects=form is None,
                timeout=(self.limits.connect, self.limits.stall),
            ) as response:
                _log.debug(
                    "%s %s: %d, %.2f s", method, shown(url), response.status_code, time.monotonic() - started
                )
                if not any_status:
                    self._judge(response, url, page=page)
                yield response
        except requests.TooManyRedirects:
            # From none: the messages of requests have whole addresses.
            raise TryAgain("it leads in a circle (cookies are refused, or the clock is wrong)") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise self._failure(error, url) from None
        except UnicodeEncodeError:
            # the proxy's: of no other does requests make a head itself; the message would have the password
            raise NetworkError(
                "The proxy cannot be asked.",
                "The user or password in HTTPS_PROXY (or HTTP_PROXY) has letters that cannot be sent.",
                "Take a password of plain letters and digits for the proxy, or a proxy that wants none.",
            ) from None
        except OSError as error:
            if "TLS" not in str(error):  # what happens in the block, such as a full disk
                raise
            raise NetworkError(
                "The identity of no server can be proved.",
                f"A file of certificates or a key cannot be used: {error}.",
                "Let REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE name a file that is there, or unset them.",
            ) from None

    def has_cookie(self, name: str) -> bool:
        """Tell whether a server has given a cookie of that name."""
        return any(cookie.name == name for cookie in self._session.cookies)

    def _failure(self, error: Exception, url: str) -> Exception:
        """Tell what it means that there is no answer, or no end of it."""
        innermost = list(_chain(error))[-1]
        if isinstance(innermost, ssl.SSLCertVerificationError):
            return NetworkError(
                f"The identity of {urlsplit(url).hostname} cannot be proved.",
                f"Its certificate was not accepted: {innermost.verify_message or 'unknown reason'} "
                f"(the clock here says {datetime.now(UTC):%Y-%m-%d %H:%M} UTC).",
                "Set the clock right; in a network that has certificates of its own, name their file in "
                "REQUESTS_CA_BUNDLE.",
            )
        return TryAgain(self._reason(error))

    def _reason(self, error: Exception) -> str:
        """Say why there is no answer, in words without addresses."""
        kinds = tuple(_chain(error))
        if any(isinstance(one, requests.ConnectTimeout) for one in kinds):
            return f"no connection within {self.limits.connect:g} s"
        if any(isinstance(one, requests.ReadTimeout | urllib3.exceptions.ReadTimeoutError) for one in kinds):
            return f"nothing came for {self.limits.stall:g} s"
        text = getattr(kinds[-1], "strerror", None) or str(kinds[-1]).partition("?")[0]
        if any(isinstance(one, requests.exceptions.ProxyError) for one in kinds):
            return f"the proxy gives no connection ({text})"
        if any(isinstance(one, urllib3.exceptions.NameResolutionError) for one in kinds):
            return "the name of the host is not known here"
        if any(isinstance(one, requests.exceptions.ChunkedEncodingError) for one in kinds):
            return "the connection broke in the middle"
        return f"no connection ({text})"

    def _judge(self, response: requests.Response, url: str, *, page: bool) -> None:
        """Raise unless an answer has what was asked for."""
        status = response.status_code
        if status in {200, 206, 416}:
            if status == 200 and not page and is_page(response.headers.get("Content-Type", "")):
                raise self.page_instead(response, url)
            return
        host, name = urlsplit(response.url).hostname or "", shown(url)
        if status == 202:
            raise TryAgain("it is being prepared", _retry_after(response), preparing=True)
        if response.request.method == "POST" and self._known is None and status < 500 and status not in _PASSING:
            raise RefusedError(
                f"{host} does not take what it was sent.",
                f"{name} answers {status} ({response.reason}).",
                "Look whether a proxy or firewall is in between (HTTPS_PROXY); else try again later.",
                status,
            )
        if status in _GONE:
            raise NoDataError(
                f"{name} does not exist.",
                f"The archive has nothing of that name (status {status}).",
                "Check name and date; the file may have been withdrawn, or replaced by a newer version.",
            )
        if status in {401, 403}:
            raise self._refused(response, host, name)
        if status in _PASSING or status >= 500:
            raise TryAgain(f"{host} answers {status} ({response.reason})", _retry_after(response))
        raise NetworkError(
            f"{name} could not be fetched.",
            f"{host} answers {status} ({response.reason}).",
            "The address may have changed: look for a newer version of dinsar.",
        )

    def _refused(self, response: requests.Response, host: str, name: str) -> Exception:
        if self._known is not None and host.endswith(_ARCHIVE_DOMAINS):
            return refusal(response.status_code, host, self._known, _beginning(response), name)
        if self._known is not None:  # the storage: a signed address lives for a while only
            return TryAgain(f"{host} refuses the signed address with status {response.status_code}")
        if self._bearer is not None and self._bearer.is_for(response.url):
            return CredentialsError(
                f"{host} does not let you have {name}.",
                f"It refuses the token that your account was given (status {response.status_code}).",
                f"Log in once at https://{self._bearer.domain} and accept what it asks, then try again.",
            )
        return NetworkError(
            f"{name} could not be fetched.",
            f"{host} refuses it with status {response.status_code}, although it wants no account.",
            "Look whether a proxy or firewall is in between (HTTPS_PROXY); else try again later.",
        )

    def page_instead(self, response: requests.Response, url: str, head: bytes = b"") -> Exception:
        """Tell what it means that an HTML page came instead of data; the head of its body if that has been read."""
        host = urlsplit(response.url).hostname or ""
        if self._known is not None and host.endswith(_ARCHIVE_DOMAINS):
            said = head.decode("utf-8", "replace") or _beginning(response)
            return refusal(200, host, self._known, said, shown(url))
        return TryAgain(f"{host} sends an HTML page instead of data (maintenance, or the page of a hotspot)")


def is_page(kind: str, head: bytes = b"") -> bool:
    """Tell whether a body is an HTML page, by its Content-Type and first bytes."""
    return kind.strip().lower().startswith(("text/html", "application/xhtml")) or _PAGE.match(head) is not None


def _beginning(response: requests.Response) -> str:
    """Return the first characters of an answer; empty when they do not come."""
    try:
        return next(response.iter_content(_SAID), b"").decode("utf-8", "replace")
    except (requests.RequestException, urllib3.exceptions.HTTPError):
        return ""


def _retry_after(response: requests.Response) -> float | None:
    """Return the seconds that the server asks to wait; a date is compared with the server's own clock."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        then = parsedate_to_datetime(text)
        now = parsedate_to_datetime(response.headers.get("Date", ""))
        return max((then - now).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those in it, to the innermost."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        inner = [part for part in current.args if isinstance(part, BaseException)]
        reason = getattr(current, "reason", None)
        if isinstance(reason, BaseException):
            inner.append(reason)
        current = inner[0] if inner else current.__cause__ or current.__context__
