"""May what we hold be served as it is? Pure: an entry, how it is kept, and the time give a verdict (DESIGN §4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mxart.contract import Policy
from mxart.model import Entry


class Verdict(Enum):
    """What an entry is worth now."""

    FRESH = "fresh"  # serve it, ask nobody
    ABSENT = "absent"  # the upstream said lately that it has none
    STALE = "stale"  # held, but the upstream must confirm it
    MISSING = "missing"  # nothing held, or an absence that is too old


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """For how long, in seconds, mutable content and absences are believed."""

    ttl: float
    negative_ttl: float


def judge(entry: Entry | None, policy: Policy, lifetimes: Lifetimes, now: float) -> Verdict:
    """The verdict at ``now`` (UTC seconds). A clock that was set back makes nothing fresh for longer than its time."""
    if entry is None:
        return Verdict.MISSING
    age = now - entry.checked
    if entry.digest is None:
        return Verdict.ABSENT if 0 <= age < lifetimes.negative_ttl else Verdict.MISSING
    if policy.immutable:
        return Verdict.FRESH
    ttl = lifetimes.ttl if policy.ttl is None else policy.ttl
    return Verdict.FRESH if 0 <= age < ttl else Verdict.STALE
