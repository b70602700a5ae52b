"""The tables of the program as Markdown: keys, layers, checks, exit codes and failures."""

from __future__ import annotations

from collections.abc import Iterable

from dinsar_cli import errors
from dinsar_cli.cli.options import FLAGS, STACK_FLAGS
from dinsar_cli.cli.parts.roff import MEANINGS, VARIABLES
from dinsar_cli.config.keys import config_keys, key_text, section_text
from dinsar_cli.engines.topsapp.process.diagnose import table as known_failures
from dinsar_cli.products.flags import FLAG_WORDS
from dinsar_cli.products.layers import LAYERS
from dinsar_cli.report.verdicts import RULES


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; what Markdown would take for its own stays as it is."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *(map(_cell, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|").replace("\n", " ")


def plain(text: str) -> str:
    """Return text of the program so that Markdown shows it letter by letter."""
    return "".join(f"\\{letter}" if letter in r"\*_<>[]#$" else letter for letter in text)


def code(text: str) -> str:
    """Return it as code; nothing stays nothing."""
    return f"`{text}`" if text else ""


def configuration() -> str:
    """Return a table of the keys for each section of the file; first of those that are in none."""
    keys: dict[str, list[str]] = {}
    for key in config_keys():
        section, dot, _ = key.partition(".")
        keys.setdefault(section if dot else "", []).append(key)
    return "\n\n".join(_section(name, keys[name]) for name in sorted(keys, key=bool))


def _section(name: str, keys: list[str]) -> str:
    steps = name == "topsapp"
    title = f"## {name}\n\n{plain(section_text(name))}" if name else "## Keys of a run"
    head = ["key", "flag", "default", "what it decides", "values"] + ["done again from"] * steps
    return f"{title}\n\n{table(head, (_key(key, steps=steps) for key in keys))}"


def _key(key: str, *, steps: bool) -> list[str]:
    said, flag = key_text(key), (FLAGS | STACK_FLAGS).get(key, ("", ""))[0]
    row = [code(key), code(flag), plain(said.default), plain(said.meaning), plain(said.allowed)]
    return row + [code(said.first_step)] * steps


def layers() -> str:
    """Return the table of the layers of a map."""
    rows = ((code(f"{one.name}.tif"), _unit(one.unit), plain(one.description), one.sign) for one in LAYERS.values())
    return table(("file", "unit", "what it holds", "sign"), rows)


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit


def flags() -> str:
    """Return the table of the bits of ``flags.tif``."""
    return table(("bit", "what it says"), ((str(bit), plain(words)) for bit, words in FLAG_WORDS.items()))


def verdicts() -> str:
    """Return the table of the checks of a map."""
    rows = (
        (
            rule.title,
            plain(rule.measure),
            f"{rule.threshold * rule.factor:g} {rule.unit}",
            plain(f"{rule.bad}. {rule.remedy}"),
        )
        for rule in RULES.values()
    )
    return table(("check", "number", "bad above", "what it means, and what to do"), rows)


def exit_codes() -> str:
    """Return the table of the exit codes, with the error that ends with each."""
    kinds = {error.exit_code: error for error in errors.DinsarError.__subclasses__()}
    rows = ((str(int(number)), words, _what(kinds.get(number))) for number, words in MEANINGS.items())
    return table(("code", "meaning", "when"), rows)


def _what(error: type[errors.DinsarError] | None) -> str:
    return plain((error.__doc__ or "").strip()) if error else ""


def environment() -> str:
    """Return the table of the variables of the environment."""
    return table(("variable", "what it is"), ((name, plain(words)) for name, words in VARIABLES.items()))


def failures() -> str:
    """Return the table of what topsApp is known to fail with."""
    rows = ((code(one.id), plain(one.cause), plain(one.remedy)) for one in known_failures())
    return table(("name", "what happened", "what to do"), rows)
