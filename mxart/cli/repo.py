"""``mxart repo``: the repositories that the configuration describes."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from mxart.cli.options import WRONG_USAGE, config_option, settings_or_exit
from mxart.cli.urls import url_of
from mxart.formats import FORMATS
from mxart.settings import RepositorySettings, Settings, UpstreamSettings

Shown = Mapping[str, "Shown"] | list["Shown"] | str | int | float | bool | None

_HIDDEN = "(set)"
_USERINFO = re.compile(r"(?<=://)[^/?#@]*@")
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("repo")
@config_option
def command(config: Path | None) -> None:
    """List and show the repositories that the configuration describes."""


@command.command("list")
@config_option
@_json_option
def list_(config: Path | None, as_json: bool) -> None:
    """List every repository: name, format, kind, where it is, what is behind it or in it."""
    settings = settings_or_exit(config)
    rows = [_row(repository, settings) for repository in settings.repositories]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        click.echo("\n".join(_table(rows)) if rows else f"{settings.source}: no repository is configured")


@command.command("show")
@config_option
@click.argument("name")
@_json_option
@click.pass_context
def show(ctx: click.Context, config: Path | None, name: str, as_json: bool) -> None:
    """Show all settings of the repository NAME, defaults included, and how clients use it. Secrets stay hidden."""
    settings = settings_or_exit(config)
    repository = next((each for each in settings.repositories if each.name == name), None)
    if repository is None:
        known = ", ".join(each.name for each in settings.repositories) or "none"
        click.echo(f"{settings.source}: there is no repository {name!r}; there is: {known}", err=True)
        ctx.exit(WRONG_USAGE)
    document = _document(repository, settings)
    click.echo(json.dumps(document, indent=2) if as_json else "\n".join(_lines(document)))


# --- what to show ----------------------------------------------------------------------------------------------


def _row(repository: RepositorySettings, settings: Settings) -> dict[str, str | list[str]]:
    return {
        "name": repository.name,
        "format": repository.format,
        "kind": repository.kind,
        "url": url_of(repository, settings),
        "upstream": _upstream(repository.upstream),
        "members": list(repository.members),
    }


def _upstream(upstream: UpstreamSettings | None) -> str:
    return upstream.url or upstream.tool if upstream else ""


def _document(repository: RepositorySettings, settings: Settings) -> Mapping[str, Shown]:
    url = url_of(repository, settings)
    factory = FORMATS[repository.format]
    use = factory.client_lines(url, repository.kind) if url else ()
    publish = factory.publish_lines(url) if url and repository.is_published_to else ()
    return {**_fields(repository), "url": url, "client_lines": list(use), "publish_lines": list(publish)}


def _fields(settings: object) -> dict[str, Shown]:
    """The fields of a settings dataclass. What its repr hides is a secret, and hidden here too."""
    assert dataclasses.is_dataclass(settings)
    return {field.name: _shown(getattr(settings, field.name), field.repr) for field in dataclasses.fields(settings)}


def _shown(value: object, open_: bool) -> Shown:
    if not open_:
        return _HIDDEN if value else ""
    if dataclasses.is_dataclass(value):
        return _fields(value)
    match value:
        case Mapping():
            return {str(key): _shown(item, True) for key, item in value.items()}
        case tuple() | list():
            return [_shown(item, True) for item in value]
        case None | bool() | int() | float():
            return value
    return _USERINFO.sub(f"{_HIDDEN}@", str(value))


# --- how it looks ----------------------------------------------------------------------------------------------


def _table(rows: list[dict[str, str | list[str]]]) -> Iterator[str]:
    titles = {title: title.upper() if title == "url" else title.capitalize() for title in rows[0]}
    cells = [titles, *({title: _cell(value) for title, value in row.items()} for row in rows)]
    widths = {title: max(len(row[title]) for row in cells) for title in titles}
    for row in cells:
        yield "  ".join(row[title].ljust(widths[title]) for title in titles).rstrip()


def _cell(value: str | list[str]) -> str:
    return (value if isinstance(value, str) else ", ".join(value)) or "-"


def _lines(document: Mapping[str, Shown]) -> Iterator[str]:
    flat = dict(_flat("", document))
    width = max(len(key) for key in flat)
    for key, value in flat.items():
        yield f"{key.ljust(width)}  {value}"


def _flat(prefix: str, value: Shown) -> Iterator[tuple[str, str]]:
    """``{"upstream": {"url": …}}`` as ``upstream.url``; a list has a line for each of its items."""
    match value:
        case Mapping() if value:
            for key, item in value.items():
                yield from _flat(f"{prefix}.{key}" if prefix else key, item)
        case list() if value:
            for number, item in enumerate(value, start=1):
                yield from _flat(f"{prefix}.{number}" if len(value) > 1 else prefix, item)
        case _:
            yield prefix, _text(value)


def _text(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case str() | int() | float() if value != "":
            return str(value)
    return "-"
