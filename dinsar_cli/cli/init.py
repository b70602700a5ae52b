"""``dinsar init``: write a commented configuration file to start from."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click

from dinsar_cli.base.files import write_text
from dinsar_cli.cli.options import FLAGS, config_options, gather_config, json_option, telling_options
from dinsar_cli.cli.parts.common import tell_made, tell_next
from dinsar_cli.cli.parts.given import Given
from dinsar_cli.config.file import dump_commented_yaml, json_schema
from dinsar_cli.errors import UsageError

SCHEMA_NAME = "dinsar.schema.json"


@click.command("init", short_help="Write a configuration file to edit.")
@click.argument("file", type=click.Path(path_type=Path), default="dinsar.yaml")
@click.option("--schema/--no-schema", default=True, show_default=True, help=f"Write {SCHEMA_NAME} for editors too.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@config_options(*FLAGS)
@json_option
@telling_options
def init(file: Path, *, schema: bool, force: bool, as_json: bool, **flags: str | None) -> None:
    """Write FILE (default: dinsar.yaml), a configuration with every key explained.

    The options fill in its values; edit the rest, then run it with `dinsar run FILE`.
    """
    config = gather_config(Given(), flags)
    if config.roi is not None:
        from dinsar_cli.geo.roi import parse_roi

        parse_roi(config.roi)
    text = dump_commented_yaml(config)
    texts = {file: text}
    if schema:
        if file.name == SCHEMA_NAME:
            raise _unwritable(file, "This is the name of the schema.", "Name another file, like dinsar.yaml.")
        texts[file] = f"# yaml-language-server: $schema=./{SCHEMA_NAME}\n{text}"
        texts[file.parent / SCHEMA_NAME] = json.dumps(json_schema(), indent=2) + "\n"
    try:
        for path, content in texts.items():
            # A schema of the same content, written with another configuration, is as good as a new one.
            _check_target(path, overwrite=force or (path != file and _holds(path, content)))
        for path, content in texts.items():
            write_text(path, content)
    except OSError as error:
        raise _unwritable(file, f"{error}.", "Name a file in a folder that you may write in.") from error
    if as_json:
        click.echo(json.dumps({"files": [str(path) for path in texts]}, indent=2))
        return
    tell_made(*texts)
    tell_next(f"edit it, then: dinsar run {shlex.quote(str(file))}")


def _check_target(path: Path, *, overwrite: bool) -> None:
    if not path.parent.is_dir():
        raise _unwritable(path, f"There is no folder {path.parent}.", "Make the folder, or name another file.")
    if path.is_dir():
        raise _unwritable(path, "It is a folder.", "Name a file in it.")
    if path.exists() and not overwrite:
        raise _unwritable(path, "It exists already.", "Give --force to overwrite it, or name another file.")


def _holds(path: Path, content: str) -> bool:
    return path.is_file() and path.read_bytes() == content.encode()


def _unwritable(path: Path, cause: str, remedy: str) -> UsageError:
    return UsageError(f"{path} cannot be written.", cause, remedy)
