"""The tables of the server itself: ``[server]``, ``[[listener]]``, ``[store.NAME]``, ``[access]``."""

from __future__ import annotations

import ssl
import stat
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from mxart.config import values
from mxart.config.tables import Table
from mxart.settings import AccessSettings, ListenerSettings, ServerSettings, StoreSettings, TlsSettings

_SMALLEST_INDEX = 16 * 1024**2


def read_server(table: Table, folder: Path) -> ServerSettings:
    """``[server]``; relative socket paths are taken from ``folder``."""
    default = ServerSettings()
    settings = ServerSettings(
        listen=table.take("listen", _addresses(folder), default.listen),
        workers=table.take("workers", values.whole(0, 1024), default.workers),
        public_url=table.take("public_url", values.public_url, default.public_url),
        trusted_proxies=table.take("trusted_proxies", values.several(values.peer), default.trusted_proxies),
        max_header_size=table.take("max_header_size", values.size(1024), default.max_header_size),
        max_body_size=table.take("max_body_size", values.size(0), default.max_body_size),
        shutdown_grace=table.take("shutdown_grace", values.duration, default.shutdown_grace),
        log_level=table.take("log_level", values.choice("debug", "info", "warning", "error"), default.log_level),
        log_format=table.take("log_format", values.choice("text", "json"), default.log_format),
        access_log=table.take("access_log", values.flag, default.access_log),
    )
    table.finish()
    return settings


def _addresses(folder: Path) -> Callable[[object], tuple[str, ...]]:
    return values.several(partial(values.address, folder=folder))


def read_listener(table: Table, folder: Path) -> ListenerSettings:
    """A ``[[listener]]``. Its name is "" when it was missing or wrong, which has been noted."""
    name = table.take("name", _listener_name, "")
    if "name" not in table:
        table.missing("name", 'a listener needs a name: name = "tls"')
    listen = table.take("listen", _addresses(folder), tuple[str, ...]())
    if not table.take_raw("listen"):
        table.missing("listen", 'a listener needs an address at least: listen = ["0.0.0.0:8443"]')
    settings = ListenerSettings(name=name, listen=listen, tls=_read_tls(table, folder))
    table.finish()
    return settings


def _listener_name(value: object) -> str:
    if value == "main":
        raise ValueError('"main" is the listener of [server]; want another name')
    return values.name(value)


def _read_tls(table: Table, folder: Path) -> tuple[TlsSettings, ...]:
    """``tls`` of a listener: a certificate, or a list of them; without those that are wrong, which has been noted."""
    given = table.take_raw("tls")
    if isinstance(given, list):
        if not given or not all(isinstance(item, Mapping) for item in given):
            table.wrong("tls", 'want a table, or a list of tables: [ { certificate = "tls.crt", key = "tls.key" } ]')
            return ()
        name = f"{table.name} tls number"
        tables = [Table(f"{name} {number}", item, table.problems) for number, item in enumerate(given, start=1)]
    else:
        single = table.take_table("tls")
        tables = [single] if single else []
    read = [_read_certificate(each, folder) for each in tables]
    return tuple(settings for settings in read if settings)


def _read_certificate(table: Table, folder: Path) -> TlsSettings | None:
    files: dict[str, Path | None] = {}
    for key in ("certificate", "key"):
        files[key] = table.take(key, partial(values.readable_file, folder=folder), None)
        if key not in table:
            table.missing(key, "want the path of a PEM file")
    table.finish()
    certificate, key_file = files["certificate"], files["key"]
    if certificate is None or key_file is None:
        return None
    try:
        # An empty password makes an encrypted key an error instead of a prompt on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key_file, password="")
    except (ssl.SSLError, OSError) as error:
        table.missing("", f"certificate and key cannot be used together: {error}; want PEM files, the key unencrypted")
    return TlsSettings(certificate=certificate, key=key_file)


def read_store(name: str, table: Table, folder: Path) -> StoreSettings:
    """A ``[store.NAME]``, its path made absolute."""
    default = StoreSettings(name=name, path=folder / ("data" if name == "default" else name))
    try:
        values.name(name)
    except ValueError as error:
        table.missing("", str(error))
    if name != "default" and "path" not in table:
        table.missing("path", 'a store needs a folder: path = "/srv/mxart"')
    settings = StoreSettings(
        name=name,
        path=table.take("path", partial(_folder, folder=folder), default.path),
        index_size=table.take("index_size", values.size(_SMALLEST_INDEX), default.index_size),
        trash_age=table.take("trash_age", values.duration, default.trash_age),
    )
    table.finish()
    return settings


def _folder(value: object, folder: Path) -> Path:
    given = values.text(value)
    if not given:
        raise ValueError('want the path of a folder, such as "data"')
    path = folder / given
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        return path
    except OSError as error:
        raise ValueError(f"{path} cannot be used: {error.strerror}") from error
    if not is_folder:
        raise ValueError(f"{path} is there, and is no folder")
    return path


def read_access(table: Table) -> AccessSettings:
    """``[access]``."""
    settings = AccessSettings(anonymous=table.take("anonymous", _anonymous, AccessSettings().anonymous))
    table.finish()
    return settings


def _anonymous(value: object) -> Literal["read", "none"]:
    return "none" if values.choice("read", "none")(value) == "none" else "read"


def stores_apart(stores: Sequence[tuple[Table, StoreSettings]]) -> None:
    """Every store that shares its folder with an earlier one, or lies in or around it, has been noted."""
    for index, (table, store) in enumerate(stores):
        for _, other in stores[:index]:
            path, other_path = store.path.resolve(), other.path.resolve()
            if path.is_relative_to(other_path) or other_path.is_relative_to(path):
                table.missing("path", f'{store.path} overlaps with store "{other.name}" at {other.path}; want it apart')
