"""Numbers of an annotation that cannot be right: refused by the name of the file and of the element."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dinsar_cli.errors import NoDataError
from dinsar_cli.managers.slc import SlcManager
from dinsar_cli.sentinel1.scene import Scene, open_scene
from support.refusal import NO_DATA, Refusal
from support.run_inputs import Inputs
from support.safe_factory import Product, write_safe

LARGE = Product(bursts=3, swaths=("IW1", "IW2"), invalid_lines=2)


def changed(product: Product, folder: Path, change: Callable[[str], str], pattern: str = "*iw1*") -> Path:
    """Write a product of which the text of one annotation is changed."""
    safe = write_safe(product, folder)
    (path,) = (safe / "annotation").glob(f"{pattern}.xml")
    text = change(path.read_text())
    assert text != path.read_text()
    path.write_text(text)
    return safe


def put(element: str, value: str, nth: int = 0) -> Callable[[str], str]:
    """Change the text of the n-th element of a name."""

    def change(text: str) -> str:
        match = list(re.finditer(rf"<{element}( [^>]*)?>([^<]*)<", text))[nth]
        return text[: match.start(2)] + value + text[match.end(2) :]

    return change


def add(element: str, value: str, after: str) -> Callable[[str], str]:
    """Put an element that the small products lack before another."""
    return lambda text: text.replace(f"<{after}>", f"<{element}>{value}</{element}><{after}>", 1)


def read(safe: Path) -> Scene:
    scene = open_scene(safe)
    for key in scene.images:
        scene.subswath(*key)
    return scene


IN_IMAGE, IN_PRODUCT = "azimuthPixelSpacing", "rangeSamplingRate"

WRONG = {
    "8.4 GHz": (put("radarFrequency", "8.405000454334350e+09"), "radarFrequency is 8.40500045e+09 Hz"),
    "5.415 GHz": (put("radarFrequency", "5.415000454334350e+09"), "radarFrequency is 5.41500045e+09 Hz"),
    "steering": (put("azimuthSteeringRate", "1.590368784e+01"), "azimuthSteeringRate is 15.9037 degrees/s"),
    "sampling": (
        lambda text: put("rangeSamplingRate", "6.35e+04")(add("rangePixelSpacing", "2398.34", IN_IMAGE)(text)),
        "rangeSamplingRate is 63500.0 Hz",
    ),
    "first sample": (put("slantRangeTime", "5.339000000000000e-03"), "slantRangeTime is 0.005339 s"),
    "fewer samples": (put("samplesPerBurst", "23"), "samplesPerBurst is 23"),
    "far fewer samples": (
        put("samplesPerBurst", "20"),
        "lastValidSample is 22, but swathTiming/samplesPerBurst is 20",
    ),
    "samples of the image": (add("numberOfSamples", "25", IN_IMAGE), "numberOfSamples is 25"),
    "lines of the image": (add("numberOfLines", "91", IN_IMAGE), "linesPerBurst times 3 bursts is 90"),
    "rate of lines": (add("azimuthFrequency", "10.1", IN_IMAGE), "azimuthFrequency is 10.1 Hz"),
    "spacing": (add("rangePixelSpacing", "2398.5", IN_IMAGE), "rangePixelSpacing is 2398.5 m"),
    "a burst a second late": (
        put("azimuthTime", "2023-09-04T06:37:40.347678", 11),
        "azimuthTime of burst 1 is 3.758277 s after the one before, but azimuthAnxTime says 2.758277 s",
    ),
    "seconds after the node": (put("azimuthAnxTime", "2.459597e+03", 1), "azimuthAnxTime says 10."),
    "another day": (lambda text: text.replace("2023-09-04", "2023-09-05"), "the manifest says"),
    "one FM rate": (
        put("azimuthFmRatePolynomial", "-2.831e+03 4.5e+05 0", 2),
        "azimuthFmRateList gives -2831 Hz/s in entry 3",
    ),
    "all FM rates": (lambda text: text.replace("-2.331", "2.331"), "azimuth FM rate of 2"),
    "one Doppler centroid": (
        put("dataDcPolynomial", "-1.0e+03 0 0", 1),
        "dcEstimateList gives -1000 Hz in entry",
    ),
    "year of an estimate": (
        lambda text: text.replace("<azimuthTime>2023", "<azimuthTime>2323", 1),
        "azimuthFmRateList has an azimuthTime of 2323-09-04",
    ),
    "bursts counted": (lambda text: text.replace('<burstList count="3"', '<burstList count="8"'), "its count is 8"),
    "the other subswath": (put("swath", "IW2"), "adsHeader/swath is 'IW2', but the name of the file says IW1"),
    "the other polarization": (put("polarisation", "VH"), "adsHeader/polarisation is 'VH'"),
    "end of the image": (add("stopTime", "2023-09-04T06:38:45.000000", "swath"), "adsHeader/stopTime is"),
    "begin of the image": (add("startTime", "2023-09-04T06:37:46.589401", "swath"), "adsHeader/startTime is"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_numbers_are_refused_by_file_and_element(tmp_path: Path, case: str) -> None:
    change, named = WRONG[case]
    safe = changed(LARGE, tmp_path, change)
    with pytest.raises(NoDataError) as caught:
        read(safe)
    assert "annotation/s1a-iw1-slc-vv" in caught.value.problem
    assert named in caught.value.cause


def test_elements_that_agree_are_no_fault(tmp_path: Path) -> None:
    def change(text: str) -> str:
        for element, value in (
            ("numberOfSamples", "24"),
            ("numberOfLines", "90"),
            ("azimuthFrequency", "1.0e+01"),
            ("rangePixelSpacing", "2.398340e+03"),
        ):
            text = add(element, value, IN_IMAGE)(text)
        return add("startTime", "2023-09-04T06:37:36.589403", "swath")(text)

    assert len(read(changed(LARGE, tmp_path, change)).images) == 2


def test_one_line_that_is_valid_to_another_sample(tmp_path: Path) -> None:
    """In real products all valid lines of a burst have the same; by one digit half of the burst would be lost."""
    product = Product(lines=120, line_interval=0.025)
    whole = " ".join(["-1", *["22"] * 118, "-1"])
    damaged = " ".join(["-1", *["22"] * 50, "12", *["22"] * 67, "-1"])
    with pytest.raises(NoDataError, match="lastValidSample of burst 1 is 12 in one line and 22 in all others"):
        read(changed(product, tmp_path, lambda text: damaged.join(text.rsplit(whole, 1))))


def test_seconds_after_the_node_may_begin_again(tmp_path: Path) -> None:
    product = replace(LARGE, anx_time=5922.5, swaths=("IW1",))

    def again(text: str) -> str:
        return put("azimuthAnxTime", f"{product.burst_anx('IW1', 2) - 5924.5713:.15e}", 2)(text)

    assert read(changed(product, tmp_path, again))


@pytest.mark.parametrize(
    ("element", "value", "where"),
    [
        ("radarFrequency", "5.405060454334350e+09", "generalAnnotation/productInformation/radarFrequency"),
        (
            "azimuthSteeringRate",
            "1.590968784000000e+00",
            "generalAnnotation/productInformation/azimuthSteeringRate",
        ),
        ("azimuthTimeInterval", "1.000090000000000e-01", "imageAnnotation/imageInformation/azimuthTimeInterval"),
    ],
)
def test_what_differs_between_the_dates_is_refused(tmp_path: Path, element: str, value: str, where: str) -> None:
    first = write_safe(Product(), tmp_path)
    second = changed(Product().repeated(), tmp_path, put(element, value))
    with pytest.raises(NoDataError) as caught:
        SlcManager([first, second]).plan(None, "auto")
    text = f"{caught.value.problem} {caught.value.cause}"
    assert where in text
    assert text.count("annotation/s1a-iw1-slc-vv") == 2
    assert str(first) in text
    assert str(second) in text


def test_beams_of_another_satellite_may_turn_at_another_rate(tmp_path: Path) -> None:
    first = write_safe(Product(), tmp_path)
    other = replace(Product().repeated(), mission="S1C")
    second = changed(other, tmp_path, put("azimuthSteeringRate", "1.550968784000000e+00"))
    assert SlcManager([first, second]).plan(None, "auto").bursts


MANIFEST_LIES = {
    "start": ("2023-09-04T06:37:36", "2023-09-04T06:27:36", "safe:startTime is 2023-09-04T06:27:36"),
    "satellite": (">A<", ">B<", "safe:platform/safe:number says S1B, but the name of the product S1A"),
    "orbit": (">50174<", ">50184<", "safe:orbitNumber says 50184"),
}


@pytest.mark.parametrize("case", MANIFEST_LIES)
def test_a_manifest_that_contradicts_the_name(tmp_path: Path, case: str) -> None:
    old, new, named = MANIFEST_LIES[case]
    safe = write_safe(Product(), tmp_path)
    path = safe / "manifest.safe"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(NoDataError, match=re.escape(named)):
        open_scene(safe)
    renamed = safe.rename(tmp_path / "renamed.SAFE")  # a name that says nothing contradicts nothing
    assert open_scene(renamed).name == "renamed"


def test_a_wrong_frequency_ends_a_run_in_three_lines(refused: Refusal, inputs: Inputs, tmp_path: Path) -> None:
    safe = changed(inputs.secondary, tmp_path, put("radarFrequency", "8.4e+09"), "*")
    refused(NO_DATA, safe, "annotation/s1a-iw1-slc-vv", "radarFrequency is 8.4e+09", slc=[inputs.scenes[0], safe])
