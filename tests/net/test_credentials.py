"""Where an Earthdata account is looked for, why it is refused, and what a netrc file keeps when it is changed."""

from __future__ import annotations

import netrc
import stat
from pathlib import Path

import pytest

from dinsar_cli.errors import CredentialsError, UsageError
from dinsar_cli.net.credentials import Bearer, Credentials, find_credentials, find_dataspace_account, refusal
from dinsar_cli.net.netrc import read_netrc, write_entry

HOST = "urs.earthdata.nasa.gov"
GUARD = "sentinel1.asf.alaska.edu"


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


# --- where ------------------------------------------------------------------------------------------------------


def test_the_order_of_the_places(tmp_path: Path) -> None:
    file = write(tmp_path / "netrc", f"machine {HOST} login atlas password from-netrc\n")
    everything = {
        "EARTHDATA_TOKEN": "from-token",
        "NETRC": str(file),
        "EARTHDATA_USERNAME": "other",
        "EARTHDATA_PASSWORD": "from-environment",
    }
    first = find_credentials(everything)
    assert (first.token, first.user, first.password) == ("from-token", "atlas", "from-netrc")
    assert first.source == "EARTHDATA_TOKEN"
    second = find_credentials(everything | {"EARTHDATA_TOKEN": " "})
    assert (second.token, second.password, second.source) == ("", "from-netrc", f"the netrc file {file}")
    third = find_credentials(everything | {"EARTHDATA_TOKEN": "", "NETRC": str(tmp_path / "none")})
    assert (third.user, third.password) == ("other", "from-environment")
    assert third.source == "EARTHDATA_USERNAME and EARTHDATA_PASSWORD"


def test_the_account_of_the_data_space(tmp_path: Path) -> None:
    file = write(tmp_path / "netrc", "machine dataspace.copernicus.eu login atlas password from-netrc\n")
    everything = {"NETRC": str(file), "CDSE_USERNAME": "other", "CDSE_PASSWORD": "from-environment"}
    first = find_dataspace_account(everything)
    assert first is not None
    assert (first.user, first.password) == ("other", "from-environment")
    assert "from-environment" not in repr(first)
    second = find_dataspace_account(everything | {"CDSE_PASSWORD": ""})
    assert second is not None
    assert (second.user, second.password, second.source) == ("atlas", "from-netrc", f"the netrc file {file}")
    for content in (f"machine {HOST} login a password b\n", "default login a password b\n", "nonsense\n"):
        write(file, content)
        assert find_dataspace_account({"NETRC": str(file)}) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://zipper.dataspace.copernicus.eu/a", True),
        ("https://dataspace.copernicus.eu", True),
        ("http://zipper.dataspace.copernicus.eu/a", False),
        ("https://zipperdataspace.copernicus.eu/a", False),
        ("https://dataspace.copernicus.eu.example.org/a", False),
        ("https://dataspace.copernicus.eu@example.org/a", False),
        ("https://example.org/?dataspace.copernicus.eu", False),
    ],
)
def test_who_may_have_a_token(url: str, *, expected: bool) -> None:
    bearer = Bearer("dataspace.copernicus.eu", "secret")
    assert bearer.is_for(url) is expected
    assert "secret" not in repr(bearer)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "does not exist"),
        ("", "is empty"),
        ("machine example.org login a password b\n", f"has no entry for {HOST}"),
        ("default login a password b\n", "an entry 'default' is not used"),
    ],
)
def test_nobody_is_known(tmp_path: Path, content: str | None, found: str) -> None:
    file = tmp_path / "netrc"
    if content is not None:
        write(file, content)
    with pytest.raises(CredentialsError, match=found) as caught:
        find_credentials({"NETRC": str(file), "EARTHDATA_USERNAME": "without password"})
    assert "https://urs.earthdata.nasa.gov/users/new" in caught.value.remedy
    assert "dinsar login" in caught.value.remedy


def test_a_netrc_that_others_can_read_or_with_a_default_is_warned_of(tmp_path: Path) -> None:
    entry = f"machine {HOST} login atlas password secret\n"
    file = write(tmp_path / "netrc", entry)
    assert find_credentials({"NETRC": str(file)}).warnings == ()
    file.chmod(0o644)
    (warning,) = find_credentials({"NETRC": str(file)}).warnings
    assert f"chmod 600 {file}" in warning
    write(file, entry + "default login a password b\n")
    (warning,) = find_credentials({"NETRC": str(file), "EARTHDATA_TOKEN": "t"}).warnings
    assert "in place of a token" in warning


def test_a_netrc_that_cannot_be_read_is_told_without_what_is_in_it(tmp_path: Path) -> None:
    file = write(tmp_path / "netrc", f"machine {HOST} login atlas password two secretwords\n")
    with pytest.raises(CredentialsError, match="Line") as caught:
        find_credentials({"NETRC": str(file)})
    assert "secretwords" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert find_credentials({"NETRC": str(file), "EARTHDATA_TOKEN": "t"}).source == "EARTHDATA_TOKEN"  # not needed
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CredentialsError):
        find_credentials({"NETRC": str(file)})
    with pytest.raises(CredentialsError):
        find_credentials({"NETRC": str(tmp_path)})  # a folder


