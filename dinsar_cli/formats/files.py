"""Writing the files of the formats: whole or not at all, and the same bytes for the same products."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from dinsar_cli.base.files import atomic_path

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold


def put(path: Path, content: bytes | str) -> Path:
    """Write a file unless it holds that content already, so that its time tells when it has changed."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    if not (path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data):
        with atomic_path(path) as part:
            part.write_bytes(data)
    return path


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return a zip archive with a fixed date in it; pictures are stored as they are, they are packed already."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name, _ZIP_DATE)
            entry.create_system = 3  # the same on every system
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return buffer.getvalue()
