"""SAFE products on disk: a folder or the zip that an archive delivers, read in place."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dinsar_cli.errors import NoDataError, UsageError

if TYPE_CHECKING:
    from lxml import etree

MANIFEST = "manifest.safe"
_DOWNLOAD_AGAIN = "Download the product again and compare its size with the one the archive states."


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
    """

    path: Path
    root: str
    members: frozenset[str]

    @property
    def is_zip(self) -> bool:
        """Whether the product is read out of a zip."""
        return bool(self.root)

    @cached_property
    def name(self) -> str:
        """Name of the product: that of its SAFE folder, without the ending."""
        folder = PurePosixPath(self.root).name if self.root else self.path.name
        return folder.removesuffix(".SAFE")

    def read(self, member: str) -> bytes:
        """Bytes of one file of the product.

        Raises
        ------
        NoDataError
            When the file is missing or its content is damaged.
        """
        if member not in self.members:
            raise NoDataError(
                f"{self.path} is not a complete Sentinel-1 product.",
                f"It has no {member}, which its manifest or the processing asks for.",
                _DOWNLOAD_AGAIN,
            )
        try:
            if self.is_zip:
                with zipfile.ZipFile(self.path) as archive:
                    return archive.read(f"{self.root}/{member}")
            return (self.path / member).read_bytes()
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            raise NoDataError(f"{member} of {self.path} cannot be read.", f"{error}.", _DOWNLOAD_AGAIN) from error

    def xml(self, member: str) -> etree._Element:
        """Root element of an XML file of the product, parsed without entities or network.

        Raises
        ------
        NoDataError
            When the file is missing or is not well-formed.
        """
        from lxml import etree

        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        try:
            return etree.fromstring(self.read(member), parser)
        except etree.XMLSyntaxError as error:
            raise NoDataError(
                f"{member} of {self.path} is not readable XML.", f"{error}.", _DOWNLOAD_AGAIN
            ) from error

    def gdal_path(self, member: str) -> str:
        """Path by which GDAL opens a file of the product, also inside the zip."""
        if self.is_zip:
            return f"/vsizip/{{{self.path.resolve()}}}/{self.root}/{member}"
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
        When there is nothing at that path, or it is neither a folder nor a zip.
    NoDataError
        When the zip is damaged or there is no SAFE product in it.
    """
    if not path.exists():
        raise UsageError(
            f"The scene {path} does not exist.",
            "There is no file or folder of that name.",
            "Give the path of a Sentinel-1 SAFE folder or of its zip.",
        )
    if path.name == MANIFEST:
        path = path.parent
    return _open_folder(path) if path.is_dir() else _open_zip(path)


def _open_folder(path: Path) -> SafeArchive:
    if not (path / MANIFEST).is_file():
        inside = sorted(child.name for child in path.glob("*.SAFE"))
        raise NoDataError(
            f"{path} is not a SAFE product.",
            f"The folder has no {MANIFEST}." + (f" It contains {', '.join(inside)}." if inside else ""),
            "Give the folder whose name ends in .SAFE, or the zip as it was downloaded.",
        )
    members = frozenset(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    return SafeArchive(path=path, root="", members=members)


def _open_zip(path: Path) -> SafeArchive:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise NoDataError(
            f"The scene {path} cannot be opened.",
            f"It is neither a SAFE folder nor a whole zip ({error}; {path.stat().st_size} bytes): "
            "the download was probably cut.",
            _DOWNLOAD_AGAIN,
        ) from error
    roots = {PurePosixPath(entry.filename).parent for entry in entries if _is_manifest(entry.filename)}
    if len(roots) != 1:
        raise NoDataError(
            f"{path} holds {'no' if not roots else 'more than one'} SAFE product.",
            f"A Sentinel-1 zip has exactly one folder *.SAFE with a {MANIFEST}; "
            f"this one has {len(entries)} entries and {len(roots)} of them.",
            "Give the zip of one Sentinel-1 SLC product as the archive delivers it.",
        )
    root = roots.pop().as_posix()
    prefix = f"{root}/"
    members = frozenset(
        entry.filename.removeprefix(prefix)
        for entry in entries
        if entry.filename.startswith(prefix) and not entry.is_dir()
    )
    return SafeArchive(path=path, root=root, members=members)


def _is_manifest(entry: str) -> bool:
    path = PurePosixPath(entry)
    return path.name == MANIFEST and path.parent.name.endswith(".SAFE")
