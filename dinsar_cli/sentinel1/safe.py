"""SAFE products on disk: a folder or the zip that an archive delivers, read in place."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from lxml import etree

from dinsar_cli.base.user_files import (
    XML_BYTES,
    ZIP_DAMAGE,
    OddFileError,
    check_file,
    head_of,
    kind_of,
    parse_xml,
    read_bytes,
    read_member,
)
from dinsar_cli.errors import NoDataError, UsageError

MANIFEST = "manifest.safe"
_ZIP_START = b"PK"
_GIVE_SAFE = "Give the path of a Sentinel-1 SAFE folder or of its zip."
DOWNLOAD_AGAIN = "Download the product again and compare its size with the one the archive states."


@dataclass(frozen=True)
class SafeArchive:
    """A SAFE product, as a folder or inside a zip.

    Attributes
    ----------
    path : Path
        The folder, or the zip file.
    root : str
        Path of the SAFE folder inside the zip; empty for a folder.
    members : frozenset of str
        Files of the product, relative to its SAFE folder, with forward slashes.
    entries : mapping
        How a zip calls each of them; empty for a folder.
    """

    path: Path
    root: str
    members: frozenset[str]
    entries: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_zip(self) -> bool:
        """Whether the product is read out of a zip."""
        return bool(self.entries)

    @property
    def is_as_delivered(self) -> bool:
        """Whether it is a folder, or a zip whose entries are called as in those of the archives: NAME.SAFE/..."""
        named = self.root.endswith(".SAFE") and self.path.suffix == ".zip"
        return not self.is_zip or (
            named and all(entry == f"{self.root}/{member}" for member, entry in self.entries.items())
        )

    @cached_property
    def name(self) -> str:
        """Name of the product: that of its SAFE folder, without the ending."""
        folder = PurePosixPath(self.root).name or self.path.name
        return re.sub(r"\.(SAFE|zip)$", "", folder, flags=re.IGNORECASE)

    def entry(self, member: str) -> str:
        """Return how a zip calls one file of the product, or would call one that it lacks."""
        return self.entries.get(member, f"{self.root}/{member}")

    def read(self, member: str) -> bytes:
        """Return the bytes of one file of the product.

        Raises
        ------
        NoDataError
            When the file is missing or its content is damaged.
        """
        if member not in self.members:
            raise NoDataError(
                f"{self.path} is not a complete Sentinel-1 product.",
                f"It has no {member}, which its manifest or the processing asks for.",
                DOWNLOAD_AGAIN,
            )
        try:
            if self.is_zip:
                with zipfile.ZipFile(self.path) as archive:
                    return read_member(archive, self.entry(member), XML_BYTES)
            return read_bytes(self.path / member, XML_BYTES)
        except ZIP_DAMAGE as error:
            raise NoDataError(f"{member} of {self.path} cannot be read.", f"{error}.", DOWNLOAD_AGAIN) from error

    def size(self, member: str) -> int:
        """Return the bytes of one file of the product, unpacked; the file is in `members`."""
        if self.is_zip:
            with zipfile.ZipFile(self.path) as archive:
                return archive.getinfo(self.entry(member)).file_size
        return (self.path / member).stat().st_size

    def xml(self, member: str) -> etree._Element:
        """Return the root element of an XML file of the product, parsed without entities or network.

        Raises
        ------
        NoDataError
            When the file is missing, is not well-formed, or declares a document type, which no product does.
        """
        content = self.read(member)
        try:
            return parse_xml(content)
        except OddFileError as error:
            raise NoDataError(
                f"{member} of {self.path} is not readable XML.", error.cause, DOWNLOAD_AGAIN
            ) from error

    def gdal_path(self, member: str) -> str:
        """Return the path by which GDAL opens a file of the product, also inside the zip."""
        if self.is_zip:
            # GDAL leaves out a beginning of ./ and takes slashes of either kind for /
            name = self.entry(member).removeprefix("./").replace("\\", "/")
            return f"/vsizip/{{{self.path.resolve()}}}/{name}"
        return str(self.path / member)


def open_safe(path: Path) -> SafeArchive:
    """Open a SAFE folder, its manifest, or a zip that contains it.

    Parameters
    ----------
    path : Path
        ``*.SAFE`` folder, its ``manifest.safe``, or a ``*.zip``.

    Raises
    ------
    UsageError
        When there is nothing at that path, or something else than one SAFE product.
    NoDataError
        When the zip is damaged.
    """
    if path.name == MANIFEST:
        path = path.parent
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError:  # longer than a name can be
        is_folder = is_file = False
    if not is_folder and not is_file:
        with suppress(OSError):
            _check_is_file(path)
        raise UsageError(
            f"The scene {path} does not exist.", "There is no file or folder of that name.", _GIVE_SAFE
        )
    return _open_folder(path) if is_folder else _open_zip(path)


def _check_is_file(path: Path) -> None:
    try:
        check_file(path)
    except OddFileError as error:
        raise UsageError(f"The scene {path} cannot be opened.", error.cause, _GIVE_SAFE) from error


def _open_folder(path: Path) -> SafeArchive:
    if not (path / MANIFEST).is_file():
        inside = sorted(child.name for child in path.glob("*.SAFE"))
        raise UsageError(
            f"{path} is not a SAFE product.",
            f"The folder has no {MANIFEST}." + (f" It contains {', '.join(inside)}." if inside else ""),
            "Give the folder whose name ends in .SAFE, or the zip as it was downloaded.",
        )
    members = frozenset(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    return SafeArchive(path=path, root="", members=members)


def _open_zip(path: Path) -> SafeArchive:
    problem = f"The scene {path} cannot be opened."
    try:
        with path.open("rb") as file:
            head = file.read(8)
        if head and not head.startswith(_ZIP_START):
            kind = kind_of(head_of(path))
            cause = f"{f'It {kind}' if kind else 'It is neither a SAFE folder nor a zip'}: it begins with {head!r}."
            raise UsageError(problem, cause, DOWNLOAD_AGAIN if kind else _GIVE_SAFE)
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except ZIP_DAMAGE as error:
        cause = f"It is not a whole zip ({error}; {path.stat().st_size} bytes): the download was probably cut."
        raise NoDataError(problem, cause, DOWNLOAD_AGAIN) from error
    files = {
        _plain(entry.filename): entry.filename for entry in entries if not _plain(entry.filename).endswith("/")
    }
    found = {PurePosixPath(name).parent for name in files if PurePosixPath(name).name == MANIFEST}
    # somebody may have renamed the folder, or have packed what is in it
    roots = {root for root in found if root.name.upper().endswith(".SAFE")} or found
    if len(roots) != 1:
        raise UsageError(
            f"{path} holds {'no' if not roots else 'more than one'} SAFE product.",
            f"A Sentinel-1 zip has exactly one folder *.SAFE with a {MANIFEST}; "
            f"this one has {len(entries)} entries and {len(roots)} of them.",
            "Give the zip of one Sentinel-1 SLC product as the archive delivers it.",
        )
    root = roots.pop().as_posix().removeprefix(".")
    prefix = f"{root}/" if root else ""
    inside = {name.removeprefix(prefix): entry for name, entry in files.items() if name.startswith(prefix)}
    return SafeArchive(path=path, root=root, members=frozenset(inside), entries=inside)


def _plain(entry: str) -> str:
    """Return the name of an entry as most programs write it: some put ./ before it, or have backslashes."""
    return re.sub(r"^(?:\./)+", "", entry.replace("\\", "/"))
