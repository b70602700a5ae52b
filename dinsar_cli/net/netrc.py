"""The netrc file: read what it says of one machine, and change that alone."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dinsar_cli.base.user_files import OddFileError, odd_encoding, read_bytes
from dinsar_cli.errors import UsageError

_NAMES = (".netrc", "_netrc")
_MOST_BYTES = 1 << 20
_MARK = "\ufeff"
_TOKEN = re.compile(r'"(?P<quoted>(?:\\.|[^"\\])*)"?|(?P<plain>(?:\\.|[^\s\\])+)', re.DOTALL)
_KEYS = frozenset({"login", "user", "password", "account"})
_TOP_LEVEL = frozenset({"machine", "default", "macdef"})
_NEEDS_QUOTES = re.compile(r'[\s"\\]|^#')
_EDIT_BY_HAND = "Mend the file with an editor; each entry is: machine HOST login USER password PASSWORD"


@dataclass(frozen=True)
class Netrc:
    """What a netrc file says.

    Attributes
    ----------
    path : Path
        The file, which need not exist.
    hosts : mapping
        Machine, or ``default``, to user and password.
    open_to_others : bool
        Whether other users of the computer can read it.
    """

    path: Path
    hosts: dict[str, tuple[str, str]]
    open_to_others: bool

    def account(self, machine: str) -> tuple[str, str]:
        """Return user and password of a machine, each empty where there is none.

        Capitals do not matter, and neither does an entry that is named by an address (``https://...``); of several,
        the one that is named as it should be counts.
        """
        return self.hosts.get(self.name_of(machine), ("", ""))

    def name_of(self, machine: str) -> str:
        """Return what the entry of a machine is called; the machine's own name where there is none."""
        if machine in self.hosts:
            return machine
        return next((name for name in reversed(self.hosts) if _host(name) == machine.lower()), machine)

    @property
    def has_default(self) -> bool:
        """Whether it has an entry for all machines that are not named."""
        return "default" in self.hosts


def netrc_path(environment: Mapping[str, str]) -> Path:
    """Tell where the netrc file is: what NETRC says, else in the home folder; it need not exist."""
    if environment.get("NETRC"):
        return Path(environment["NETRC"]).expanduser()
    places = [Path.home() / name for name in _NAMES]
    return next((path for path in places if path.exists()), places[0])


def read_netrc(path: Path) -> Netrc:
    """Read a netrc file; one that does not exist is empty.

    Raises
    ------
    UsageError
        When it cannot be read. The message has the line and nothing of what stands there.
    """
    try:
        mode = path.stat().st_mode
        text = _read(path).removeprefix(_MARK)
    except OddFileError as error:
        problem = f"The netrc file {path} cannot be read."
        raise UsageError(problem, error.cause, f"Save it again as plain text in UTF-8. {_EDIT_BY_HAND}") from None
    except FileNotFoundError:
        return Netrc(path, {}, open_to_others=False)
    except OSError as error:
        problem = f"The netrc file {path} cannot be read."
        remedy = f"Make it a file of your own: chown it to you, and: chmod 600 {path}"
        raise UsageError(problem, f"{error.strerror}.", remedy) from None
    try:
        hosts = {entry.machine: (entry.login, entry.password) for entry in _entries(text)}
    except ValueError as error:
        raise _unreadable(path, f"{error}.") from None
    return Netrc(path, hosts, open_to_others=os.name == "posix" and bool(mode & (stat.S_IRWXG | stat.S_IRWXO)))


def _read(path: Path) -> str:
    """Return the text with its byte-order mark, if it has one; bytes that are no UTF-8 stay what they are."""
    content = read_bytes(path, _MOST_BYTES)
    encoding = odd_encoding(content)
    if encoding:
        raise OddFileError(f"it is {encoding} text, as Windows programs write it, and programs read it as UTF-8")
    return content.decode("utf-8", "surrogateescape")


def _host(name: str) -> str:
    """Return the host in the name of an entry, which should be that and nothing else."""
    return re.sub(r"^\w+://(?:[^/@]*@)?|[:/].*$", "", name.strip()).lower()


def _unreadable(path: Path, cause: str) -> UsageError:
    return UsageError(f"The netrc file {path} cannot be read.", cause, _EDIT_BY_HAND)


def write_entry(path: Path, machine: str, user: str, password: str) -> None:
    """Write the entry of a machine; all else in the file stays as it is, byte for byte.

    The file is replaced as a whole and only its owner can read it.

    Raises
    ------
    UsageError
        When the file cannot be changed safely, or user or password cannot be written into one.
    """
    before = read_netrc(path)
    path = path.resolve()  # a link stays one
    whole = _read(path) if path.exists() else ""
    text = whole.removeprefix(_MARK)
    for word, value in (("user name", user), ("password", password)):
        if not value or re.search(r"[\x00-\x1f\x7f]", value):
            raise UsageError(
                f"This {word} cannot be written into {path}.",
                "It is empty or has control characters.",
                "Type it again.",
            )
    entry = f"machine {machine} login {_quoted(user)} password {_quoted(password)}"
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            mark = whole[: len(whole) - len(text)]
            file.write(f"{mark}{_with_entry(text, machine, entry)}".encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
        after = read_netrc(part)
        if after.hosts != {**before.hosts, machine: (user, password)}:
            raise _unreadable(path, "Its entries would not be the same with the new one.")
        part.replace(path)
    except OSError as error:
        raise UsageError(
            f"The netrc file {path} cannot be written.",
            f"{error.strerror}.",
            "Choose another file with the variable NETRC, or make its folder writable.",
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _quoted(value: str) -> str:
    if not _NEEDS_QUOTES.search(value):
        return value
    escaped = re.sub(r'(["\\])', r"\\\1", value)
    return f'"{escaped}"'


def _with_entry(text: str, machine: str, entry: str) -> str:
    """Give text of a netrc file with the entry of a machine replaced, or added before the one for all machines."""
    entries = list(_entries(text))
    own = [one for one in entries if one.machine == machine]
    for one in own[:0:-1]:  # of several entries the programs disagree which one counts
        text = text[: one.start] + text[one.stop :].lstrip(" \t").removeprefix("\n")
    if own:
        return text[: own[0].start] + entry + text[own[0].stop :]
    default = [one.start for one in entries if one.machine == "default"]
    if default:
        return text[: default[0]] + entry + "\n" + text[default[0] :]
    return text + ("" if not text or text.endswith("\n") else "\n") + entry + "\n"


@dataclass
class _Entry:
    """An entry with its place: from its first character to its last."""

    machine: str
    start: int
    stop: int
    login: str = ""
    password: str = ""


def _entries(text: str) -> Iterator[_Entry]:
    """Yield the entries of a netrc file; `ValueError` names the line of what is not understood."""
    words = _words(text)
    entry: _Entry | None = None
    for word, start, stop in words:
        if word in _TOP_LEVEL:
            if entry is not None:
                yield entry
            entry = _Entry("default", start, stop) if word == "default" else None
            if word == "machine":
                name, _, stop = _value(words, text, start)  # noqa: PLW2901 (the entry goes so far)
                entry = _Entry(name, start, stop)
        elif entry is None or word not in _KEYS:
            raise ValueError(f"Line {_line(text, start)} is not as a netrc file has it")
        else:
            value, _, entry.stop = _value(words, text, start)
            if word == "password":
                entry.password = value
            elif word != "account":
                entry.login = value
    if entry is not None:
        yield entry


def _value(words: Iterator[tuple[str, int, int]], text: str, start: int) -> tuple[str, int, int]:
    found = next(words, None)
    if found is None:
        raise ValueError(f"Line {_line(text, start)} ends too early")
    return found


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _words(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the words of a netrc file with their places, without comments and macros."""
    position, is_value = 0, False
    while match := _TOKEN.search(text, position):
        word = match["quoted"] if match["plain"] is None else match["plain"]
        position = match.end()
        if word.startswith("#") and not is_value:
            position = _after(text, "\n", position)
        elif word == "macdef" and not is_value:
            yield word, match.start(), match.end()
            position = _after(text, "\n\n", position)
        else:
            yield re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL), match.start(), match.end()
            is_value = not is_value and word != "default"


def _after(text: str, mark: str, position: int) -> int:
    found = text.find(mark, position)
    return len(text) if found < 0 else found + len(mark)
