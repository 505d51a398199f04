"""The keys of ``[[repository]]`` that only Maven repositories have."""

from __future__ import annotations

from dataclasses import dataclass, field

from mxart.errors import Invalid
from mxart.formats.maven.holdings import Keeping
from mxart.units import parse_duration

_WORDS = {
    "checksum_policy": ("fail", "warn", "ignore"),
    "version_policy": ("release", "snapshot", "mixed"),
    "redeploy": ("deny", "allow"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MavenSettings:
    """``checksum_policy``: what becomes of an artifact that is not what its upstream's checksum says: "fail" refuses
    it, "warn" tells the log, "ignore" asks for none. ``version_policy``: which versions are taken. ``redeploy``:
    whether a released version may be published again with other content. ``keep_snapshots``: how many builds of a
    snapshot are kept, 0: all. ``snapshot_max_age``: for how long they are, "": for ever; the newest build always is.

    Making one raises Invalid for what cannot be right.
    """

    checksum_policy: str = field(default="fail", metadata={"kinds": ("proxy",)})
    version_policy: str = field(default="mixed", metadata={"kinds": ("hosted",)})
    redeploy: str = field(default="deny", metadata={"kinds": ("hosted",)})
    keep_snapshots: int = field(default=0, metadata={"kinds": ("hosted",)})
    snapshot_max_age: str = field(default="", metadata={"kinds": ("hosted",)})

    def __post_init__(self) -> None:
        for key, words in _WORDS.items():
            if getattr(self, key) not in words:
                wanted = ", ".join(f'"{word}"' for word in words)
                raise Invalid(f"{key} = {getattr(self, key)!r} is none of {wanted}.")
        if self.keep_snapshots < 0:
            raise Invalid(f"keep_snapshots = {self.keep_snapshots} is no number of builds: want 1 or more, 0 for all.")
        if self.snapshot_max_age:
            try:
                parse_duration(self.snapshot_max_age)
            except ValueError as error:
                raise Invalid(f"snapshot_max_age: {error}") from error

    @property
    def max_age(self) -> float | None:
        """Seconds for which builds of a snapshot are kept; None: for ever."""
        return parse_duration(self.snapshot_max_age) if self.snapshot_max_age else None

    @property
    def keeping(self) -> Keeping:
        """Which builds of a snapshot are kept."""
        return Keeping(self.keep_snapshots, self.max_age)