def test_a_token_with_a_line_break_is_not_sent() -> None:
    with pytest.raises(CredentialsError, match="blanks") as caught:
        find_credentials({"EARTHDATA_TOKEN": "abc\ndef", "NETRC": "/nowhere"})
    assert "abc" not in str(caught.value)


def test_secrets_are_not_in_the_representation() -> None:
    assert "secret" not in repr(Credentials("here", token="secret", user="secret", password="secret"))  # noqa: S106


# --- why --------------------------------------------------------------------------------------------------------

TOKEN = Credentials("EARTHDATA_TOKEN", token="t")  # noqa: S106
BOTH = Credentials("EARTHDATA_TOKEN", token="t", user="u", password="p")  # noqa: S106
NETRC = Credentials("the netrc file ~/.netrc", user="u", password="p")  # noqa: S106


@pytest.mark.parametrize(
    ("status", "host", "known", "said", "cause", "page"),
    [
        (401, GUARD, TOKEN, "", "token of EARTHDATA_TOKEN is wrong or has expired", "/user_tokens"),
        (401, GUARD, BOTH, "", "token of EARTHDATA_TOKEN is wrong or has expired", "/user_tokens"),
        (401, HOST, TOKEN, "", "single bursts", "/user_tokens"),
        (401, HOST, BOTH, "", "password of the netrc file or the environment", "urs.earthdata.nasa.gov"),
        (401, HOST, NETRC, "", "password of the netrc file ~/.netrc", "urs.earthdata.nasa.gov"),
        (403, GUARD, NETRC, "EULA Acceptance Failure", "has not accepted the licence", "/approve_app?client_id="),
        (403, GUARD, TOKEN, "", "or may not have this file", "/approve_app?client_id="),
        (200, HOST, NETRC, "<title>Earthdata Login</title>", "a page to log in", "urs.earthdata.nasa.gov"),
        (200, HOST, NETRC, "Please accept the EULA", "has not accepted the licence", "/approve_app?client_id="),
    ],
)
def test_a_refusal_names_its_cause_and_a_page(
    status: int, host: str, known: Credentials, said: str, cause: str, page: str
) -> None:
    error = refusal(status, host, known, said, "https://datapool.asf.alaska.edu/a.zip")
    assert cause in error.cause
    assert page in error.remedy
    assert host in error.problem


def test_a_refusal_names_what_is_wrong_with_the_netrc() -> None:
    known = Credentials("netrc", user="u", password="p", warnings=("chmod 600 it",))  # noqa: S106
    assert "Besides, chmod 600 it." in refusal(401, HOST, known).cause


# --- the netrc file ---------------------------------------------------------------------------------------------

