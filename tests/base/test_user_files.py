"""Files that others wrote: bounds before work, and what a file is when it is not what it should be."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from dinsar_cli.base.user_files import (
    OddFileError,
    check_file,
    kind_of,
    odd_encoding,
    parse_json,
    parse_xml,
    read_bytes,
    read_member,
    read_text,
    text_of,
)

WORDS = "machine example.org login me\n"


def test_pipes_and_devices_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((tmp_path / "pipe", "named pipe"), (Path("/dev/zero"), "device"), (tmp_path, "folder")):
        with pytest.raises(OddFileError, match=kind):
            check_file(path)
        with pytest.raises(OddFileError, match=kind):
            read_bytes(path, 100)
    assert read_bytes(Path(os.devnull), 100) == b""  # as which many name a file that is to be empty


def test_no_more_is_read_than_can_be_meant(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)
    assert len(read_bytes(path, 1000)) == 1000
    with pytest.raises(OddFileError, match="more than"):
        read_bytes(path, 999)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("member", b"\0" * 10_000_000)
    with (
        zipfile.ZipFile(tmp_path / "bomb.zip") as archive,
        pytest.raises(OddFileError, match=r"more than 1\.05 MB"),
    ):
        read_member(archive, "member", 1 << 20)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_encodings_of_windows_are_named(encoding: str) -> None:
    name = encoding[:6].upper()
    assert odd_encoding(WORDS.encode(encoding)) == name
    with pytest.raises(OddFileError, match=name):
        text_of(WORDS.encode(encoding))


def test_text_is_utf_8_with_or_without_a_mark(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig"):
        assert text_of("grün €\n".encode(encoding)) == "grün €\n"
    with pytest.raises(OddFileError, match="line 2 has the byte 0xFC"):
        text_of("first\ngrün\n".encode("latin-1"))
    for binary in (b"", b"\0" * 7, bytes(range(256)) * 4):
        assert odd_encoding(binary) == ""
    (tmp_path / "file").write_text(WORDS)
    assert read_text(tmp_path / "file", 100) == WORDS


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[" * 100_000 + "]" * 100_000, "nested"),
        ("[" * 200 + "]" * 200, "nested more than 64"),
        ('{"a":' * 70 + "1" + "}" * 70, "nested more than 64"),
        ("9" * 5000, "5000 digits"),
        (f'{{"a": [-{"1" * 400}]}}', "digits"),
        ("<!DOCTYPE html><html>", "web page"),
        ("{", "not JSON"),
    ],
)
def test_json_that_no_program_writes(text: str, word: str) -> None:
    with pytest.raises(OddFileError, match=word):
        parse_json(text)


def test_json_that_programs_write() -> None:
    value = {"a": [1, 2.5, -3, None, True, "x"], "b": {"c": [[[[1]]]]}, "n": 2**63}
    assert parse_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"<a>" * 100_000 + b"</a>" * 100_000, "truncated or damaged"),
        (b"<a><b></a>", "truncated or damaged"),
        (b"position 1 2 3", "not XML"),
        (b"<!DOCTYPE html><html><body>Log in<br></body></html>", "web page"),
        (b"<html><body>Log in</body></html>", "web page"),
        (b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', "refusal of a server"),
        (b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', "DOCTYPE"),
        (b"\0" * 2000, "zeros"),
        (b"", "empty"),
    ],
)
def test_xml_that_is_none(content: bytes, word: str) -> None:
    with pytest.raises(OddFileError, match=word):
        parse_xml(content)


@pytest.mark.parametrize(
    ("head", "word"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        (b"\x1f\x8b\x08" + b"x" * 20, "gzip"),
        (b"PK\x03\x04", "a zip"),
        (b"%PDF-1.4", "a PDF"),
        (b"II*\0", "a TIFF"),
        (b"\xef\xbb\xbf<!doctype HTML>", "web page"),
        (b'{"error": "not authorised"}', "error message of a server"),
        (b"just text", ""),
    ],
)
def test_what_a_file_is_by_its_beginning(head: bytes, word: str) -> None:
    assert word in kind_of(head)
    assert bool(kind_of(head)) == bool(word)
