"""What a measure has found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    measure: str
    mxart: str
    peer: str  # nginx, unless the measure names another
    ratio: str
    goal: str
