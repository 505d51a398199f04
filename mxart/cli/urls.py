"""Where repositories are, as far as a configuration tells."""

from __future__ import annotations

from mxart.formats import mount_path
from mxart.settings import RepositorySettings, Settings


def url_of(repository: RepositorySettings, settings: Settings) -> str:
    """The URL of its base, as clients or this machine reach it; "" when it has none below a path."""
    path = mount_path(repository.format, repository.base_url)
    if not path:
        return ""
    if settings.server.public_url:
        return settings.server.public_url + path
    for listener in settings.listeners:
        for address in listener.listen:
            if not address.startswith("unix:"):
                return f"{'https' if listener.tls else 'http'}://{address}{path}"
    return ""
