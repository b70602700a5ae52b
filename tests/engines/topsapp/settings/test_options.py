"""What may be asked of topsApp: ESD where bursts overlap, and no property by two ways."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dinsar_cli.config.sections.topsapp import TopsappConfig
from dinsar_cli.engines.topsapp.settings.options import check_options
from dinsar_cli.errors import UsageError
from dinsar_cli.sentinel1.acquisition import CommonBurst, make_pair
from dinsar_cli.sentinel1.scene import open_scene
from support.safe_factory import Product, write_safe

ESD = TopsappConfig(do_esd=True)


@pytest.fixture(scope="module")
def bursts(tmp_path_factory: pytest.TempPathFactory) -> tuple[CommonBurst, ...]:
    """Two common bursts in each of two subswaths."""
    folder = tmp_path_factory.mktemp("options")
    product = replace(Product(), swaths=("IW1", "IW2"), bursts=2)
    pair = make_pair([open_scene(write_safe(one, folder)) for one in (product, product.repeated())])
    return pair.common_bursts


def test_esd_needs_two_bursts_in_one_subswath(bursts: tuple[CommonBurst, ...]) -> None:
    assert [burst.swath for burst in bursts] == ["IW1", "IW1", "IW2", "IW2"]
    check_options(ESD, bursts)
    check_options(ESD, bursts[:2])
    check_options(ESD, bursts[:3])  # topsApp passes over IW2, and IW1 gives the shift
    for few, found in ((bursts[1:3], "1 in IW1, 1 in IW2"), (bursts[3:], "1 in IW2"), ((), "none")):
        with pytest.raises(UsageError) as error:
            check_options(ESD, few)
        assert "topsapp.do_esd" in error.value.problem
        assert error.value.cause.endswith(f"in use: {found}.")
        check_options(TopsappConfig(), few)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("Azimuth  looks", "Set looks instead"),
        ("do ESD", "Set topsapp.do_esd instead"),
        ("auxiliary data directory", "Set topsapp.auxiliary_data_directory instead"),
        ("demfilename", "Set dem.file instead"),
        ("sensor name", "Remove it"),
        ("Pickle dump directory", "Remove it"),
    ],
)
def test_what_is_set_elsewhere_is_refused(bursts: tuple[CommonBurst, ...], name: str, remedy: str) -> None:
    with pytest.raises(UsageError) as error:
        check_options(TopsappConfig(extra={name: 1}), bursts)
    assert name in error.value.problem
    assert remedy in error.value.remedy
