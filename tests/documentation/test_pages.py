"""README, CONTRIBUTING and ``docs/`` are true of this program: commands, options, keys, links, tables."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import click
import pytest
from ruamel.yaml import YAML

from dinsar_cli.cli import COMMANDS, cli
from dinsar_cli.cli.options import FLAGS, STACK_FLAGS, overrides_of
from dinsar_cli.cli.parts.roff import MEANINGS
from dinsar_cli.config.file import build_config
from dinsar_cli.config.keys import config_keys
from dinsar_cli.engines.topsapp.process.diagnose import table as known_failures
from dinsar_cli.formats import WRITERS
from dinsar_cli.products.layers import LAYERS
from support.pages import DOCS, ROOT, anchors, blocks, commands, links, name, pages, prose

sys.path.append(str(DOCS / "_ext"))
program_pages = import_module("program_pages")

SITE_WORDS = 900
"""Words of README at most: it is one page."""

OF_OTHERS = frozenset({"--help", "--start", "--end", "--n_unw_r_thre", "--dist"})
"""Options of click itself and of other programs, of which the pages tell."""

EACH_PAGE = pytest.mark.parametrize("page", pages(), ids=name)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@cache
def command_named(word: str) -> click.Command:
    command = cli.get_command(click.Context(cli), word)
    assert command is not None, f"there is no dinsar {word}"
    return command


@cache
def all_options() -> frozenset[str]:
    found = (
        option
        for word in COMMANDS
        for one in command_named(word).params
        for option in (*one.opts, *one.secondary_opts)
    )
    return frozenset(found)


def parse(arguments: list[str]) -> None:
    """Read the arguments as the program does, but for files, which need not be there."""
    if arguments[:1] in ([], ["--help"], ["--version"]):
        return
    command = command_named(arguments[0])
    context = click.Context(command, info_name=arguments[0], **command.context_settings)
    values, left, _ = command.make_parser(context).parse_args(arguments[1:])
    assert left == [], f"{left} are too many"
    asked = {}
    for one in command.params:
        value = values.get(one.name or "")
        given = value if isinstance(value, (list, tuple)) else [value]
        if one.required:
            assert value not in (None, (), []), f"{one.name} is missing"
        if not isinstance(one.type, click.Path):
            for item in given:
                # what is not given is a mark of click's, and no text
                if isinstance(item, str):
                    one.type.convert(item, one, context)
        if isinstance(value, (str, list)) and any(option in of_config() for option in one.opts):
            asked[of_config()[one.opts[0]]] = value
    build_config(None, overrides_of(asked))


@cache
def of_config() -> dict[str, str]:
    return {flag: key for key, (flag, _) in (FLAGS | STACK_FLAGS).items()}


@EACH_PAGE
def test_commands_are_read(page: Path) -> None:
    for block in blocks(text_of(page), "sh"):
        for arguments in commands(block.text, "dinsar"):
            try:
                parse(arguments)
            except Exception as error:
                raise AssertionError(
                    f"{name(page)}, line {block.line}: dinsar {' '.join(arguments)}\n{error}"
                ) from error


@pytest.mark.parametrize(
    "command",
    [
        "dinsar rum x",
        "dinsar run --lokks 7x2",
        "dinsar run --looks 7",
        "dinsar compare a b c",
        "dinsar plan --start 31",
    ],
)
def test_wrong_commands_would_be_found(command: str) -> None:
    (arguments,) = commands(command, "dinsar")
    with pytest.raises(Exception, match=r"no dinsar|No such option|looks|too many|start"):
        parse(arguments)


@EACH_PAGE
def test_options_that_are_named_are_there(page: Path) -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", prose(text_of(page))))
    assert sorted(named - all_options() - OF_OTHERS) == []


@EACH_PAGE
def test_keys_that_are_named_are_there(page: Path) -> None:
    sections = {key.partition(".")[0] for key in config_keys() if "." in key}
    named = re.findall(rf"`((?:{'|'.join(sections)})\.[a-z_]+)\b(?!\.)", prose(text_of(page)))
    files = {one for one in named if one.endswith((".py", ".json", ".html"))}
    assert sorted(set(named) - set(config_keys()) - files) == []


@EACH_PAGE
def test_configurations_are_read(page: Path) -> None:
    for block in blocks(text_of(page), "yaml"):
        build_config(YAML(typ="safe").load(block.text), {})


@EACH_PAGE
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(text_of(page)):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name(page)}: {target}"
        assert file.is_relative_to(ROOT), target
        if anchor and MADE.get(name(file)) is None:
            assert anchor in anchors(text_of(file)), f"{name(page)}: {target}"


MADE = {name(page): page for page in pages() if program_pages.MARK.search(text_of(page))}
"""Pages with parts that the program makes, whose headings come with them."""


def test_every_page_is_in_the_site() -> None:
    found = {
        path.relative_to(DOCS).with_suffix("").as_posix()
        for path in DOCS.rglob("*.md")
        if "_build" not in path.parts
    }
    listed = set()
    for page in found:
        for block in re.findall(
            r"^```\{toctree\}\n(.*?)^```", text_of(DOCS / f"{page}.md"), re.MULTILINE | re.DOTALL
        ):
            entries = (line for line in block.splitlines() if line and not line.startswith(":"))
            listed |= {((DOCS / page).parent / entry).relative_to(DOCS).as_posix() for entry in entries}
    assert found - listed == {"index"}
    assert listed <= found


def test_readme_is_one_page() -> None:
    text = text_of(ROOT / "README.md")
    assert len(text.split()) < SITE_WORDS
    pictures = [ROOT / target for target in links(text) if target.endswith(".png")]
    assert len(pictures) == 2
    assert all(picture.stat().st_size < 150_000 for picture in pictures)


# the tables that people wrote, against those of the program


def rows(page: str, head: str) -> list[list[str]]:
    """Cells of the table that begins with some text."""
    _, found, rest = text_of(DOCS / page).partition(head)
    assert found, head
    lines = rest[rest.index("\n|") :].strip().split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[1:]]


def layer_rows() -> Iterator[tuple[str, str]]:
    """Each layer that a table tells of, with its unit."""
    for page in ("one_pair/products.md", "one_pair/offsets.md"):
        for files, units, *_ in rows(page, "| in `products/` | unit |"):
            names = re.findall(r"`(\w+)\.tif`", files)
            told = [unit.strip() for unit in units.split(",")]
            for number, layer in enumerate(names):
                yield layer, told[number] if len(told) == len(names) else told[0]


def test_layers_have_the_units_that_are_told() -> None:
    told = dict(layer_rows())
    words = {"1": ("", "0..1"), "degree": ("deg",)}
    assert len(told) > 15
    for layer, unit in told.items():
        assert unit in words.get(LAYERS[layer].unit, (LAYERS[layer].unit,)), layer
    everything = " ".join(map(text_of, pages()))
    corrections = {one for one in LAYERS if one.startswith("correction_")}
    assert {one for one in set(LAYERS) - corrections - set(told) if f"`{one}.tif`" not in everything} == set()


def test_formats_are_told() -> None:
    told = {re.sub(r"\W", "", row[0]) for row in rows("maps/formats.md", "| format | what it writes |")}
    assert told == set(WRITERS) - {"kmz", "citation", "stac"}  # which are always made


def test_extras_are_told() -> None:
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    told = [row[0].strip("`") for row in rows("start/install.md", "| `pip install '.[...]'` |")]
    assert sorted(told) == sorted(project["optional-dependencies"])


# what the program makes itself


@pytest.mark.parametrize("part", sorted(program_pages.PARTS))
def test_each_part_stands_on_a_page(part: str) -> None:
    assert any(part in program_pages.MARK.findall(text_of(page)) for page in pages())


def test_parts_have_all_that_the_program_has() -> None:
    made = {part: make() for part, make in program_pages.PARTS.items()}
    together = "\n".join(text for part, text in made.items() if part.startswith("commands"))
    assert sorted(re.findall(r"^## (.+)$", together, re.MULTILINE)) == sorted(COMMANDS)
    assert all(f"| `{key}` | " in made["configuration"] for key in config_keys())
    assert all(f"| `{layer}.tif` | " in made["layers"] for layer in LAYERS)
    assert all(f"| `{one.id}` | " in made["failures of topsApp"] for one in known_failures())
    assert all(f"| {int(code)} | {meaning} | " in made["exit codes"] for code, meaning in MEANINGS.items())
    together += text_of(DOCS / "reference" / "commands.md")
    assert sorted(option for option in all_options() if option.startswith("-") and option not in together) == []


@pytest.mark.long
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    pytest.importorskip("myst_parser")
    pytest.importorskip("furo")
    import subprocess

    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-E",
        "-d",
        tmp_path / "trees",
        DOCS,
        tmp_path / "site",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site" / "reference" / "configuration.html").read_text(encoding="utf-8")
    assert all(f">{key}<" in page for key in config_keys())
