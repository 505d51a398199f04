"""The grammar of module paths and versions: validity, escaping, canonical form and order.

It does not know URLs (``paths.py``) nor what a version's files hold.

Specifications: the Go Modules Reference, sections "Module paths", "Versions", "Pseudo-versions" and "GOPROXY
protocol" (escaping); Semantic Versioning 2.0.0 §9 to §11, with the leading "v" that Go asks for. Where the reference
leaves a detail open, the rules of the ``module`` and ``semver`` packages of the go command are followed, so that both
sides refuse the same names.

>>> escape("example.com/Hello")
'example.com/!hello'
>>> sorted(["v1.10.0", "v1.9.0", "v1.10.0-rc.1"], key=version_order)
['v1.9.0', 'v1.10.0-rc.1', 'v1.10.0']
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from mxart.errors import Invalid, NotFound

MAX_ELEMENT = 240  # bytes of one escaped path element: with ".info.lock" it still is a file name in a module cache
MAX_PATH = 2048  # bytes of an escaped module path: longer ones fit into no module cache below PATH_MAX (4096)

_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
_MODULE_ELEMENT = re.compile(r"[A-Za-z0-9_~-](?:[A-Za-z0-9._~-]*[A-Za-z0-9_~-])?")
_FIRST_ELEMENT = re.compile(r"[a-z0-9][a-z0-9.-]*")
_FILE_PUNCTUATION = frozenset("!#$%&()+,-.=@[]^_{}~ ")
_SHORT_NAME = re.compile(r"~[0-9]+$")  # as Windows makes them: PROGRA~1
_MAJOR_SUFFIX = re.compile(r"/v([0-9.]+)$")
_GOPKG_SUFFIX = re.compile(r"\.v(0(?!-)|[1-9][0-9]*)(?:-unstable)?$")

_NUMBER = r"(?:0|[1-9][0-9]*)"
_PRERELEASE_PART = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(
    rf"v(?P<major>{_NUMBER})"
    rf"(?:\.(?P<minor>{_NUMBER})"
    rf"(?:\.(?P<patch>{_NUMBER})"
    rf"(?:-(?P<prerelease>{_PRERELEASE_PART}(?:\.{_PRERELEASE_PART})*))?"
    r"(?:\+(?P<build>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?)?)?"
)
_PSEUDO = re.compile(
    r"v[0-9]+\."
    r"(?:0\.0-"  # vX.0.0-TIME-HASH: no earlier tag
    r"|[0-9]+\.[0-9]+-(?:[^+]*\.)?0\.)"  # vX.Y.Z-PRE.0.TIME-HASH, vX.Y.Z-0.TIME-HASH
    r"(?P<time>[0-9]{14})-[A-Za-z0-9]+(?:\+.*)?"
)
_UPPER = re.compile(r"[A-Z]")
_AFTER_MARK = re.compile(r"!([a-z])")
_ESCAPED = re.compile(r"(?:[^!A-Z\x80-\U0010ffff]|![a-z])*")


# --- paths -----------------------------------------------------------------------------------------------------


def check_module_path(path: str) -> None:
    """Return when ``path`` (not escaped) is a valid module path; raise Invalid with the reason otherwise.

    Go Modules Reference, "Module paths".
    """
    if len(escape(path)) > MAX_PATH:
        raise _malformed(path, f"it is longer than {MAX_PATH} bytes")
    elements = path.split("/")
    for element in elements:
        _check_module_element(path, element)
    first = elements[0]
    if "." not in first:
        raise _malformed(path, "its first element has no dot")
    if not _FIRST_ELEMENT.fullmatch(first):
        raise _malformed(path, "its first element may hold only lower-case letters, digits, dots and dashes")
    major_suffix(path)


def _check_module_element(path: str, element: str) -> None:
    if not element:
        raise _malformed(path, "it has an empty element")
    if not _MODULE_ELEMENT.fullmatch(element):
        raise _malformed(path, f"its element {element[:80]!r} has a dot at an end, or a character that none may hold")
    if len(escape(element)) > MAX_ELEMENT:
        raise _malformed(path, f"an element is longer than {MAX_ELEMENT} bytes")
    stem = element.partition(".")[0]
    if stem.lower() in _RESERVED:
        raise _malformed(path, f"{stem!r} is a device name on Windows")
    if _SHORT_NAME.search(stem):
        raise _malformed(path, "an element ends in a tilde and digits")


def check_file_path(path: str) -> None:
    """Return when ``path`` may name a file in a module zip; raise Invalid otherwise.

    Relative, clean, of Unicode letters, ASCII digits, spaces and some punctuation (Go Modules Reference, "Module zip
    files", path and name constraints).
    """
    for element in path.split("/"):
        _check_file_element(path, element)


def _check_file_element(path: str, element: str) -> None:
    if not element:
        raise Invalid(f"The name {path[:200]!r} is not clean: it has an empty element.")
    if element.endswith("."):
        raise Invalid(f"The name {path[:200]!r} has an element that ends in a dot.")
    if not all(map(_may_be_in_file_name, element)):
        raise Invalid(f"The name {path[:200]!r} holds a character that file names in modules may not have.")
    if element.partition(".")[0].lower() in _RESERVED:
        raise Invalid(f"The name {path[:200]!r} has an element that is a device name on Windows.")


def _may_be_in_file_name(char: str) -> bool:
    if char.isascii():
        return char.isalnum() or char in _FILE_PUNCTUATION
    # A code point that this Python's Unicode tables do not know yet may be a letter in the client's newer ones.
    return unicodedata.category(char)[0] == "L" or unicodedata.category(char) == "Cn"


def major_suffix(path: str) -> str:
    """The major version that a module path asks of its versions: "v2" for "/v2" and ".v2", "" when it asks for none.

    Raises Invalid for "/v0", "/v1", "/v02", "/v2.1" and for a gopkg.in path without its ".vN" (Go Modules Reference,
    "Major version suffixes").
    """
    if path.startswith("gopkg.in/"):
        match = _GOPKG_SUFFIX.search(path)
        if not match:
            raise _malformed(path, "a gopkg.in path ends in .vN")
        return f"v{match[1]}"
    match = _MAJOR_SUFFIX.search(path)
    if not match:
        return ""
    major = match[1]
    if "." in major or major.startswith("0") or major == "1":
        raise _malformed(path, f"/v{major[:20]} is no major version suffix; they begin at /v2")
    return f"v{major}"


def _malformed(path: str, reason: str) -> Invalid:
    return Invalid(f"The module path {path[:200]!r} is malformed: {reason}.")


# --- escaping --------------------------------------------------------------------------------------------------


def escape(text: str) -> str:
    """Every upper-case letter as "!" and its lower-case form, so that names survive case-insensitive disks."""
    return _UPPER.sub(lambda match: "!" + match[0].lower(), text) if text.lower() != text else text


def unescape(text: str) -> str:
    """The inverse of `escape`. Raises Invalid for what `escape` never gives, upper-case letters among them."""
    if not _ESCAPED.fullmatch(text):
        raise Invalid(f"{text[:200]!r} is not escaped: write each upper-case letter as '!' and the lower-case letter.")
    return _AFTER_MARK.sub(lambda match: match[1].upper(), text) if "!" in text else text


def unescape_module_path(text: str) -> str:
    """The module path that ``text`` is the escaped form of. Raises Invalid."""
    path = unescape(text)
    check_module_path(path)
    return path


def unescape_version(text: str) -> str:
    """The version, branch, tag or commit that ``text`` is the escaped form of. Raises Invalid."""
    version = unescape(text)
    check_version(version)
    return version


def check_version(version: str) -> None:
    """Return when ``version`` (not escaped) can be asked of a proxy, be it a version, branch, tag or commit.

    Raises Invalid: for a slash or "!", which cannot be escaped, and for what is no file name.
    """
    if "/" in version or "!" in version or not version.isascii():
        raise Invalid(f"The version {version[:80]!r} holds a character that no proxy can be asked for.")
    if len(escape(version)) > MAX_ELEMENT:
        raise Invalid(f"The version {version[:80]!r}… is longer than {MAX_ELEMENT} bytes.")
    _check_file_element(version, version)


# --- versions --------------------------------------------------------------------------------------------------


def is_semver(version: str) -> bool:
    """Whether it is a semantic version as Go reads them; the short forms v1 and v1.2 are."""
    return _SEMVER.fullmatch(version) is not None


def is_canonical(version: str) -> bool:
    """Whether it is a full version without build metadata other than "+incompatible"."""
    match = _SEMVER.fullmatch(version)
    return match is not None and match["patch"] is not None and match["build"] in (None, "incompatible")


def is_prerelease(version: str) -> bool:
    """Whether a semantic version comes before its release, as pseudo-versions do."""
    match = _SEMVER.fullmatch(version)
    return match is not None and match["prerelease"] is not None


def pseudo_version_time(version: str) -> str:
    """The commit time ``yyyymmddhhmmss`` (UTC) of a pseudo-version, "" when it is none.

    Go Modules Reference, "Pseudo-versions".
    """
    match = _PSEUDO.fullmatch(version) if is_semver(version) else None
    return match["time"] if match else ""


def is_version_of(module: str, version: str) -> bool:
    """Whether ``version`` is canonical and of the major version that the module path asks for.

    Such a version names one content for ever; everything else is a question whose answer may change.
    """
    match = _SEMVER.fullmatch(version)
    if not match or not is_canonical(version):
        return False
    asked, major = major_suffix(module), f"v{match['major']}"
    if asked == "v1" and version.startswith("v0.0.0-"):
        return True  # pseudo-versions of gopkg.in/x.v1 were once made like this; go.sum files still name them
    if not asked:
        return major in ("v0", "v1") or match["build"] == "incompatible"
    return asked == major


def check_version_of(module: str, version: str) -> None:
    """Return when `is_version_of`; else raise Invalid (not canonical) or NotFound (no such version can exist)."""
    if not is_canonical(version):
        raise Invalid(f"The version {version!r} is not canonical; ask for {module}/@v/{version}.info to resolve it.")
    if not is_version_of(module, version):
        asked = major_suffix(module) or "v0 or v1"
        raise NotFound(f"{module}@{version}: invalid version: should be {asked}, not {version.partition('.')[0]}")


class _Order(NamedTuple):
    """Sorts as SemVer §11 says. Numbers are compared as (digits, text): a hostile one may have thousands of digits."""

    valid: bool
    release: tuple[tuple[int, str], ...]
    final: bool
    prerelease: tuple[tuple[bool, int, str], ...]
    text: str  # versions that differ only in build metadata still have one order


def version_order(version: str) -> _Order:
    """A sort key: what is no semantic version first, then by precedence, then by text."""
    match = _SEMVER.fullmatch(version)
    if not match:
        return _Order(False, (), False, (), version)
    numbers = [match[name] or "0" for name in ("major", "minor", "patch")]
    return _Order(
        True,
        tuple((len(number), number) for number in numbers),
        match["prerelease"] is None,
        tuple(_prerelease_order(part) for part in (match["prerelease"] or "").split(".")),
        version,
    )


def _prerelease_order(part: str) -> tuple[bool, int, str]:
    if part.isdigit():
        return False, len(part), part
    return True, 0, part
