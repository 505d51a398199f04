"""``mxart init``: a commented configuration file for this machine."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from mxart.cli.options import WRONG_USAGE
from mxart.config import Starter, starters
from mxart.settings import ServerSettings

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@click.command("init")
@click.option("--output", default="mxart.toml", show_default=True, metavar="FILE", help="Where to write; - for output.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.pass_context
def command(ctx: click.Context, output: str, force: bool) -> None:
    """Write a commented configuration file that takes its upstreams from what this machine's clients use today."""
    from mxart.cli.discover import discover
    from mxart.formats import FORMATS

    found = discover(FORMATS, os.environ)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    content = render(starters(found.proposals, FORMATS))
    if output == "-":
        click.echo(content, nl=False)
        return
    try:
        with Path(output).open("w" if force else "x", encoding="utf-8") as file:
            file.write(content)
    except OSError as error:
        remedy = "; --force replaces it" if isinstance(error, FileExistsError) else ""
        click.echo(f"{output} cannot be written: {error.strerror}{remedy}", err=True)
        ctx.exit(WRONG_USAGE)
    for proposal in found.proposals:
        click.echo(f"repository {proposal.name}: {proposal.upstream} (from {proposal.origin})", err=True)
    if not found.proposals:
        click.echo("no client's upstream was found: fill in the example of a proxy in the file", err=True)
    click.echo(f"{output} is written; start with: mxart --config {output}", err=True)


def render(repositories: Sequence[Starter]) -> str:
    """The text of a configuration file with these repositories."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("mxart.cli"),
        undefined=StrictUndefined,
        autoescape=False,  # TOML, not HTML: values go through the filter ``toml``
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["toml"] = toml_value
    environment.filters["on_one_line"] = lambda words: " ".join(str(words).split())  # a comment ends with its line
    template = environment.get_template("mxart.toml.jinja")
    return template.render(starters=repositories, listen=ServerSettings().listen)


def toml_value(value: object) -> str:
    """A string, number, truth value, list or table as TOML writes it on one line.

    >>> toml_value({"sum.example.org": "https://sum.example.org"})
    '{ "sum.example.org" = "https://sum.example.org" }'
    >>> toml_value(["a", True, 3])
    '["a", true, 3]'
    """
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(key)} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)  # JSON's strings, numbers and truth values are TOML's


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
