"""``mxart check``: is the configuration fine, and what does it say?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from mxart.cli.options import WRONG_USAGE, config_option, exit_with, loader
from mxart.config import ConfigurationError
from mxart.formats import mount_path
from mxart.settings import RepositorySettings, Settings


@click.command("check")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(ctx: click.Context, config: Path | None, as_json: bool) -> None:
    """Check the configuration and start nothing: print every problem, or a summary of what it says."""
    try:
        settings = loader(config)()
    except ConfigurationError as error:
        if not as_json:
            exit_with(error)
        click.echo(json.dumps({"ok": False, "problems": [asdict(problem) for problem in error.problems]}))
        ctx.exit(WRONG_USAGE)
    if as_json:
        names = [repository.name for repository in settings.repositories]
        click.echo(json.dumps({"ok": True, "source": settings.source, "repositories": names, "problems": []}))
    else:
        click.echo("\n".join(_summary(settings)))


def _summary(settings: Settings) -> Iterator[str]:
    yield f"{settings.source}: configuration is fine"
    for listener in settings.listeners:
        tls = " with TLS" if listener.tls else ""
        yield f"  listener {listener.name}: {', '.join(listener.listen) or 'no address'}{tls}"
    for store in settings.stores.values():
        yield f"  store {store.name}: {store.path}"
    for repository in settings.repositories:
        yield f"  repository {repository.name}: {_repository(repository)}"
    if not settings.repositories:
        yield "  no repository: nothing but the server's own pages will be served"


def _repository(repository: RepositorySettings) -> str:
    path = mount_path(repository.format, repository.base_url)
    places = [path] if path else []
    places += [f"{binding.host} on listener {binding.listener}" for binding in repository.hosts]
    return f"{repository.format} {repository.kind}{_made_of(repository)}, {_at(places)}"


def _made_of(repository: RepositorySettings) -> str:
    if repository.upstream:
        return f" of {repository.upstream.url or repository.upstream.tool}"
    return f" of {' and '.join(repository.members)}" if repository.members else ""


def _at(places: Sequence[str]) -> str:
    return f"at {' and '.join(places)}" if places else "in groups only"
