"""The decision trail of one request: what was decided on its way, in order, and why.

Each part notes what it found (mount, grant, rule, member, cache state, upstream and its answer). ``mxart why``
prints it, debug logs hold it, errors sum it up. Noting is an append: cheap enough for every request.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Fact = str | int | float | bool | None


@dataclass(slots=True)
class Trail:
    """The steps of one request, and the ``Cache-Status`` field value (RFC 9211 §2) they led to ("" for none)."""

    steps: list[tuple[str, dict[str, Fact]]] = field(default_factory=list)
    cache_status: str = ""

    def note(self, step: str, **facts: Fact) -> None:
        """Append one decision: ``step`` names who decided, ``facts`` what was known."""
        self.steps.append((step, facts))

    def lines(self) -> list[str]:
        """The steps as text, one a line, for people and debug logs."""
        return [" ".join([step + ":", *(f"{k}={v}" for k, v in facts.items())]) for step, facts in self.steps]

    def records(self) -> list[dict[str, Fact]]:
        """The steps as JSON-ready objects, in order."""
        return [{"step": step, **facts} for step, facts in self.steps]
