"""Hold what is said of maps against the truth: ``python tests/benchmarks/headline.py [RIGHT DEFECTS [SEED]]``.

RIGHT (200) right maps and DEFECTS (60) with a seeded defect are made from interferograms with known motion, by all
steps that follow an engine (``tests/support/headline_scenes.py``). Told are

- headlines that are wrong: zero is off by more than the headline states, or by more than a centimetre where it
  states nothing; or the headline says that nothing moved where more than twice the stated bound did;
- right maps with a warning that is not true;
- defects of which nothing is said, neither a warning nor that it cannot be judged;
- advice that, when it is followed, makes a map worse;
- how often calm ground is denied where at least half of the border of what was unwrapped moves by less than 3 mm.

SEED (0) gives other atmospheres, noise and places. About three seconds a map.
"""

from __future__ import annotations

import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from dinsar_cli.errors import NoDataError
from support.headline_scenes import ADVICE, Headline, Said, campaign, defects, say

MOVED = 0.01  # m
TOLD_BY = {"orbit": {"ramp", "orbit"}, "layered": {"height"}, "reference": {"reference"}}


def stated(sentence: str, before: str) -> float:
    """Return the length that a headline states behind some words, metres; 0 where it does not."""
    found = re.search(before + r"([\d.]+)\s(mm|cm)", sentence)
    return float(found[1]) / {"mm": 1000, "cm": 100}[found[2]] if found else 0.0


def wrong_headline(said: Said) -> str:
    """Tell what is wrong with a headline; empty when nothing is."""
    if said.found and abs(said.zero) > (stated(said.sentence, r"certain to \u00b1") or MOVED):
        return f"zero moved by {1000 * said.zero:.1f} mm"
    bound = stated(said.sentence, "nothing beyond ")
    if bound and abs(said.largest - abs(said.zero)) > 2 * bound and said.largest > 2 * bound:
        return f"says nothing beyond {1000 * bound:.1f} mm, {1000 * said.largest:.0f} mm moved"
    return ""


def untrue_warnings(said: Said) -> set[str]:
    """Give warnings of a right map that are not true; a tilt that is really there is one."""
    return said.warns - ({"ramp"} if said.tilt > 0.025 else set())


def missed(said: Said) -> bool:
    """Tell whether nothing is said of a defect."""
    about = [v for v in said.evidence.verdicts if v.rule.key in TOLD_BY[said.case.defect]]
    return not any(verdict.good is False for verdict in about) and said.found


def made_worse(case: Headline, said: Said) -> bool:
    """Tell whether a map is worse when what is advised of its defect is followed."""
    with tempfile.TemporaryDirectory() as folder:
        return say(case, Path(folder) / "map", ADVICE[case.defect]).rmse > said.rmse


def main(right: int = 200, wrong: int = 60, seed: int = 0) -> None:
    """Make the maps and print what was found."""
    counts = {"wrong headline": 0, "untrue warning": 0, "no calm ground": 0, "missed": 0, "made worse": 0}
    for plain in (*campaign(right), *defects(wrong)):
        case = replace(plain, seed=plain.seed + seed)
        try:
            with tempfile.TemporaryDirectory() as folder:
                said = say(case, Path(folder) / "map")
        except NoDataError as error:  # all of the area is sea
            print(case, error.problem, flush=True)
            continue
        notes = []
        if case.defect:
            if missed(said):
                counts["missed"] += 1
                notes.append("MISSED")
            elif case.defect in ADVICE and made_worse(case, said):
                counts["made worse"] += 1
                notes.append("WORSE")
        else:
            counts["no calm ground"] += not said.found
            if told := wrong_headline(said):
                counts["wrong headline"] += 1
                notes.append(f"WRONG: {told}")
            if untrue := untrue_warnings(said):
                counts["untrue warning"] += 1
                notes.append(f"UNTRUE: {', '.join(sorted(untrue))}")
        reason = "" if said.found else said.facts.far_field and said.facts.far_field["reason"]
        print(case, f"zero {1000 * said.zero:+.1f} mm", sorted(said.warns), reason, *notes, flush=True)
    print({"right": right, "defects": wrong} | counts)


if __name__ == "__main__":
    main(*(int(text) for text in sys.argv[1:4]))
