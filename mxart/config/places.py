"""Which configuration file is meant."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_USUAL_PLACES = (Path("mxart.toml"), Path("/etc/mxart/mxart.toml"))


def find(config_option: Path | None, environ: Mapping[str, str]) -> Path | None:
    """``--config``, else ``$MXART_CONFIG``, else ``./mxart.toml``, else ``/etc/mxart/mxart.toml``, else None.

    A file that was named is returned whether it is there or not: to go on without it would hide the mistake.
    """
    if config_option is not None:
        return config_option
    if environ.get("MXART_CONFIG"):
        return Path(environ["MXART_CONFIG"])
    return next((place for place in _USUAL_PLACES if place.exists()), None)
