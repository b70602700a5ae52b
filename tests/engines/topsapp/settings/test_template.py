"""topsApp.xml and its parts: what ISCE2 reads is what was asked for, whatever is in a path."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from dinsar_cli.config.keys import config_keys
from dinsar_cli.config.model import Looks
from dinsar_cli.config.sections.offsets import OffsetsConfig
from dinsar_cli.config.sections.topsapp import TopsappConfig
from dinsar_cli.engines.topsapp.settings.properties import PROPERTIES, Property, allowed, isce_text
from dinsar_cli.engines.topsapp.settings.steps import EVERY
from dinsar_cli.engines.topsapp.settings.template import TopsSettings, first_step_affected, record, render
from dinsar_cli.errors import UsageError
from support.topsapp.isce2_process import ask

FOLDERS = [
    "/data",
    "/with blank/Ätna/日本",
    '/it\'s "quoted"/a&b <c>',
    "/ends in a blank ",
    "/tab\tnew\nline\x01",
    "/back\\slash, comma",
]


def settings(folder: str = "/data", **changes: Any) -> TopsSettings:
    """Settings with changes: of their own fields, or of keys of the section ``topsapp``."""
    own = {field.name for field in dataclasses.fields(TopsSettings)}
    options = TopsappConfig(**{name: value for name, value in changes.items() if name not in own})
    return TopsSettings(
        **{
            "reference_safe": (f"{folder}/1.zip", f"{folder}/2.zip"),
            "secondary_safe": (f"{folder}/3.zip",),
            "reference_orbit": f"{folder}/A.EOF",
            "secondary_orbit": f"{folder}/B.EOF",
            "swaths": (1, 2),
            "polarization": "vv",
            "dem": Path(folder) / "dem.wgs84",
            "region_of_interest": (-7.6, 31.1, -7.25, 31.30000000000001),
            "options": options,
            **{name: value for name, value in changes.items() if name in own},
        }
    )


def values(text: str) -> dict[str, str]:
    root = etree.fromstring(text.encode())
    return {str(node.get("name")): str(node.text) for node in root.iter("property")}


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_files_are_well_formed_and_say_the_settings(folder: str) -> None:
    wanted = settings(folder)
    files = render(wanted)
    assert set(files) == {"topsApp.xml", "reference.xml", "secondary.xml", "topsapp_filter_icu.xml"}
    top = values(files["topsApp.xml"])
    assert top["region of interest"] == "[31.1, 31.30000000000001, -7.6, -7.25]"  # south, north, west, east
    assert top["swaths"] == "[1, 2]"
    assert top["demFilename"] == isce_text(wanted.dem)
    assert (top["range looks"], top["azimuth looks"]) == ("19", "7")
    assert (top["do ESD"], top["do unwrap"], top["unwrapper name"]) == ("False", "True", "snaphu_mcf")
    assert top["use virtual files"] == str("&" not in folder)
    assert top["use GPU"] == "False"
    assert "geocode list" not in top
    for scene in ("reference", "secondary"):
        part = values(files[f"{scene}.xml"])
        assert part["polarization"] == "vv"
        assert part["output directory"] == scene
        assert part["orbit file"] == isce_text(getattr(wanted, f"{scene}_orbit"))
        assert part["safe"] == isce_text(getattr(wanted, f"{scene}_safe"))
        assert "auxiliary data directory" not in part


def test_the_parts_are_named() -> None:
    root = etree.fromstring(render(settings())["topsApp.xml"].encode())
    assert root.xpath("component[@name='topsinsar']/component/@name") == ["reference", "secondary"]
    assert root.xpath("//catalog/text()") == ["reference.xml", "secondary.xml"]


def test_a_path_is_written_as_it_is_where_it_can_be() -> None:
    assert isce_text("/with blank/Ätna & 'co'/x") == "/with blank/Ätna & 'co'/x"
    assert isce_text(("/it's",)) == '["/it\'s"]'
    # ISCE2 would evaluate these
    assert [isce_text(text) for text in ("max", "1", "os", "None")] == ["'max'", "'1'", "'os'", "'None'"]


def test_optional_properties() -> None:
    files = render(
        settings(
            region_of_interest=None,
            auxiliary_data_directory="/aux",
            geocode=(),
            do_esd=True,
            offset_snr_threshold=9,
            areas_masked_out_in_ionospheric_phase_estimation=[[1, 2, -1, -1]],
            do_ionosphere_correction=True,
            extra={"New  thing": [1, 2.5, True, "max"], "other": "a & b"},
        )
    )
    top = values(files["topsApp.xml"])
    assert "region of interest" not in top
    assert top["geocode list"] == "[]"
    assert top["offset SNR threshold"] == "9.0"
    assert top["areas masked out in ionospheric phase estimation"] == "[[1, 2, -1, -1]]"
    assert top["New thing"] == "[1, 2.5, True, 'max']"
    assert top["other"] == "'a & b'"
    assert values(files["reference.xml"])["auxiliary data directory"] == "/aux"


def test_the_file_has_only_what_is_chosen() -> None:
    plain = set(values(render(settings())["topsApp.xml"]))
    assert {"do ESD", "unwrapper name", "use virtual files", "use GPU"} <= plain
    assert not {name for name in plain if "iono" in name}
    assert "ESD coherence threshold" not in plain  # counts with ESD alone
    with_esd = values(render(settings(do_esd=True))["topsApp.xml"])
    assert set(with_esd) - plain == {"ESD coherence threshold"}  # ISCE2's other defaults are ours
    assert with_esd["ESD coherence threshold"] == "0.7"
    looks = {"do_ionosphere_correction": True, "total_number_of_range_looks_in_the_ionosphere_processing": 400}
    assert set(values(render(settings(**looks))["topsApp.xml"])) - plain == {
        "do ionosphere correction",
        "total number of range looks in the ionosphere processing",
    }


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"filter_strength": 1.5}, "from 0 to 1"),
        ({"filter_strength": float("nan")}, "from 0 to 1"),
        ({"polarization": "VV"}, "vv"),
        ({"swaths": (4,)}, "from 1 to 3"),
        ({"swaths": 1}, "a list"),
        ({"unwrap": 1}, "true or false"),
        ({"region_of_interest": (31.0, -8.0, 30.0, -7.0)}, "west < east"),
        ({"extra": {"Range  Looks": 3}}, "Set looks instead"),
        ({"extra": {"esd range looks": 3}}, "Set topsapp.esd_range_looks instead"),
        ({"extra": {"renderer": "pickle"}}, "Remove it"),
        ({"extra": {"do unwrap": False}}, "Remove it"),
        ({"reference_safe": ("/data[1]/A.SAFE",)}, "pattern"),
    ],
)
def test_wrong_values_are_refused(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(UsageError) as error:
        render(settings(**changes))
    assert word in str(error.value)


@pytest.mark.parametrize(
    ("step", "changes"),
    [
        (None, {}),
        ("preprocess", {"swaths": (1, 2, 3)}),
        ("preprocess", {"reference_orbit": "/other"}),
        ("preprocess", {"region_of_interest": None, "filter_strength": 0.2}),
        ("preprocess", {"extra": {"new thing": 1}}),
        ("verifyDEM", {"dem": Path("/other")}),
        ("preprocess", {"use_virtual_files": False}),
        ("preprocess", {"auxiliary_data_directory": "/aux"}),
        ("topo", {"gpu": True}),
        ("subsetoverlaps", {"do_esd": True}),
        ("subsetoverlaps", {"do_esd": True, "esd_coherence_threshold": 0.8}),
        ("ion", {"do_ionosphere_correction": True, "filter_strength": 0.2}),
        ("mergebursts", {"looks": Looks(7, 2)}),
        ("filter", {"filter_strength": 0.4}),
        ("unwrap", {"unwrapper_name": "icu"}),
        # no effect without ESD, at its default, or after the last step of a run
        (None, {"esd_coherence_threshold": 0.8}),
        (None, {"offset_snr_threshold": 9.0}),
        (None, {"apply_ionosphere_correction": True}),
        (None, {"do_ionosphere_correction": False}),
        (None, {"use_gpu": True}),  # what counts is what was decided from it
        (None, {"geocode": ()}),
        ("denseoffsets", {"offsets": OffsetsConfig(enabled=True)}),
    ],
)
def test_a_change_starts_again_at_the_first_step_it_affects(step: str | None, changes: dict[str, Any]) -> None:
    old, new = settings(), settings(**changes)
    assert first_step_affected(old, new) == step
    assert first_step_affected(new, old) == step
    kept = json.loads(json.dumps(record(old)))
    assert first_step_affected(kept, new) == step


def test_offsets_are_asked_for_with_their_sizes_and_measured_again_when_one_changes() -> None:
    assert not any("ampcor" in name.lower() for name in values(render(settings())["topsApp.xml"]))
    one, other = (settings(offsets=OffsetsConfig(enabled=True, skip=skip)) for skip in ("128x32", "64x32"))
    said = values(render(other)["topsApp.xml"])
    assert said["do dense offsets"] == "True"
    assert (said["Ampcor window width"], said["Ampcor window height"]) == ("128", "32")
    assert (said["Ampcor search window width"], said["Ampcor search window height"]) == ("16", "16")
    assert (said["Ampcor skip width"], said["Ampcor skip height"]) == ("64", "32")
    assert said["Ampcor oversampling factor"] == "32"
    assert first_step_affected(one, other) == "denseoffsets"
    assert first_step_affected(one, settings(offsets=OffsetsConfig(enabled=True, snr=3, filter=1))) is None


def test_a_threshold_counts_with_its_switch() -> None:
    one, other = (settings(do_esd=True, esd_coherence_threshold=threshold) for threshold in (0.7, 0.8))
    assert first_step_affected(one, other) == "esd"
    one, other = (settings(do_ionosphere_correction=True, apply_ionosphere_correction=on) for on in (False, True))
    assert first_step_affected(one, other) == "mergebursts"


def test_a_record_that_lacks_a_default_says_the_same() -> None:
    """Whether a property at its default is written or not is no change."""
    new = settings(do_esd=True)
    old = record(new) | {"topsinsar/ESD azimuth looks": "5", "topsinsar/do ionosphere correction": "False"}
    assert first_step_affected(old, new) is None
    assert first_step_affected(old | {"topsinsar/ESD azimuth looks": "6"}, new) == "prepesd"


@pytest.mark.parametrize("entry", PROPERTIES, ids=lambda entry: entry.name)
def test_the_table_is_sound(entry: Property) -> None:
    assert entry.meaning.endswith(".")
    assert "--" not in entry.meaning  # it becomes a comment
    assert entry.first_step in EVERY or entry.first_step == "geocode"
    assert entry.default is None or allowed(entry)
    assert not entry.only_with or entry.only_with in {other.name for other in PROPERTIES}
    assert not entry.key or entry.key in config_keys()


def test_what_is_not_of_the_table_in_the_settings_is_known() -> None:
    """Every field of the settings ends up in the files: a change of any is seen."""
    changed = {
        "reference_safe": ("/x.zip",), "secondary_safe": ("/x.zip",), "reference_orbit": "/x",
        "secondary_orbit": "/x", "swaths": (3,), "polarization": "hh", "dem": Path("/x"),
        "region_of_interest": None, "looks": Looks(3, 1),
        "filter_strength": 0.1, "unwrap": False, "gpu": True, "reference_output": "x", "secondary_output": "x",
        "geocode": ("x",), "options": TopsappConfig(extra={"x": 1}), "offsets": OffsetsConfig(enabled=True),
    }  # fmt: skip
    assert set(changed) == {field.name for field in dataclasses.fields(TopsSettings)}
    for name, value in changed.items():
        assert record(settings(**{name: value})) != record(settings()), name


# A value of each key of the section that is not its default.
CHANGED_OPTIONS: dict[str, Any] = {
    "do_esd": False, "esd_coherence_threshold": 0.1, "esd_azimuth_looks": 1, "esd_range_looks": 1,
    "extra_esd_cycles": 1, "offset_snr_threshold": 1, "unwrapper_name": "icu", "use_virtual_files": False,
    "cut": "none", "dem_interpolation": "bilinear",
    "auxiliary_data_directory": "/x", "do_ionosphere_correction": False, "apply_ionosphere_correction": True,
    "consider_burst_properties_in_ionosphere_computation": True, "start_ionosphere_step": "rawion",
    "end_ionosphere_step": "rawion", "height_of_ionosphere_layer_in_km": 300,
    "apply_polynomial_fit_before_filtering_ionosphere_phase": False,
    "maximum_window_size_for_filtering_ionosphere_phase": 300,
    "minimum_window_size_for_filtering_ionosphere_phase": 3,
    "maximum_window_size_for_filtering_ionosphere_azimuth_shift": 300,
    "minimum_window_size_for_filtering_ionosphere_azimuth_shift": 3,
    "correct_phase_error_caused_by_ionosphere_azimuth_shift": 2,
    "areas_masked_out_in_ionospheric_phase_estimation": [[1, 2, 3, 4]],
    "total_number_of_azimuth_looks_in_the_ionosphere_processing": 100,
    "total_number_of_range_looks_in_the_ionosphere_processing": 400,
    "number_of_azimuth_looks_at_first_stage_for_ionosphere_phase_unwrapping": 5,
    "number_of_range_looks_at_first_stage_for_ionosphere_phase_unwrapping": 20,
    "extra": {"x": 1},
}  # fmt: skip


def test_every_key_of_the_section_ends_up_in_the_files() -> None:
    switches = {"do_esd": True, "do_ionosphere_correction": True}
    usual = record(settings(**switches))
    assert set(CHANGED_OPTIONS) | {"use_gpu"} == set(TopsappConfig.model_fields)
    for name, value in CHANGED_OPTIONS.items():
        assert record(settings(**(switches | {name: value}))) != usual, name


@pytest.mark.isce2
@pytest.mark.parametrize("folder", FOLDERS)
def test_isce2_reads_the_settings(tmp_path: Path, folder: str) -> None:
    wanted = settings(
        folder,
        looks=Looks(7, 2),
        geocode=(),
        do_esd=True,
        offset_snr_threshold=9,
        do_ionosphere_correction=True,
        areas_masked_out_in_ionospheric_phase_estimation=[[1, 2, -1, -1], [5, 6, 7, 8]],
        auxiliary_data_directory=f"{folder}/aux",
        extra={"ampcor margin": 60, "SOLVER_2stage": "max"},
    )
    for name, text in render(wanted).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    code = """
