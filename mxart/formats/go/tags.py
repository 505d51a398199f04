"""Which version of a module a commit's tags name, and which versions a module may have at all. Pure.

Specification: Go Modules Reference, "Mapping versions to commits", "Major version suffixes" and "Compatibility with
non-module repositories".
"""

from __future__ import annotations

from collections.abc import Iterable

from mxart.errors import Invalid, NotFound
from mxart.formats.go import names


def check_version(module: str, version: str, has_gomod: bool) -> None:
    """Return when this module may have this version; raise Invalid with a sentence otherwise."""
    names.check_module_path(module)
    if not names.is_canonical(version):
        raise Invalid(f"The version {version[:80]!r} is not canonical: want one like v1.2.3 or v1.2.3-rc.1.")
    names.check_version(version)
    try:
        names.check_version_of(module, version)
    except NotFound as error:
        raise Invalid(f"{error.message}.") from None
    if version.endswith("+incompatible") and has_gomod:
        raise Invalid(f"The version {version} is for modules without a go.mod: the path of this one ends in its major.")


def tagged_version(tags: Iterable[str], below: str, module: str, has_gomod: bool) -> str:
    """The highest version of the module among the tags of a commit, "" when none is one.

    ``below``: the module's folder in the repository, "" for its root. A folder named after the major version is no
    part of the tag.

    >>> tagged_version(["v1.2.0", "sub/v1.3.0", "sub/v2.0.0"], "sub", "example.com/m/sub", has_gomod=True)
    'v1.3.0'
    """
    major = names.major_suffix(module)
    if major and (below == major or below.endswith(f"/{major}")):
        below = below.rpartition("/")[0]
    prefix = f"{below}/" if below else ""
    texts = [tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)]
    plain = [text for text in texts if names.is_canonical(text) and "+" not in text]
    versions = [text if names.is_version_of(module, text) else f"{text}+incompatible" for text in plain]
    fitting = [text for text in versions if _fits(module, text, has_gomod)]
    return max(fitting, key=names.version_order, default="")


def _fits(module: str, version: str, has_gomod: bool) -> bool:
    """(What looks like a pseudo-version is no version when it is a tag.)"""
    incompatible_kept = not (has_gomod and version.endswith("+incompatible"))
    return names.is_version_of(module, version) and incompatible_kept and not names.pseudo_version_time(version)
