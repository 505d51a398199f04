"""What may stand where something else stands, or stood: the rule that published content never changes. Pure.

A tombstone stands where content was withdrawn: an absence (410) whose ``checksums`` remember the SHA-256, and whose
``reason`` says it to clients.
"""

from __future__ import annotations

from mxart.errors import Conflict
from mxart.model import Digest, Entry
from mxart.store import Offer
from mxart.units import format_rfc3339

_GONE = 410
_REMEMBERED = "sha256"


def tombstone(entry: Entry, digest: Digest, when: float) -> Entry:
    """What stands in place of the entry, whose content had that digest, once it was withdrawn at ``when`` (UTC)."""
    day = format_rfc3339(when).partition("T")[0]
    return Entry(
        repository=entry.repository,
        path=entry.path,
        checksums={_REMEMBERED: digest.hex},
        absent=_GONE,
        reason=f"{entry.path} was deleted on {day}; only the same content may be published there again",
        created=when,
        checked=when,
    )


def withdrawn(entry: Entry) -> Digest | None:
    """What a tombstone remembers; None for anything else."""
    if entry.digest is not None or entry.absent != _GONE or _REMEMBERED not in entry.checksums:
        return None
    return Digest("sha256", entry.checksums[_REMEMBERED])


def is_new(offer: Offer, stands: Entry | None) -> bool:
    """Is the offer to be put where ``stands`` is? False when there is nothing to do. Raises Conflict."""
    if stands is None:
        return True
    if stands.digest is None:
        if withdrawn(stands) in (None, offer.entry.digest) or offer.replace or offer.keep:
            return True
        raise Conflict(f"{stands.reason}: publish this as another version")
    if stands.digest == offer.entry.digest or (offer.keep and not offer.replace):
        return False
    if offer.replace:
        return True
    raise Conflict(
        f"{stands.path} was published with other content before, and what was published never changes: "
        "publish this as another version"
    )
