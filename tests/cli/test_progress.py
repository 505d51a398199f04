from __future__ import annotations

import os
import pty
import termios

import pytest

from mxart.cli import progress
from mxart.cli.progress import meter


def test_short_work_says_nothing_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    with meter("fsck", 100) as told:
        told.update(100)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("total", "line"), [(4096, "fsck: 2 KiB of 4 KiB\n"), (None, "fsck: 2 KiB\n")])
def test_long_work_says_plain_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, total: int | None, line: str
) -> None:
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    with meter("fsck", total) as told:
        told.update(2048)
    assert capsys.readouterr() == ("", line)


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        with meter("fsck", 4096) as told:
            told.update(4096)
        terminal.flush()
        shown = os.read(ours, 65536)
    os.close(ours)
    assert b"fsck:   0%" in shown
