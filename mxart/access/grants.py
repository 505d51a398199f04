"""What grants allow. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from mxart.model import Action, Grant


def allows(grants: Iterable[Grant], action: Action, repository: str, path: str) -> bool:
    """Whether one of them covers ``action`` on ``path`` of ``repository``. In a glob, ``*`` also matches slashes.

    >>> allows([Grant("read", "go", "corp.example.com/*")], "read", "go", "corp.example.com/m/@v/list")
    True
    """
    return any(
        grant.action == action and fnmatchcase(repository, grant.repository) and fnmatchcase(path, grant.pattern)
        for grant in grants
    )


def touches(grants: Iterable[Grant], action: Action, repository: str) -> bool:
    """Whether one of them covers ``action`` on some path of ``repository``.

    >>> touches([Grant("read", "go", "corp.example.com/*")], "read", "go")
    True
    """
    return any(grant.action == action and fnmatchcase(repository, grant.repository) for grant in grants)
