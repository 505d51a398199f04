"""What became of each file of a long work: counted, with examples; and each written to a file when one is given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import TextIO

from mxart.cli.copies.trees import LeftOut, Reason
from mxart.units import format_size
from mxart.upstream.failures import printable

_EXAMPLES = 5  # of each reason
_LONGEST = 2000  # characters of a path or a sentence that is shown


@dataclass(slots=True)
class Count:
    """How many files, and how many bytes they have."""

    files: int = 0
    size: int | None = 0  # None: nobody knows of all

    def add(self, size: int | None) -> None:
        """One more."""
        self.files += 1
        self.size = None if size is None or self.size is None else self.size + size

    def document(self) -> dict[str, int | None]:
        """As JSON has it."""
        return {"files": self.files, "bytes": self.size}


@dataclass(slots=True)
class _Group:
    """What was left out for one reason."""

    count: int = 0
    examples: list[LeftOut] = field(default_factory=list)


class Tally:
    """Told from many threads. Its memory does not grow with the number of files."""

    def __init__(self, report: TextIO | None = None) -> None:
        """``report``: gets a JSON object a line. All methods but those that show raise OSError when it cannot."""
        self.sent = Count()
        self.there = Count()
        self._groups: dict[Reason, _Group] = {}
        self._report = report
        self._lock = Lock()

    def add_sent(self, path: str, size: int | None, outcome: str = "sent") -> None:
        """One more was sent, or would be. ``size``: bytes; None: nobody knows."""
        with self._lock:
            self.sent.add(size)
            self._write({"path": path, "outcome": outcome, "bytes": size})

    def add_there(self, path: str, size: int | None) -> None:
        """One more was there already."""
        with self._lock:
            self.there.add(size)
            self._write({"path": path, "outcome": "already there", "bytes": size})

    def add_left_out(self, left_out: LeftOut) -> None:
        """One more was left out."""
        with self._lock:
            group = self._groups.setdefault(left_out.reason, _Group())
            group.count += 1
            if len(group.examples) < _EXAMPLES:
                group.examples.append(left_out)
            told = {"reason": left_out.reason.text} | ({"detail": left_out.detail} if left_out.detail else {})
            self._write({"path": left_out.path, "outcome": "left out", **told})

    def flush(self) -> None:
        """True after: all that was told is in the report."""
        if self._report is not None:
            self._report.flush()

    def _write(self, line: dict[str, object]) -> None:
        if self._report is not None:
            self._report.write(json.dumps(line) + "\n")

    # --- showing it ---

    @property
    def lost(self) -> int:
        """How many were left out that are missing now."""
        return sum(group.count for reason, group in self._groups.items() if reason.is_loss)

    def document(self) -> dict[str, object]:
        """All but ``sent``, as JSON has it."""
        return {
            "already_there": self.there.document(),
            "left_out": [
                {
                    "reason": reason.text,
                    "lost": reason.is_loss,
                    "files": group.count,
                    "examples": [{"path": each.path, "detail": each.detail} for each in group.examples],
                }
                for reason, group in self._by_weight()
            ],
        }

    def lines(self, verb: str) -> Iterator[str]:
        """As a person is told. ``verb``: what was done to ``sent``."""
        left_out = sum(group.count for group in self._groups.values())
        ending = f"{left_out} left out:" if left_out else "nothing left out"
        size = "" if self.sent.size is None else f" ({format_size(self.sent.size)})"
        counts = f"{_files(self.sent.files)}{size}"
        yield f"{verb} {counts}, {self.there.files} {_were(self.there.files)} there already, {ending}"
        for reason, group in self._by_weight():
            yield f"{group.count:7} {reason.text}"
            for each in group.examples:
                detail = f": {printable(each.detail, _LONGEST)}" if each.detail else ""
                yield f"          {printable(each.path, _LONGEST)}{detail}"
            if group.count > len(group.examples):
                yield "          …"

    def _by_weight(self) -> list[tuple[Reason, _Group]]:
        """What was lost first, and of that, what was most."""
        return sorted(self._groups.items(), key=lambda item: (not item[0].is_loss, -item[1].count, item[0].text))


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
