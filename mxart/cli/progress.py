"""How far long work has come: a bar on a terminal, a plain line now and then elsewhere; on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click
from tqdm import tqdm

from mxart.units import format_size

_EVERY = 10.0  # seconds between plain lines


class Meter(Protocol):
    """What is told how much has been done."""

    def update(self, size: int) -> object:
        """``size`` more bytes."""
        ...


class _Lines:
    """Plain lines: short work prints none."""

    def __init__(self, label: str, total: int | None) -> None:
        self._label = label
        self._of = "" if total is None else f" of {format_size(total)}"
        self._done = 0
        self._last = time.monotonic()

    def update(self, size: int) -> None:
        self._done += size
        if time.monotonic() - self._last >= _EVERY:
            self._last = time.monotonic()
            click.echo(f"{self._label}: {format_size(self._done)}{self._of}", err=True)


@contextmanager
def meter(label: str, total: int | None = None) -> Iterator[Meter]:
    """Shows how much of ``total`` bytes (None: nobody knows) has been done."""
    if not sys.stderr.isatty():
        yield _Lines(label, total)
        return
    with tqdm(desc=label, total=total, unit="B", unit_scale=True, unit_divisor=1024, leave=False) as bar:
        yield bar
