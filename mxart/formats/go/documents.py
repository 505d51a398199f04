"""The text answers of the protocol: version lists, version records and go.mod files. Pure.

Specification: Go Modules Reference, "GOPROXY protocol". The checks refuse what the go command could not use, and
nothing that it can: they keep login pages, error pages and answers to other questions from being held.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mxart.errors import Corrupt, Invalid, NotFound
from mxart.formats.go import names, paths
from mxart.model import Entry

MAX_LIST = 16 << 20  # bytes
MAX_RECORD = 64 << 10  # bytes of an info or latest document; with an Origin it has some 500
MAX_VERSIONS = 100_000  # of one module, that are held in memory to be sorted; no module has a tenth of them

# RFC 3339 §5.6, as time.Time takes it: upper-case T and Z only
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_MODULE_LINE = re.compile(rb"^[ \t]*module(?:[ \t]+\S|[\"`(])", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """An info or latest document: a canonical version, and its commit's time (aware, UTC; None: not told)."""

    version: str
    time: datetime | None


def parse_record(data: bytes) -> VersionRecord:
    """A version record, read as the go command reads it: UTF-8, keys in any case, of equal ones the last. Raises
    Corrupt."""
    try:
        document = json.loads(data.decode(errors="replace"), object_pairs_hook=_folded, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Corrupt("The version record is not JSON.") from None
    if not isinstance(document, dict):
        raise Corrupt("The version record is not a JSON object.")
    version, time = document.get("version"), document.get("time")
    if not isinstance(version, str) or len(version) > names.MAX_ELEMENT or not names.is_canonical(version):
        raise Corrupt("The version record names no canonical version.")
    return VersionRecord(version, None if time is None else _parse_time(time))


def _folded(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """A JSON object, so that no other reader of it sees another version than the one that is checked."""
    return {key.casefold(): value for key, value in pairs}


def _no_constant(name: str) -> object:
    """NaN and Infinity, which Python reads, are no JSON."""
    raise ValueError(name)


def _parse_time(value: object) -> datetime:
    try:
        return parse_instant(value if isinstance(value, str) else "")
    except Invalid:
        raise Corrupt("The version record's time is not an RFC 3339 instant.") from None


def parse_instant(text: str) -> datetime:
    """The instant in UTC, without the fraction of its second. Raises Invalid for what the go command could not read."""
    if _RFC3339.fullmatch(text):
        seconds, zone = text[:19], "+00:00" if text.endswith("Z") else text[-6:]
        try:
            return datetime.fromisoformat(seconds + zone).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise Invalid(f"{text[:80]!r} is not an RFC 3339 instant: want one such as 2006-01-02T15:04:05Z.")


def check_info(data: bytes, module: str, version: str) -> None:
    """Return when a record answers for ``version``: by itself when that is canonical, else by any version.

    Raises Corrupt.
    """
    record = parse_record(data)
    if names.is_version_of(module, version) and record.version != version:
        raise Corrupt(f"The version record of {module}@{version} is that of {record.version}.")


def check_latest(data: bytes) -> None:
    """Return when it is a version record, of any version. Raises Corrupt."""
    parse_record(data)


def check_list(data: bytes) -> None:
    """Return when it is lines of text. Raises Corrupt. (Lines that name no version are skipped by every reader.)"""
    _check_text(data, "version list")


def check_gomod(data: bytes) -> None:
    """Return when it is text with a module directive, of whatever path. Raises Corrupt.

    The path may differ from the one asked for: a fork that is used by a ``replace`` directive keeps the old one.
    """
    _check_text(data, "go.mod file")
    if not _MODULE_LINE.search(data):
        raise Corrupt("The go.mod file has no module directive.")


def _check_text(data: bytes, what: str) -> None:
    if data.lstrip()[:1] == b"<":
        raise Corrupt(f"The {what} is an HTML page.")
    if b"\0" in data:
        raise Corrupt(f"The {what} is not text.")


# --- lists -----------------------------------------------------------------------------------------------------


def list_versions(lines: Iterable[bytes]) -> Iterator[str]:
    """The versions that a list names: the first word of each line, where it is a version but no pseudo-version."""
    for line in lines:
        words = line.decode(errors="replace").split(maxsplit=1)
        version = words[0] if words else ""
        if len(version) <= names.MAX_ELEMENT and names.is_semver(version) and not names.pseudo_version_time(version):
            yield version


def format_list(versions: Iterable[str]) -> bytes:
    """The list of these versions, each once, in the order of versions."""
    return "".join(f"{version}\n" for version in sorted(set(versions), key=names.version_order)).encode()


def merge_lists(lists: Iterable[Iterable[bytes]]) -> bytes:
    """The union of lists, each given as its lines. Raises Corrupt when it grows beyond `MAX_VERSIONS`."""
    union: set[str] = set()
    for lines in lists:
        for version in list_versions(lines):
            union.add(version)
            if len(union) > MAX_VERSIONS:
                raise Corrupt(f"The version lists name more than {MAX_VERSIONS} versions of one module.")
    return format_list(union)


def generate_list(module: str, entries: Iterable[Entry]) -> bytes:
    """The list of what is held whole. Raises NotFound when nothing is, not even a pseudo-version."""
    versions = [record.version for record in held_versions(module, entries)]
    if not versions:
        raise NotFound(f"module {module}: no versions here")
    return format_list(version for version in versions if not names.pseudo_version_time(version))


def held_versions(module: str, entries: Iterable[Entry]) -> list[VersionRecord]:
    """The versions whose three files are all among the entries, with the time that their .info tells."""
    files: dict[str, dict[str, float]] = {}
    prefix = paths.folder(module)
    for entry in entries:
        escaped, _, kind = entry.path.removeprefix(prefix).rpartition(".")
        if entry.path.startswith(prefix) and kind in paths.VERSION_KINDS and not entry.absent:
            files.setdefault(names.unescape(escaped), {})[kind] = entry.published
    whole = {version: times for version, times in files.items() if len(times) == len(paths.VERSION_KINDS)}
    return [
        VersionRecord(version, _instant(times["info"]))
        for version, times in whole.items()
        if names.is_version_of(module, version)
    ]


def _instant(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


# --- the latest --------------------------------------------------------------------------------------------------


def _latest_order(record: VersionRecord) -> tuple[int, str, object]:
    """Releases before pre-releases before pseudo-versions; these by their time, the others by version."""
    order = names.version_order(record.version)
    if stamp := names.pseudo_version_time(record.version):
        told = re.sub(r"\D", "", record.time.isoformat())[:14] if record.time else stamp
        return 0, told, order
    return (1 if names.is_prerelease(record.version) else 2), "", order


def merge_latest(documents: Sequence[bytes]) -> bytes:
    """The document of the version that `_latest_order` puts last; of equal ones the earliest. Raises Corrupt."""
    return max(documents, key=lambda data: _latest_order(parse_record(data)))


def generate_latest(module: str, entries: Iterable[Entry]) -> bytes:
    """The record of the latest version that is held whole. Raises NotFound when there is none."""
    record = max(held_versions(module, entries), key=_latest_order, default=None)
    if record is None:
        raise NotFound(f"module {module}: no versions here")
    return format_record(record)


def format_record(record: VersionRecord) -> bytes:
    """The record as the go command reads it."""
    document = {"Version": record.version}
    if record.time:
        document["Time"] = record.time.isoformat(timespec="seconds").replace("+00:00", "Z")
    return json.dumps(document).encode()
