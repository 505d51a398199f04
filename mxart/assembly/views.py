"""What the pages and the API say of each repository."""

from __future__ import annotations

from mxart.formats import FORMATS, mount_path
from mxart.server.mounts import ANY_HOST
from mxart.settings import RepositorySettings, Settings
from mxart.web.front import RepositoryView


def view(repository: RepositorySettings, settings: Settings, root: str) -> RepositoryView:
    """The repository as whoever comes by ``root``, the server's public URL, is to see it."""
    factory, upstream = FORMATS[repository.format], repository.upstream
    path = mount_path(repository.format, repository.base_url)
    url = root + path if path else _host_url(repository, settings)
    return RepositoryView(
        name=repository.name,
        format=repository.format,
        kind=repository.kind,
        url=url,
        upstream=upstream.url or upstream.tool if upstream else "",
        members=repository.members,
        publish_to=repository.publish_to,
        client_lines=tuple(factory.client_lines(url, repository.kind)) if url else (),
        publish_lines=tuple(factory.publish_lines(url)) if url and repository.is_published_to else (),
    )


def _host_url(repository: RepositorySettings, settings: Settings) -> str:
    """The URL of the first host name that leads to the repository; "" when only "*" does."""
    listeners = {listener.name: listener for listener in settings.listeners}
    for bound in repository.hosts:
        listener = listeners[bound.listener]
        port = next(filter(str.isdigit, (address.rpartition(":")[2] for address in listener.listen)), "")
        if bound.host != ANY_HOST and port:
            root = FORMATS[repository.format].root
            return f"{'https' if listener.tls else 'http'}://{bound.host}:{port}{root}"
    return ""
