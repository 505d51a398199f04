"""What a configuration says, as frozen values: made by ``config/``, handed down by ``assembly/``.

Sizes are bytes, times are seconds. A format's own keys are a dataclass in the format's folder. Nobody else
reads a dict or the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

_EMPTY: Mapping[str, str] = MappingProxyType({})

Kind = Literal["proxy", "hosted", "group"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """A certificate chain and its key, PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerSettings:
    """A named set of addresses: ``host:port``, ``[v6]:port`` or ``unix:/path``."""

    name: str
    listen: tuple[str, ...]
    tls: tuple[TlsSettings, ...] = ()  # by the names they are for, the first for clients that send none; (): plain HTTP


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The ``[server]`` table."""

    listen: tuple[str, ...] = ("127.0.0.1:8080",)
    workers: int = 0  # 0: one for each core
    public_url: str = ""  # no trailing slash; "": from each request
    trusted_proxies: tuple[str, ...] = ()  # addresses, networks, "unix": their Forwarded is believed
    max_header_size: int = 64 * 1024
    max_body_size: int = 10 * 1024**3
    shutdown_grace: float = 30.0
    log_level: str = "info"
    log_format: str = "text"
    access_log: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """A ``[store.NAME]`` table."""

    name: str = "default"
    path: Path = Path("data")  # absolute after reading
    index_size: int = 64 * 1024**3  # the LMDB map: address space, not disk
    trash_age: float = 7 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """The ``[access]`` table."""

    anonymous: Literal["read", "none"] = "read"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSettings:
    """What proves us to an upstream: Basic, or Bearer, or whole header fields. Secrets never show in ``repr``."""

    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=lambda: _EMPTY, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSettings:
    """How to reach one upstream: by HTTP, or by a program on this machine that fetches from elsewhere."""

    url: str  # base URL, http or https, no trailing slash, no credentials; "" with a tool
    tool: str = ""  # "vcs": fetch from version control by the format's own command
    http_proxy: str | None = None  # URL of a proxy; "": none; None: what the environment says (http_proxy, no_proxy, …)
    auth: CredentialSettings = CredentialSettings()
    ca_file: Path | None = None  # a private authority, PEM; None: the system's
    connect_timeout: float = 10.0
    idle_timeout: float = 30.0  # no byte for so long: retried, then failed
    retries: int = 2
    max_connections: int = 32  # over all workers
    queue_timeout: float = 60.0
    auth_hosts: Mapping[str, CredentialSettings] = field(default_factory=dict)  # host → what proves a tool to it
    time_limit: float = 300.0  # that one run of a tool may take


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """A whole host name of a listener that leads to one repository; "*": every name that no other repository takes."""

    listener: str
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositorySettings:
    """A ``[[repository]]`` table."""

    name: str
    format: str
    kind: Kind
    store: str = "default"
    upstream: UpstreamSettings | None = None  # of a proxy
    members: tuple[str, ...] = ()  # of a group, in the order in which they are asked
    publish_to: str = ""  # of a group: the member that takes what is published; "": none
    exclusive: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # of a group: member → names only it may have
    shared_names: tuple[str, ...] = ()  # of a group: globs on names that no hosted member owns alone
    ttl: float = 300.0
    negative_ttl: float = 60.0
    block: tuple[str, ...] = ()  # globs on the format's package name
    allow: tuple[str, ...] = ()
    base_url: str = ""  # "/go-public"; "": not exposed below a path
    hosts: tuple[HostSettings, ...] = ()
    max_body_size: int | None = None  # None: the server's
    options: Any = None  # the format's own settings, an instance of its dataclass

    @property
    def is_published_to(self) -> bool:
        """Does it take what clients publish?"""
        return self.kind == "hosted" or bool(self.publish_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A whole configuration, checked."""

    source: str  # the file it was read from, or "built-in quick start"
    server: ServerSettings = ServerSettings()
    listeners: tuple[ListenerSettings, ...] = ()  # "main" from [server] first, then each [[listener]]
    stores: Mapping[str, StoreSettings] = field(default_factory=lambda: {"default": StoreSettings()})
    access: AccessSettings = AccessSettings()
    repositories: tuple[RepositorySettings, ...] = ()
