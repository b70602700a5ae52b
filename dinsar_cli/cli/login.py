"""``dinsar login``: who you are to the archive, asked once and kept in the netrc file."""

from __future__ import annotations

import getpass
import json
import os
import sys
import warnings
from collections.abc import Sequence

import click

from dinsar_cli.cli.options import json_option, telling_options
from dinsar_cli.cli.parts.common import tell_made, warn
from dinsar_cli.errors import UsageError
from dinsar_cli.net.credentials import (
    EARTHDATA_HOST,
    PASSWORD,
    REGISTER_PAGE,
    TOKEN,
    TOKEN_PAGE,
    USER,
    Credentials,
    check_token,
    find_credentials,
    netrc_warnings,
)
from dinsar_cli.net.login import check_account
from dinsar_cli.net.netrc import netrc_path, read_netrc, write_entry


@click.command("login", short_help="Give your Earthdata account, for downloads.")
@click.option("--user", metavar="NAME", help="User name; asked for without it.")
@click.option("--token", is_flag=True, help="Try a token instead of user name and password.")
@click.option("--check", is_flag=True, help="Try the account that is known; ask and write nothing.")
@json_option
@telling_options
def login(user: str | None, *, token: bool, check: bool, as_json: bool) -> None:
    """Give your Earthdata account, which the archive wants for downloads, and try it.

    User name and password are asked for, tried, and written into the netrc file of the home folder (or the one that
    NETRC names), which only you can read; what else is in it stays. Without a terminal nothing is asked.
    """
    if check and (user or token):
        raise UsageError(
            "--check goes with no other option.", "It tries the account that is known.", "Leave the others out."
        )
    if check:
        known = find_credentials()
        check_account(known)
        _tell(f"The account of {known.source} is accepted.", known.source, known.warnings, as_json=as_json)
    elif token:
        _try_token(as_json=as_json)
    else:
        _log_in(user, as_json=as_json)


def _try_token(*, as_json: bool) -> None:
    """Try a token; no file has a place for it that programs agree on."""
    _need_terminal()
    click.echo(f"Tokens are made at {TOKEN_PAGE}", err=True)
    given = _ask_hidden("Token (not shown): ").strip()
    check_token(given, "that you typed")
    check_account(Credentials("what you typed", token=given))
    told = f"The token is accepted. A netrc file cannot hold it: set the variable {TOKEN} to it."
    _tell(told, "what you typed", (), as_json=as_json)
    click.echo(f"In a shell this asks for it without showing it: read -rs {TOKEN} && export {TOKEN}", err=True)
    click.echo("It lasts 60 days. Single bursts need user and password as well.", err=True)


def _log_in(user: str | None, *, as_json: bool) -> None:
    _need_terminal()
    path = netrc_path(os.environ)
    known = read_netrc(path)
    click.echo(f"Accounts are free: {REGISTER_PAGE}", err=True)
    before, _ = known.account(EARTHDATA_HOST)
    user = user or click.prompt("Earthdata user name", default=before or None, err=True)
    password = _ask_hidden("Password (not shown): ")
    check_account(Credentials("what you typed", user=user, password=password))
    write_entry(path, EARTHDATA_HOST, user, password)
    notes = [*netrc_warnings(read_netrc(path))]
    if os.environ.get(TOKEN):
        notes.append(f"the variable {TOKEN} is set, and is used before {path}")
    told = f"The account is accepted, and written into {path}, which only you can read."
    _tell(told, f"the netrc file {path}", notes, as_json=as_json)


def _need_terminal() -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "dinsar login needs a terminal.",
            "Standard input is none, and a password is asked for on a terminal only.",
            f"Set {TOKEN}, or {USER} and {PASSWORD}, or write a line into {netrc_path(os.environ)} (mode 0600): "
            f"machine {EARTHDATA_HOST} login USER password PASSWORD . Then try it with: dinsar login --check",
        )


def _ask_hidden(prompt: str) -> str:
    """Ask without showing what is typed; never where it would be shown."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            given = getpass.getpass(prompt)
    except getpass.GetPassWarning:
        raise UsageError(
            "The password cannot be asked for.",
            "This terminal would show what is typed.",
            "Use another terminal.",
        ) from None
    except EOFError:
        raise click.Abort from None
    if not given:
        raise UsageError("Nothing was typed.", "An account needs a password.", "Try again.")
    return given


def _tell(text: str, source: str, notes: Sequence[str], *, as_json: bool) -> None:
    """Tell that an account is accepted, and what there is to say of where it is kept."""
    for note in notes:
        warn(note)
    if as_json:
        click.echo(json.dumps({"accepted": True, "source": source, "warnings": list(notes)}, indent=2))
    else:
        tell_made(text)
