"""Earthdata Login, and the way from a product's address to its bytes.

A product's address leads from the datapool to its guard, from there to Earthdata Login unless the client is
known, back with a code that is exchanged for a cookie, and at last to a signed address of a storage that wants
no other credentials.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from support.archive.messages import Answer, Reply, Request, as_json, as_xml, file, page, redirect, text

URS: Final = "urs.earthdata.nasa.gov"
DATAPOOL: Final = "datapool.asf.alaska.edu"
GUARD: Final = "sentinel1.asf.alaska.edu"
CUMULUS: Final = "cumulus.asf.alaska.edu"
STORAGE: Final = "d111111abcdef8.cloudfront.net"
COOKIE: Final = "asf-urs"
CLIENT: Final = "BO_n7nTIlMljdvU6kRRB3g"
LICENCE_PAGE: Final = "Please accept the End User License Agreement at https://urs.earthdata.nasa.gov/approve_app"
_SCRIPT: Final = re.compile(r"(?i)(curl|wget|python|aria2|gdal|dinsar)")


@dataclass
class Accounts:
    """Who may download, and what: the switches of the login.

    Attributes
    ----------
    user, password, token : str
        The only account.
    licence_accepted : bool
        Whether the account has agreed to the terms (EULA); 403 otherwise.
    token_expired : bool
    link_seconds : float
        For how long a signed address works.
    """

    user: str = "atlas"
    password: str = field(default_factory=secrets.token_urlsafe, repr=False)
    token: str = field(default_factory=secrets.token_urlsafe, repr=False)
    licence_accepted: bool = True
    token_expired: bool = False
    link_seconds: float = 3600.0
    _codes: set[str] = field(default_factory=set, repr=False)
    _cookies: set[str] = field(default_factory=set, repr=False)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(16), repr=False)

    def netrc(self, password: str | None = None) -> str:
        """Content of a netrc file for this account, or with another password."""
        return f"machine {URS} login {self.user} password {password or self.password}\n"

    def has_password(self, request: Request) -> bool:
        """Whether a request has the right user and password."""
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(value).decode() if kind == "Basic" else ""
        except (binascii.Error, UnicodeDecodeError):
            return False
        return given == f"{self.user}:{self.password}"

    def has_token(self, request: Request) -> bool:
        """Whether a request has a token that is valid."""
        given = request.headers.get("authorization", "")
        return given == f"Bearer {self.token}" and not self.token_expired

    def has_cookie(self, request: Request) -> bool:
        """Whether a request comes from a client that has logged in."""
        return request.cookie(COOKIE) in self._cookies

    def new_code(self) -> str:
        """Give a code that is good for one cookie."""
        self._codes.add(code := secrets.token_hex(16))
        return code

    def welcome(self, request: Request, then: str) -> Reply:
        """Exchange a code for a cookie, and lead on."""
        code = request.field("code")
        if code not in self._codes:
            return page("The login has failed: unknown code", 400)
        self._codes.discard(code)
        if not self.licence_accepted:
            return page(LICENCE_PAGE, 403)
        self._cookies.add(cookie := secrets.token_hex(16))
        reply = redirect(then, 301) if then else page("You are logged in")
        return reply.with_headers(("Set-Cookie", f"{COOKIE}={cookie}; Domain=.asf.alaska.edu; Path=/; Secure"))

    def send_to_login(self, request: Request) -> Reply:
        """Lead a client that is not known to Earthdata Login, and from there back."""
        parameters = {
            "client_id": CLIENT,
            "response_type": "code",
            "redirect_uri": f"https://{request.host}/login",
            "state": request.target,
        }
        if _SCRIPT.match(request.headers.get("user-agent", "")):
            parameters["app_type"] = "401"  # ask for credentials with a status instead of a page
        return redirect(f"https://{URS}/oauth/authorize?{urlencode(parameters)}")

    def signature(self, path: str, expires: str) -> str:
        """Signature of an address of the storage."""
        return hmac.new(self._key, f"{path} {expires}".encode(), hashlib.sha256).hexdigest()

    def signed(self, path: str) -> str:
        """Address of the storage that works for a while."""
        expires = f"{time.time() + self.link_seconds:.3f}"
        query = urlencode({"A-userid": self.user, "Expires": expires, "Signature": self.signature(path, expires)})
        return f"https://{STORAGE}{quote(path)}?{query}"


@dataclass(frozen=True)
class Gate:
    """The hosts between a product's address and its bytes.

    Attributes
    ----------
    accounts : Accounts
    files : dict
        Path of the address to the file.
    """

    accounts: Accounts
    files: dict[str, Path]

    def hosts(self) -> dict[str, Answer]:
        """Hosts and what answers for them."""
        return {
            URS: self.earthdata_login,
            DATAPOOL: self.datapool,
            GUARD: self.guard,
            CUMULUS: lambda request: self.accounts.welcome(request, ""),
            STORAGE: self.storage,
        }

    def datapool(self, request: Request) -> Reply:
        """Lead to the guard."""
        return redirect(f"https://{GUARD}{request.target}", 307)

    def guard(self, request: Request) -> Reply:
        """Let those in who are known."""
        accounts = self.accounts
        if request.path == "/login":
            return accounts.welcome(request, f"https://{GUARD}{request.field('state', '/')}")
        authorization = request.headers.get("authorization", "")
        if authorization.startswith("Bearer ") and not accounts.has_token(request):
            return as_json({"status_code": 401, "error_description": "The token is invalid or has expired"}, 401)
        if not authorization.startswith("Bearer ") and not accounts.has_cookie(request):
            return accounts.send_to_login(request)
        if not accounts.licence_accepted:
            return page(LICENCE_PAGE, 403)
        if request.path not in self.files:
            return page("Not found", 404)
        return redirect(accounts.signed(request.path), 303)

    def storage(self, request: Request) -> Reply:
        """Give the bytes to whoever has a signed address."""
        if "authorization" in request.headers:
            return as_xml(b"<Error><Code>InvalidArgument</Code><Message>Two credentials</Message></Error>", 400)
        query = dict(parse_qsl(request.query))
        expires = query.get("Expires", "0")
        good = hmac.compare_digest(query.get("Signature", ""), self.accounts.signature(request.path, expires))
        if not good or float(expires) < time.time():
            return as_xml(b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", 403)
        return file(self.files[request.path], "application/zip")

    def earthdata_login(self, request: Request) -> Reply:
        """Answer for Earthdata Login."""
        accounts = self.accounts
        if request.path == "/oauth/authorize":
            return self._authorize(request)
        if request.path == "/oauth/tokens/user":
            if request.field("token") == accounts.token and not accounts.token_expired:
                return as_json({"uid": accounts.user})
            return as_json({"error": "invalid_token", "error_description": "The token is invalid"}, 401)
        if request.path in {"/api/users/find_or_create_token", "/api/users/tokens", "/api/users/token"}:
            if not accounts.has_password(request):
                return _denied()
            token = {"access_token": accounts.token, "token_type": "Bearer", "expiration_date": "12/31/2099"}
            return as_json([token] if request.path.endswith("tokens") else token)
        return page("Earthdata Login")

    def _authorize(self, request: Request) -> Reply:
        if self.accounts.has_password(request):
            query = urlencode({"code": self.accounts.new_code(), "state": request.field("state")})
            return redirect(f"{request.field('redirect_uri')}?{query}")
        if "authorization" in request.headers or request.field("app_type") == "401":
            return _denied()
        return page("Earthdata Login")


def _denied() -> Reply:
    reply = text("HTTP Basic: Access denied.\n", 401)
    return reply.with_headers(("WWW-Authenticate", 'Basic realm="Please enter your Earthdata Login credentials"'))
