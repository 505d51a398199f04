"""Some disk kept back for the day when the store has filled it all: to take something out of the index takes room in
the index first, so without it nothing could be removed any more. ``gc`` gives it up, and keeps it anew when it is done.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from mxart.store.layout import reserve_path

SIZE = 8 << 20  # bytes
_LEAST_LEFT = 4 * SIZE  # bytes of disk that must stay free beside it


def keep(data: Path) -> None:
    """The reserve is there, unless the disk is so full that others need the room more. Blocking."""
    stat = os.statvfs(data)
    if reserve_path(data).exists() or stat.f_bavail * stat.f_frsize < SIZE + _LEAST_LEFT:
        return
    part = data / f".reserve.{secrets.token_hex(8)}"
    with suppress(OSError):  # it is no more than a help
        try:
            with part.open("xb") as file:
                os.posix_fallocate(file.fileno(), 0, SIZE)
            part.replace(reserve_path(data))
        finally:
            part.unlink(missing_ok=True)


def give_up(data: Path) -> bool:
    """Its room is free after the call; False when there was none. Blocking."""
    try:
        reserve_path(data).unlink()
    except FileNotFoundError:
        return False
    return True
