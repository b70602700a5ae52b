"""``dinsar run``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dinsar_cli.base.disk import human_bytes
from dinsar_cli.cli.options import existing_xml_option, force_option, gather_config, json_option, run_options
from dinsar_cli.cli.parts.common import duration, near, tell_made, tell_next
from dinsar_cli.cli.parts.screen import shown_run
from dinsar_cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dinsar_cli.cli.parts.given import Given
    from dinsar_cli.workflow.result import RunResult

_LEFT_OUT = {
    "coherence": "without coherence",
    "component": "small components",
    "water": "water",
    "layover_shadow": "layover and shadow",
}
_WORTH_TELLING = 0.0005  # share of the map


@click.command(
    short_help="Make a displacement map from two dates.",
    epilog="""\b
Examples:
  dinsar run --roi '37.0 37.0 37.4 37.4' --start 2023-01-20 --end 2023-02-20
  dinsar run --roi area.geojson --event 2023-02-06T01:17:34 --direction descending
  dinsar run --slc A.zip --slc B.zip --orbits ORBITS --dem DEM.tif --dem-datum ellipsoid
  dinsar run dinsar.yaml --looks 7x2""",
)
@run_options
@existing_xml_option
@force_option
@click.option(
    "--dry-run", is_flag=True, help="Show what would be done and needed, as `dinsar plan` does, and stop."
)
@json_option
def run(
    given: Given,
    workdir: Path,
    cache: Path,
    use_existing_xml: bool,
    force: bool,
    dry_run: bool,
    as_json: bool,
    verbose: int,
    **flags: str | None,
) -> int:
    """Make a displacement map from two Sentinel-1 dates.

    The two dates are local products (--slc), or they are found in the archive: over --roi, the first from --start
    on and the last up to --end, or the shortest pair around --event, or --reference and --secondary. Scenes, orbits
    and DEM that are fetched stay in the cache.

    What is asked for comes from flags, from a file that `dinsar init` writes, or from both: flags win. A run that
    was stopped goes on where it was when the same command is given again; after a change of an option only what
    depends on it is made again.
    """
    config = gather_config(given, flags)
    if config.engine != "eos":
        from dinsar_cli.engines.topsapp.process.installation import look_meanwhile

        look_meanwhile(config.isce2.home, config.isce2.python, config.isce2.conda_env)
    from dinsar_cli.engines.base import StepChoice
    from dinsar_cli.workflow import pipeline

    if dry_run:
        from dinsar_cli.cli.plan import show_plan

        return show_plan(config, workdir, cache, as_json=as_json)
    with shown_run(workdir, verbose) as reporter:
        choice = StepChoice(own_files=use_existing_xml)
        result = pipeline.run(config, workdir, cache, reporter, ["dinsar", *sys.argv[1:]], choice, force=force)
    print_result(result, as_json=as_json)
    return ExitCode.OK


def print_result(result: RunResult, *, as_json: bool) -> None:
    """Print what a map is, and which files show it; what is not known is left out."""
    import json

    from dinsar_cli.workflow.result import summary

    record = summary(result)
    if as_json:
        click.echo(json.dumps(record, indent=2))
        return
    tell_made(f"{result.folder.name}: {record['reference_date'][:10]} to {record['secondary_date'][:10]}")
    tell_made(*_map_lines(record), *_pair_lines(record), *verdict_lines(record["verdicts"]))
    tell_made("  note            one pair cannot tell displacement from 1-3 cm of atmosphere")
    if result.seconds is not None:
        tell_made(f"  took            {duration(result.seconds)}, {human_bytes(result.received)} fetched")
    for name in ("map", "report"):
        if name in result.products:
            tell_made(f"  {name:<16}{near(result.products[name])}")
    tell_next(f"dinsar view {shlex.quote(near(result.folder))}")


def _map_lines(record: Mapping[str, Any]) -> list[str]:
    """Tell what a map says, in lines."""
    los, reference = record["los_displacement_m"], record["reference_point"]
    lines = [
        f"  displacement    {_extreme(los['maximum'])}",
        f"                  {_extreme(los['minimum'])}",
        "                  line of sight, positive toward the satellite",
    ]
    if record["coverage"] is not None:
        lines.append(f"  coverage        {record['coverage']:.0%} of what was seen has displacement")
    if reference is not None:
        where = "longitude, latitude" if reference["on_map"] else "longitude, latitude; calm ground beside the map"
        lines.append(f"  relative to     {reference['lon']:.5f}, {reference['lat']:.5f} ({where})")
    if record["gnss"] is not None:
        usual, worst = (2000 * value for value in record["gnss"]["sigma_m"][1:])
        lines.append(f"  relative to     {record['gnss']['relative_to']}")
        lines.append(f"  zero            certain to {usual:.1f} mm (95 %), {worst:.1f} mm at worst")
    far = record["far_field"]
    if far and far["uncertainty"] is not None and reference is not None and not reference["chosen"]:
        lines.append(
            f"  zero            certain to {far['uncertainty'] * 1000:.0f} mm (95 %, by the calm ground around)"
        )
    return lines


def _pair_lines(record: Mapping[str, Any]) -> list[str]:
    """Tell how good a map can be, in lines; what is not known is left out."""
    coherence, sigma = record["mean_coherence"], record["los_sigma_m"]["median"]
    baseline, lines = record["perpendicular_baseline_m"], []
    if coherence is not None:
        lines.append(f"  coherence       {coherence:.2f} on average")
    if sigma is not None:
        inside = "with that of zero by GNSS" if record["gnss"] else "without atmosphere"
        lines.append(f"  noise           {sigma * 1000:.2f} mm (median; {inside})")
    lines += [
        *_left_out_lines(record["masked"]),
        *([f"  cut             {record['cut_told']}"] if record["cut_told"] else []),
        *correction_lines(record["corrections"]),
        *offset_lines(record["offsets"]),
    ]
    if baseline is not None:
        lines.append(f"  baseline        {baseline:.0f} m perpendicular")
    shift = record["checks"].get("misregistration")
    if shift and shift["removed"]:
        lines.append(f"  coregistration  {shift['metres']:+.3f} m along the track, {shift['told']}")
    return lines


def _extreme(one: Mapping[str, float] | None) -> str:
    """Tell an extreme with its place, in a line."""
    if one is None:
        return "none that could be trusted"
    sigma = "" if one["sigma"] is None else f", noise {one['sigma'] * 1000:.1f} mm"
    return f"{one['value'] * 100:+.2f} cm at {one['lon']:.5f}, {one['lat']:.5f} (longitude, latitude{sigma})"


def verdict_lines(verdicts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Tell how the checks of a map went, in lines."""
    groups = {
        "good": [one for one in verdicts if one["good"]],
        "warn": [one for one in verdicts if one["good"] is False],
        "cannot be judged": [one for one in verdicts if one["good"] is None],
    }
    parts = [f"{len(found)} {name}" for name, found in groups.items() if found or name != "cannot be judged"]
    lines = [f"  checks          {', '.join(parts)}"]
    lines += [f"                  {one['title']}: {one['found']}, limit {one['limit']}" for one in groups["warn"]]
    unknown = ", ".join(one["title"].lower() for one in groups["cannot be judged"])
    return lines + ([f"                  cannot be judged: {unknown}"] if unknown else [])


