"""``mxart serve``, and ``mxart`` alone."""

from __future__ import annotations

from pathlib import Path

import click

from mxart.cli.options import config_option, exit_with, listen_option, loader, workers_option
from mxart.config import ConfigurationError, Overrides


@click.command("serve")
@config_option
@workers_option
@listen_option
@click.pass_context
def command(ctx: click.Context, config: Path | None, workers: int | None, listen: tuple[str, ...]) -> None:
    """Serve the configured repositories until SIGTERM or SIGINT; SIGHUP reads the configuration anew."""
    ctx.exit(serve(config, workers, listen))


def serve(config: Path | None, workers: int | None, listen: tuple[str, ...]) -> int:
    """Serves until it is told to end; returns the exit code."""
    from mxart import assembly

    try:
        return assembly.serve(loader(config, Overrides(workers=workers, listen=listen), say=_say))
    except ConfigurationError as error:
        exit_with(error)


def _say(line: str) -> None:
    click.echo(f"mxart: {line}", err=True)