from topsApp import TopsInSAR
app = TopsInSAR(name='topsApp', cmdline=['topsApp.xml'])
app.configure()
app.reference.configure()
app.secondary.configure()
answer({'top': [app.swaths, app.regionOfInterest, app.demFilename, app.numberRangeLooks, app.numberAzimuthLooks,
                app.filterStrength, app.doESD, app.do_unwrap, app.unwrapper_name, app.useVirtualFiles, app.useGPU,
                app.geocode_list, app.offsetSNRThreshold, app.ION_doIon, app.esdCoherenceThreshold,
                app.ION_maskedAreas, app.ION_numberRangeLooks, app.margin, app.solver_2stage],
        'scenes': [[scene.safe, scene.orbitFile, scene.polarization, scene.output, scene.auxDir]
                   for scene in (app.reference, app.secondary)]})
"""
    found = ask(tmp_path, code)
    assert found["top"] == [
        [1, 2], [31.1, 31.30000000000001, -7.6, -7.25], str(wanted.dem), 7, 2, 0.5, True, True, "snaphu_mcf",
        "&" not in folder, False, [], 9.0, True, 0.7, [[1, 2, -1, -1], [5, 6, 7, 8]], 200, 60, "max",
    ]  # fmt: skip
    aux = str(wanted.options.auxiliary_data_directory)
    assert found["scenes"] == [
        [list(wanted.reference_safe), wanted.reference_orbit, "vv", "reference", aux],
        [list(wanted.secondary_safe), wanted.secondary_orbit, "vv", "secondary", aux],
    ]


@pytest.mark.isce2
def test_the_table_has_the_names_types_and_defaults_of_isce2(tmp_path: Path) -> None:
    code = """
import topsApp
from isceobj.Sensor.TOPS.Sentinel1 import Sentinel1
answer([[cls.__name__, item.public_name, getattr(item.type, '__name__', item.type), item.container is list,
         item.default] for cls in (topsApp.TopsInSAR, Sentinel1) for item in cls.parameter_list])
"""
    known = {(cls == "Sentinel1", name): rest for cls, name, *rest in ask(tmp_path, code)}
    kinds = {"str": "text"}
    for entry in PROPERTIES:
        if not entry.written:
            assert (entry.scene, entry.name) not in known
            continue
        kind, many, value = known[entry.scene, entry.name]
        assert entry.kind == kinds.get(kind, kind) + "s" * many, entry.name
        if not entry.always:  # it is left out at its default
            assert entry.default == (value if value is not None or not many else []), entry.name
        if entry.key.startswith("topsapp."):
            assert entry.key == f"topsapp.{entry.name.lower().replace(' ', '_')}"