def _left_out_lines(masked: Mapping[str, float]) -> list[str]:
    """Tell what is left out of the map, in a line; none where nothing is."""
    parts = [f"{share:.1%} {_LEFT_OUT[name]}" for name, share in masked.items() if share >= _WORTH_TELLING]
    return [f"  left out        {', '.join(parts)}"] if parts else []


def offset_lines(offsets: Mapping[str, Any] | None) -> list[str]:
    """Tell what the dense offsets are, in a line; none without them."""
    if offsets is None:
        return []
    spans = ((name, offsets[f"offset_{key}_m"]) for name, key in (("LOS", "los"), ("along track", "azimuth")))
    parts = [f"{name} {span['p02']:+.2f} to {span['p98']:+.2f} m" for name, span in spans if span]
    parts.append(f"{offsets['usable']:.0%} of the windows usable")
    return [f"  offsets         {', '.join(parts)}"]


def correction_lines(corrections: Mapping[str, Any]) -> list[str]:
    """Return a line for each correction: its size, and what it did to the map."""
    lines = []
    for name, record in corrections.items():
        how = record["method"]
        if "slope_mm_per_km" in record:
            how += f", {record['slope_mm_per_km']:+.1f} mm/km"
        if "noise_m" in record:
            how += f", noise {1000 * record['noise_m']:.1f} mm"
        before, after, size = (1000 * record[key] for key in ("los_std_before_m", "los_std_after_m", "std_m"))
        lines.append(f"  corrected       {name}: {size:.1f} mm (standard deviation; {how})")
        related = [record[f"height_correlation_{key}"] for key in ("before", "after")]
        with_height = "" if None in related else f"; correlation with height {related[0]:+.2f} to {related[1]:+.2f}"
        lines.append(f"                  the map: {before:.1f} to {after:.1f} mm{with_height}")
    return lines
