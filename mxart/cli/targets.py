"""Where a command publishes to: the base URL, or the name, of a repository that takes what is published."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import SplitResult

import click

from mxart.cli.login import base_url
from mxart.cli.options import settings_or_exit
from mxart.cli.urls import url_of
from mxart.config import find
from mxart.settings import RepositorySettings, Settings

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.ASCII)  # no URL looks like that


def target(text: str, format_: str, config: Path | None, where: str = "--to") -> SplitResult:
    """The base URL that ``text`` is, or that the repository of the configuration has which it names.

    Raises BadParameter for ``where``.
    """
    if not _NAME.fullmatch(text):
        return base_url(text, where)
    if find(config, os.environ) is None:
        raise click.BadParameter(f"no configuration says where {text} is: give its base URL", param_hint=where)
    settings = settings_or_exit(config)
    taking = {each.name: each for each in _taking(format_, settings)}
    if text not in taking:
        known = f"; these do: {', '.join(sorted(taking))}" if taking else ""
        raise click.BadParameter(
            f"no repository {text!r} of the configuration takes what is published for {format_}{known}",
            param_hint=where,
        )
    return base_url(url_of(taking[text], settings), "the configuration's public_url")


def configured(format_: str, config: Path | None) -> list[str]:
    """Where the repositories of a configuration file take what is published; one behind a group counts as that."""
    if find(config, os.environ) is None:
        return []
    settings = settings_or_exit(config)
    taking = _taking(format_, settings)
    behind = {each.publish_to for each in taking}
    return [url_of(each, settings) for each in taking if each.name not in behind]


def _taking(format_: str, settings: Settings) -> list[RepositorySettings]:
    of_format = (each for each in settings.repositories if each.format == format_)
    return [each for each in of_format if each.is_published_to and url_of(each, settings)]
