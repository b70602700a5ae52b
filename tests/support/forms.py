"""The form of XML documents, element by element: what is in them, in which order, and how values are written."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lxml import etree

KINDS = {
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}",
    "integer": r"-?\d+",
    "double": r"-?\d\.\d{15}e[+-]\d\d",
    "single": r"-?\d\.\d{6}e[+-]\d\d",
    "decimal": r"-?\d+\.\d+(,-?\d+\.\d+)?",
    "flag": r"true|false",
    "md5": r"[0-9a-f]{32}",
}
NUMBERS = {"integer", "double", "single"}
LARGEST_RATIO = 10.0
"""By how much a figure may lie outside of the real ones, which are those of two dates and one place."""
LARGEST_LIST = 50
"""Words of a list that are looked at; of longer ones as many, evenly."""


@dataclass
class Form:
    """What all elements at one place of a document have in common.

    Attributes
    ----------
    kinds : set of str
        How values are written: a key of `KINDS` with an "s" for lists of them, "text", or "" for none.
    words : set of str
        Texts that are no figures.
    sizes : list of float
        Absolute values of figures.
    attributes : dict
        Name to values: texts with all numbers and polarizations alike, and kinds of others.
    counts : set of str
        What the attribute ``count`` counts: children, words, or pairs of words.
    children : list of tuple of str
        Tags in order, each once.
    """

    kinds: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    sizes: list[float] = field(default_factory=list)
    attributes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    counts: set[str] = field(default_factory=set)
    children: list[tuple[str, ...]] = field(default_factory=list)


def forms_of(roots: Iterable[etree._Element]) -> dict[str, Form]:
    """Forms at all places of documents of one kind, by path of tags."""
    forms: dict[str, Form] = defaultdict(Form)
    for root in roots:
        _collect(root, etree.QName(root).localname, forms)
    return dict(forms)


def _collect(element: etree._Element, path: str, forms: dict[str, Form]) -> None:
    form, words = forms[path], (element.text or "").split()
    sample = words[:: max(1, len(words) // LARGEST_LIST)]
    kind = _kind(element, sample)
    form.kinds.add(kind)
    if kind.rstrip("s") in NUMBERS:
        form.sizes += [abs(float(word)) for word in sample]
    elif kind == "text":
        form.words.add(" ".join(words))
    for name, value in element.attrib.items():
        form.attributes[name].add(_value(value))
    if "count" in element.attrib:
        form.counts.add(_counted(int(element.attrib["count"]), element, words))
    children = [child for child in element if isinstance(child.tag, str)]
    form.children.append(tuple(dict.fromkeys(etree.QName(child).localname for child in children)))
    for child in children:
        _collect(child, f"{path}/{etree.QName(child).localname}", forms)


def _kind(element: etree._Element, words: list[str]) -> str:
    """How the text of an element is written; lists are told by their attribute."""
    kinds = {_kind_of_word(word) for word in words}
    if len(kinds) == 1 and kinds != {"text"}:
        return kinds.pop() + ("s" if "count" in element.attrib else "")
    return "text" if words else ""


def _value(text: str) -> str:
    """Value of an attribute, alike for all files of one sort."""
    if (kind := _kind_of_word(text)) != "text":
        return kind
    return re.sub(r"(slc-?)v[hv]", r"\1vv", re.sub(r"[0-9a-f]*[0-9][0-9a-f]*", "#", text))


def _kind_of_word(word: str) -> str:
    return next((name for name, form in KINDS.items() if re.fullmatch(form, word)), "text")


def _counted(count: int, element: etree._Element, words: list[str]) -> str:
    if len(element) or not words:
        return "children" if count == len(element) else "nothing"
    return {count: "words", 2 * count: "pairs"}.get(len(words), "nothing")


def differences(ours: dict[str, Form], real: dict[str, Form]) -> Iterator[tuple[str, str]]:
    """Find where forms differ: the path and what is unlike the real ones."""
    for path in sorted({*ours, *real}):
        parent = path.rpartition("/")[0]
        if path not in ours or path not in real:
            if not parent or (parent in ours and parent in real):  # else the parent says it
                yield path, "lacks" if path not in ours else "is extra"
            continue
        yield from _unlike(path, ours[path], real[path])


def _unlike(path: str, ours: Form, real: Form) -> Iterator[tuple[str, str]]:
    if not ours.kinds <= real.kinds:
        yield path, f"is written as {sorted(ours.kinds)} for {sorted(real.kinds)}"
    if {*ours.attributes} != {*real.attributes}:
        yield path, f"has attributes {sorted(ours.attributes)} for {sorted(real.attributes)}"
    for name in {*ours.attributes} & {*real.attributes}:
        if not ours.attributes[name] <= real.attributes[name]:
            more, known = ours.attributes[name] - real.attributes[name], sorted(real.attributes[name])
            yield path, f"has {name} as {sorted(more)} for {known}"
        elif not ours.attributes[name] >= real.attributes[name] - {*KINDS}:
            yield path, f"lacks {name} {sorted(real.attributes[name] - ours.attributes[name])}"
    if not ours.counts <= real.counts:
        yield path, f"counts {sorted(ours.counts)} for {sorted(real.counts)}"
    if not {*ours.words} <= real.words:
        yield path, f"says {sorted(ours.words - real.words)[:3]} for {sorted(real.words)[:3]}"
    order = list(dict.fromkeys(tag for tags in real.children for tag in tags))
    for tags in ours.children:
        known = [tag for tag in tags if tag in order]
        if known != sorted(known, key=order.index):
            yield path, f"has the order {known}"
    yield from _other_size(path, ours.sizes, real.sizes)


def _other_size(path: str, ours: list[float], real: list[float]) -> Iterator[tuple[str, str]]:
    """Tell figures of another order of magnitude, and zeros where there are none."""
    if not ours or not real:
        return
    nonzero = [size for size in real if size]
    if not nonzero:
        low = high = 0.0
    else:
        low = min(nonzero) / LARGEST_RATIO if 0.0 not in real else 0.0
        high = max(nonzero) * LARGEST_RATIO
    outside = [size for size in ours if not low <= size <= high]
    if outside:
        yield path, f"is {min(outside):.3g} to {max(outside):.3g} for {min(real):.3g} to {max(real):.3g}"
