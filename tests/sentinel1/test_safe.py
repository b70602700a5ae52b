"""SAFE products as folders and zips: the same content either way, and nothing is trusted."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from dinsar_cli.errors import NoDataError, UsageError
from dinsar_cli.sentinel1.safe import MANIFEST, SafeArchive, open_safe
from support.safe_factory import Product, write_safe, zip_safe


@pytest.fixture
def safe(tmp_path: Path) -> Path:
    return write_safe(Product(), tmp_path)


def rezipped(safe: Path, prefix: str) -> Path:
    """A zip with the product below some folders, and something else beside it."""
    path = safe.parent / "deep.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{prefix}readme.txt", "x")
        for file in safe.rglob("*"):
            archive.write(file, f"{prefix}{safe.name}/{file.relative_to(safe)}")
    return path


def test_folder_and_zip_hold_the_same(safe: Path) -> None:
    folder, zipped = open_safe(safe), open_safe(zip_safe(safe))
    assert folder.members == zipped.members
    assert folder.name == zipped.name == Product().name
    assert (folder.is_zip, zipped.is_zip) == (False, True)
    for member in folder.members:
        assert folder.read(member) == zipped.read(member) == (safe / member).read_bytes()
        assert folder.size(member) == zipped.size(member) == (safe / member).stat().st_size


def test_the_name_is_that_of_the_product_not_of_the_zip(safe: Path) -> None:
    renamed = zip_safe(safe).rename(safe.parent / "download (1).zip")
    assert open_safe(renamed).name == Product().name


@pytest.mark.parametrize("prefix", ["", "a/b/", "./"])
def test_a_product_deeper_in_a_zip(safe: Path, prefix: str) -> None:
    archive = open_safe(rezipped(safe, prefix))
    assert archive.name == Product().name
    assert archive.read(MANIFEST) == (safe / MANIFEST).read_bytes()
    assert "readme.txt" not in archive.members


def test_the_manifest_stands_for_its_folder(safe: Path) -> None:
    assert open_safe(safe / MANIFEST) == open_safe(safe)


def test_gdal_opens_an_image_in_place(safe: Path) -> None:
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    member = next(iter(name for name in open_safe(safe).members if name.endswith(".tiff")))
    pixels = []
    for path in (safe, zip_safe(safe, safe.parent / "with {braces} and spaces.zip")):
        with pytest.warns(NotGeoreferencedWarning), rasterio.open(open_safe(path).gdal_path(member)) as image:
            pixels.append(image.read(1))
    assert pixels[0].shape == (60, 24)
    assert (pixels[0] == pixels[1]).all()
    assert (pixels[0] != 0).mean() > 0.99


def test_reading_something_that_is_not_there(safe: Path) -> None:
    for archive in (open_safe(safe), open_safe(zip_safe(safe))):
        with pytest.raises(NoDataError, match=r"not a complete .*\n.*nothing\.xml"):
            archive.read("nothing.xml")


def test_two_products_in_a_zip_are_refused(safe: Path, tmp_path: Path) -> None:
    write_safe(Product().repeated(), tmp_path / "both")
    safe.rename(tmp_path / "both" / safe.name)
    with pytest.raises(UsageError, match="more than one SAFE product"):
        open_safe(zip_safe(tmp_path / "both", tmp_path / "both.zip"))


def test_a_file_that_vanished_after_opening(safe: Path) -> None:
    archive = open_safe(safe)
    (safe / MANIFEST).unlink()
    with pytest.raises(NoDataError, match=r"manifest\.safe of .* cannot be read"):
        archive.read(MANIFEST)


def test_an_encrypted_or_damaged_member(safe: Path) -> None:
    path = zip_safe(safe)
    content = bytearray(path.read_bytes())
    encrypted = content.copy()
    encrypted[6] |= 1  # bit 0 of the flags of the first local header, and the same in the central directory
    for place in (content.index(b"PK\x01\x02", start) for start in central_headers(content)):
        encrypted[place + 8] |= 1
    path.write_bytes(encrypted)
    with pytest.raises(NoDataError, match="encrypted"):
        open_safe(path).read(MANIFEST)


def central_headers(content: bytes | bytearray) -> list[int]:
    places, start = [], content.find(b"PK\x01\x02")
    while start >= 0:
        places.append(start)
        start = content.find(b"PK\x01\x02", start + 4)
    return places


# --- XML --------------------------------------------------------------------------------------------------------


def with_manifest(safe: Path, text: str) -> SafeArchive:
    (safe / MANIFEST).write_text(text)
    return open_safe(safe)


def test_a_local_file_is_not_read_through_an_entity(safe: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    text = f'<!DOCTYPE a [<!ENTITY e SYSTEM "{secret.as_uri()}">]><a>&e;</a>'
    with pytest.raises(NoDataError, match="DOCTYPE") as refused:
        with_manifest(safe, text).xml(MANIFEST)
    assert "the secret" not in str(refused.value)


def test_entities_are_not_expanded(safe: Path) -> None:
    levels = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    with pytest.raises(NoDataError, match=r"DOCTYPE|not readable XML"):
        with_manifest(safe, f'<!DOCTYPE a [<!ENTITY e0 "ten bytes!">{levels}]><a>&e9;</a>').xml(MANIFEST)


def test_nothing_is_fetched_from_the_network(safe: Path) -> None:
    """A listener that would see the request: neither the document type nor an include reaches it."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(NoDataError, match="DOCTYPE"):
            with_manifest(safe, f'<!DOCTYPE a SYSTEM "{address}/a.dtd"><a/>').xml(MANIFEST)
        include = f'<a xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="{address}/b"/></a>'
        assert len(with_manifest(safe, include).xml(MANIFEST)) == 1
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize("text", ["", "no xml", "<a>", "<a>\x00</a>", "<html><p>Login</html>"])
def test_what_is_not_xml(safe: Path, text: str) -> None:
    with pytest.raises(NoDataError, match=r"manifest\.safe of .* is not readable XML"):
        with_manifest(safe, text).xml(MANIFEST)