OTHERS = """# my machines
machine example.org
    login me   # that is me
    password "with blank"
macdef init
machine urs.earthdata.nasa.gov login in a macro
cd /pub

machine other.example.org login machine password default account urs.earthdata.nasa.gov
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "{}\n"),
        ("machine a login b password c", "machine a login b password c\n{}\n"),
        (OTHERS, OTHERS + "{}\n"),
        (f"machine {HOST} login old password older\n", "{}\n"),
        (f'machine a login b password c\nmachine {HOST}\n\tlogin old\n\tpassword "o l d"\n', None),
        (f"{OTHERS}machine {HOST} password old login older\nmachine z login y password x\n", None),
        ("default login a password b\n", "{}\ndefault login a password b\n"),
        (
            f"machine {HOST} login a password b\nmachine q login r password s\nmachine {HOST} login c password d\n",
            None,
        ),
    ],
)
@pytest.mark.parametrize("password", ["simple", 'a "quoted\\ #one', "#hash", "p@ss:wörd'"])
def test_only_the_entry_changes(tmp_path: Path, before: str, after: str | None, password: str) -> None:
    file = write(tmp_path / "netrc", before, 0o644)
    known = netrc.netrc(file).hosts
    write_entry(file, HOST, "atlas", password)
    hosts = netrc.netrc(file).hosts  # as requests reads it
    assert hosts == known | {HOST: ("atlas", "", password)}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    if password == "simple":  # noqa: S105
        entry = f"machine {HOST} login atlas password simple"
        text = file.read_text()
        assert text.count(entry) == 1
        if after is not None:
            assert text == after.format(entry)
        else:
            rest = before.split(f"machine {HOST}")
            assert text.startswith(rest[0] if HOST not in OTHERS or OTHERS not in before else OTHERS)
            assert all(part in text for part in ("machine z", "machine q") if part in before)


def test_comments_where_the_library_of_python_stumbles(tmp_path: Path) -> None:
    file = write(tmp_path / "netrc", f"#two words\nmachine {HOST} login a password b\n\n# end of it\n")
    assert find_credentials({"NETRC": str(file)}).password == "b"  # noqa: S105
    write_entry(file, HOST, "atlas", "new")
    assert file.read_text() == f"#two words\nmachine {HOST} login atlas password new\n\n# end of it\n"


def test_a_new_netrc_and_one_behind_a_link(tmp_path: Path) -> None:
    file = tmp_path / "netrc"
    write_entry(file, HOST, "atlas", "secret")
    assert read_netrc(file).hosts == {HOST: ("atlas", "secret")}
    assert not read_netrc(file).open_to_others
    link = tmp_path / "link"
    link.symlink_to(file)
    write_entry(link, HOST, "atlas", "newer")
    assert link.is_symlink()
    assert read_netrc(file).hosts == {HOST: ("atlas", "newer")}


def test_a_netrc_that_is_not_understood_is_left_alone(tmp_path: Path) -> None:
    text = f"machine {HOST} login atlas password two words\n"
    file = write(tmp_path / "netrc", text)
    with pytest.raises(UsageError, match="cannot be read"):
        write_entry(file, HOST, "atlas", "new")
    assert file.read_text() == text
    for bad in ("", "new\nline"):
        with pytest.raises(UsageError, match="control characters"):
            write_entry(tmp_path / "other", HOST, "atlas", bad)
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(UsageError, match="cannot be written"):
        write_entry(tmp_path / "none" / "netrc", HOST, "atlas", "new")


# --- text that others wrote -------------------------------------------------------------------------------------


def test_a_netrc_of_windows(tmp_path: Path) -> None:
    """A byte-order mark is passed over and kept; UTF-16, which no program reads, is named."""
    file = tmp_path / "netrc"
    entry = f"machine {HOST} login atlas password secretword\r\n"
    file.write_bytes(entry.encode("utf-8-sig"))
    file.chmod(0o600)
    assert find_credentials({"NETRC": str(file)}).password == "secretword"  # noqa: S105
    write_entry(file, HOST, "atlas", "another")
    assert file.read_bytes().startswith(b"\xef\xbb\xbfmachine")
    assert find_credentials({"NETRC": str(file)}).password == "another"  # noqa: S105
    for encoding in ("utf-16", "utf-16-le"):
        file.write_bytes(entry.encode(encoding))
        with pytest.raises(CredentialsError, match="UTF-16") as caught:
            find_credentials({"NETRC": str(file)})
        assert "secretword" not in str(caught.value)
        assert "UTF-8" in caught.value.remedy


@pytest.mark.parametrize(
    "name",
    [HOST.upper(), "Urs.EarthData.nasa.gov", f"https://{HOST}", f"https://{HOST}/", f"http://atlas@{HOST}:443/x"],
)
def test_an_entry_that_is_named_otherwise(tmp_path: Path, name: str) -> None:
    file = write(tmp_path / "netrc", f"machine {name} login atlas password secret\n")
    found = find_credentials({"NETRC": str(file)})
    assert (found.user, found.password) == ("atlas", "secret")
    assert name in found.warnings[0]
    write(file, f"machine {name} login other password x\nmachine {HOST} login atlas password secret\n")
    assert find_credentials({"NETRC": str(file)}).user == "atlas"
    write(file, "machine urs.earthdata.nasa.gov.example.org login a password b\n")
    with pytest.raises(CredentialsError, match="no entry"):
        find_credentials({"NETRC": str(file)})


@pytest.mark.parametrize(("entry", "lacking"), [("login atlas", "password"), ("password x", "login")])
def test_an_entry_that_lacks_something(tmp_path: Path, entry: str, lacking: str) -> None:
    file = write(tmp_path / "netrc", f"machine {HOST} {entry}\n")
    with pytest.raises(CredentialsError, match=f"has no {lacking}"):
        find_credentials({"NETRC": str(file)})


@pytest.mark.parametrize(
    ("token", "word"), [("eyJ0eXAi\u2026dGVz", "ellipsis"), ("eyJ0eXAi...dGVz", "ellipsis"), ("eyJ\u0442", "ASCII")]
)
def test_a_token_that_was_copied_wrongly(token: str, word: str) -> None:
    with pytest.raises(CredentialsError, match=word) as caught:
        find_credentials({"EARTHDATA_TOKEN": token, "NETRC": "/nowhere"})
    assert "eyJ" not in str(caught.value)


def test_passwords_are_sent_in_utf_8(tmp_path: Path) -> None:
    """As curl sends them: of a file that is not UTF-8, the bytes that stand there."""
    assert Credentials("here", user="č", password="密码").pair == ("č".encode(), "密码".encode())  # noqa: S106
    file = tmp_path / "netrc"
    file.write_bytes(f"machine {HOST} login atlas password ".encode() + b"gr\xfcn\n")
    assert find_credentials({"NETRC": str(file)}).pair == (b"atlas", b"gr\xfcn")
