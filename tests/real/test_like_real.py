"""What `dinsar simulate` and the test factories write is like what the real processor writes, element by element.

Annotation, calibration, noise, interference and manifest of simulated products are held against those of two whole
products of IPF 3.61. Whatever differs is in a table with the reason why it cannot matter, and the table has no
entry for what no longer differs. Products of other versions of the processor have elements that these lack or have
no longer; the readers are tried on them in other files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import pytest
from lxml import etree

from dinsar_cli.simulate import SimulatedStack
from support.forms import Form, differences, forms_of
from support.likeness import DOCUMENTS, parsed
from support.safe_factory import Product, write_safe

pytestmark = pytest.mark.real

_NARROW = "The scene is a narrow strip, for speed; with all columns they are those of the instrument."
_SINGLE = "One polarization is simulated: real products of a single one (1SSV, 1SSH) are so too."
_PICTURES = "Pictures of the scene for people; no program reads them."
_HISTORY = "What the product was made of is read by nobody; who made it must not be claimed to be somebody else."
_FIRST = "Slices are counted from the first that is simulated; a real data take may be of one slice too."
DIFFERENCES: Final = {
    "product/*/samplesPerBurst is *": _NARROW,
    "product/*/numberOfSamples is *": _NARROW,
    "product/*/numberOfInputSamples is *": _NARROW,
    "noise/*/lastRangeSample is *": _NARROW,
    "product/*/dataDcPolynomial is *": "The same hertz over a narrow strip; a test below has all columns.",
    "product/*/outputDataMean/* is *": "The mean of fewer pixels, and right for them.",
    "product/*/sliceNumber is *": _FIRST,
    "XFDU/*/sliceNumber is *": _FIRST,
    "XFDU/*/totalSlices is *": _FIRST,
    "product/*/zeroDopMinusAcqTime is *": "From the beginning of the data take, and this is its first slice.",
    "product/*/timelinessCategory says *": "Fast-24h is the other category of the archives.",
    "XFDU/*/productTimelinessCategory says *": "Fast-24h is the other category of the archives.",
    "XFDU has version as *": _SINGLE,
    "XFDU/* lacks * ['productpreview*": _PICTURES,
    "XFDU/* lacks * ['s#Level#ProductPreviewSchema*": _PICTURES,
    "XFDU/* lacks href *": _PICTURES,
    "XFDU/*/processing*/facility has *": _HISTORY,
    "XFDU/*/processing/*resource has name *": _HISTORY,
    "XFDU/*/processing/*processing has name *single polarisation*": _SINGLE,
    "XFDU/*/processing/resource/processing/resource/processing/resource lacks": _HISTORY,
}
"""Pattern of a difference to the reason why it cannot matter."""

FACTORY_DIFFERENCES: Final = {
    "* lacks": "The factory writes what dinsar reads and no more: any reader of more needs a simulated product.",
    "*/samplesPerBurst is *": "Pixels are large, so that products are small.",
    "*/linesPerBurst is *": "Pixels are large, so that products are small.",
    "*/azimuthTimeInterval is *": "Pixels are large, so that products are small.",
    "*/azimuthPixelSpacing is *": "Pixels are large, so that products are small.",
    "*/rangeSamplingRate is *": "Pixels are large, so that products are small.",
    "*/processingBandwidth is *": "Pixels are large, so that products are small.",
    "*Polynomial is 0 to *": "A constant is a polynomial too; no test of the factory's is on its slopes.",
}


def unexplained(found: Iterable[tuple[str, str]], table: dict[str, str]) -> tuple[list[str], list[str]]:
    """Differences that the table lacks, and entries of the table that no difference needs."""
    texts = [f"{path} {what}" for path, what in found]
    new = [text for text in texts if not any(matches(text, pattern) for pattern in table)]
    return new, [pattern for pattern in table if not any(matches(text, pattern) for text in texts)]


def matches(text: str, pattern: str) -> bool:
    return fnmatch(text, pattern.replace("[", "[[]"))


def test_simulated_products_differ_from_real_ones_as_the_table_says(real: Path, ours: SimulatedStack) -> None:
    found: list[tuple[str, str]] = []
    for root, pattern in DOCUMENTS.items():
        forms = [
            forms_of(parsed(path) for path in sorted(folder.glob(pattern)))
            for folder in (ours.folder / "slc", real)
        ]
        assert [set(form) & {root} for form in forms] == [{root}, {root}]
        found += differences(*forms)
    assert unexplained(found, DIFFERENCES) == ([], [])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda root: root.find("adsHeader").remove(root.find("adsHeader/swath")), "adsHeader/swath lacks"),
        (lambda root: root.find("adsHeader").append(root.find("adsHeader/mode")), "adsHeader has the order"),
        (lambda root: root.find("adsHeader").append(etree.Element("more")), "adsHeader/more is extra"),
        (lambda root: put(root, "adsHeader/startTime", "2023-09-04T06:37:30Z"), "startTime is written as ['text']"),
        (lambda root: put(root, ".//slantRangeTime", "0.0053"), "slantRangeTime is written as ['decimal']"),
        (lambda root: put(root, ".//slantRangeTime", "5.3e-1"), "slantRangeTime is written as ['text']"),
        (lambda root: put(root, ".//radarFrequency", f"{5.4e7:.15e}"), "radarFrequency is 5.4e+07 to"),
        (lambda root: put(root, ".//pass", "DESCENDING"), "pass says ['DESCENDING']"),
        (lambda root: root.find(".//orbitList").set("count", "3"), "orbitList counts ['nothing']"),
        (lambda root: root.find(".//burst").set("index", "1"), "burst has attributes ['index'] for []"),
    ],
)
def test_a_difference_is_found(real: Path, change: Callable[[etree._Element], None], expected: str) -> None:
    roots = [parsed(path) for path in sorted(real.glob(DOCUMENTS["product"]))[:2]]
    forms = forms_of(roots)
    assert not [*differences(forms, forms)]
    for root in roots:
        change(root)
    assert any(expected in f"{path} {what}" for path, what in differences(forms_of(roots), forms))


def put(root: etree._Element, path: str, text: str) -> None:
    found = root.find(path)
    assert found is not None
    found.text = text


def test_factory_products_have_the_form_of_real_ones(real: Path, tmp_path: Path) -> None:
    bursts = {"swaths": ("IW1", "IW2", "IW3"), "bursts": 9}
    for days in (0, 12):
        write_safe(Product(**bursts).repeated(days), tmp_path)
    pattern = DOCUMENTS["product"]
    forms = [forms_of(parsed(path) for path in sorted(folder.glob(pattern))) for folder in (tmp_path, real)]
    assert unexplained(differences(*forms), FACTORY_DIFFERENCES) == ([], [])
    manifests = [leaves(folder.glob(DOCUMENTS["XFDU"])) for folder in (tmp_path, real)]
    assert {*manifests[0]} <= {*manifests[1]}
    for name, form in manifests[0].items():
        assert form.kinds <= manifests[1][name].kinds, name
        assert {*form.attributes} <= {*manifests[1][name].attributes}, name


def leaves(paths: Iterable[Path]) -> dict[str, Form]:
    """Forms of the last two tags of the elements of manifests that have no children."""
    forms = forms_of(parsed(path) for path in paths)
    return {"/".join(path.split("/")[-2:]): form for path, form in forms.items() if not any(form.children)}


def test_image_files_are_named_alike(real: Path, ours: SimulatedStack) -> None:
    def names(folder: Path) -> set[str]:
        every = (
            path.relative_to(safe).as_posix() for safe in folder.glob("*.SAFE") for path in safe.rglob("*.xml")
        )
        return {re.sub(r"\d{8}t\d{6}|(?<=-)\d{6}|(?<=-)[0-9a-f]{6}|\d{3}(?=\.)", "#", name) for name in every}

    assert {name for name in names(real) if "-vv-" in name} == names(ours.folder / "slc")
