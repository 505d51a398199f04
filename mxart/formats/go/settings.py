"""The keys of ``[[repository]]`` that only Go repositories have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit

from mxart.errors import Invalid

_NONE: Mapping[str, str] = MappingProxyType({})
_VCS_LIST = r"(?:all|off|(?:bzr|fossil|git|hg|svn)(?:\|(?:bzr|fossil|git|hg|svn))*)"
_GOVCS_RULE = re.compile(r"[A-Za-z0-9*?\[][A-Za-z0-9*?\[\]^._~/-]*:" + _VCS_LIST)
_DATABASE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]*(?:/[A-Za-z0-9][A-Za-z0-9._~-]*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoSettings:
    """``sumdb``: the checksum databases that are proxied, name (host or host/path, as in GOSUMDB) → base URL.
    ``allow_forks``: whether what is published may have a go.mod that names another module, as forks for ``replace``
    directives have it. ``govcs``: which version control systems ``upstream = "vcs"`` may use for which modules, as in
    GOVCS; "": as the go command has it by default.

    Making one raises Invalid for names, URLs and rules that cannot be right.
    """

    sumdb: Mapping[str, str] = field(default_factory=lambda: _NONE, metadata={"kinds": ("proxy",)})
    allow_forks: bool = field(default=False, metadata={"kinds": ("hosted", "group")})
    govcs: str = field(default="", metadata={"kinds": ("proxy",)})

    def __post_init__(self) -> None:
        for name, url in self.sumdb.items():
            if not is_database_name(name):
                raise Invalid(f"{name!r} is not the name of a checksum database: want HOST or HOST/PATH.")
            if not is_base_url(url):
                raise Invalid(f"{name!r} needs an http or https URL without query or credentials, not {url!r}.")
        if self.govcs and not is_govcs(self.govcs):
            raise Invalid(f'govcs = {self.govcs!r} is no list of rules such as "corp.example.com/*:git,*:off".')


def is_database_name(text: str) -> bool:
    """Whether GOSUMDB could name a checksum database so: a host, perhaps with a path."""
    return _DATABASE_NAME.fullmatch(text) is not None


def is_govcs(text: str) -> bool:
    """Whether the go command could read it as GOVCS: rules PATTERN:LIST, separated by commas, none of them twice."""
    rules = text.split(",")
    patterns = {rule.partition(":")[0] for rule in rules}
    return all(map(_GOVCS_RULE.fullmatch, rules)) and len(patterns) == len(rules)


def is_base_url(text: str) -> bool:
    """Whether it is an http or https URL below which paths can be asked for, without credentials."""
    try:
        url = urlsplit(text)
        port_is_valid = url.port is None or url.port > 0
    except ValueError:
        return False
    plain = not (url.query or url.fragment or "@" in url.netloc or re.search(r"[\x00-\x20]", text))
    return url.scheme in ("http", "https") and bool(url.hostname) and port_is_valid and plain
