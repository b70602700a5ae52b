"""What the section ``topsapp`` of the configuration may ask of topsApp, beside the ranges of its keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from dinsar_cli.config.sections.checks import ChecksConfig
from dinsar_cli.config.sections.topsapp import TopsappConfig, normal_name
from dinsar_cli.engines.topsapp.settings.properties import find_property
from dinsar_cli.errors import UsageError
from dinsar_cli.sentinel1.acquisition import CommonBurst

# Properties that a run depends on: where it finds its states, and what makes it an interferogram.
_OURS = frozenset({"pickle dump directory", "pickle load directory", "renderer", "do interferogram"})
_ESD_BURSTS = 2


def check_options(options: TopsappConfig, bursts: Iterable[CommonBurst]) -> None:
    """Refuse options that topsApp cannot run with.

    The misregistration comes from the overlaps of neighbouring bursts, of all subswaths together. topsApp passes
    over a subswath with a single common burst; when that leaves no subswath, its step esd fails.

    Parameters
    ----------
    options : TopsappConfig
        What is asked for.
    bursts : iterable of CommonBurst
        The bursts in use.

    Raises
    ------
    UsageError
        If ``do_esd`` is asked for and no subswath has two bursts in use, or if ``extra`` has a property that is
        set elsewhere.
    """
    check_extra(options.extra)
    counts = Counter(burst.swath for burst in bursts)
    if options.do_esd and max(counts.values(), default=0) < _ESD_BURSTS:
        found = ", ".join(f"{count} in {swath}" for swath, count in sorted(counts.items()))
        raise UsageError(
            "topsapp.do_esd cannot be true for this pair and region.",
            f"It needs {_ESD_BURSTS} common bursts in one subswath, for it compares them where they overlap; "
            f"in use: {found or 'none'}.",
            "Set topsapp.do_esd to false, or take a larger region.",
        )


def check_reversed(checks: ChecksConfig) -> None:
    """Refuse the reversed-pair check that topsApp cannot do.

    Raises
    ------
    UsageError
        If the conjugate interferogram is to be filtered and unwrapped.
    """
    if checks.reversed == "phase":
        raise UsageError(
            "checks.reversed cannot be phase with the engine isce2.",
            "topsApp unwraps only the interferogram that it has made itself, not its conjugate.",
            "Set it to full, which runs topsApp once more with the dates exchanged, or use --engine eos.",
        )


def check_extra(names: Iterable[str]) -> None:
    """Refuse properties that are set elsewhere.

    Parameters
    ----------
    names : iterable of str
        Names in ``topsapp.extra``.

    Raises
    ------
    UsageError
        If there is one, with the key that sets it.
    """
    for name in names:
        entry = find_property(name)
        if entry is None and normal_name(name) not in _OURS:
            continue
        key = entry.key if entry else ""
        raise UsageError(
            f"topsApp's property '{name}' cannot be set in topsapp.extra.",
            f"It has a key of its own, {key}." if key else "A run of this program needs it as it is.",
            f"Set {key} instead." if key else "Remove it from topsapp.extra.",
        )
