"""Where the authorities are that the system trusts, and what libcurl says of those that it does not. libcurl's built-in
paths are those of the machine it was built on, so they are always given explicitly."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path

import pycurl

UNTRUSTED = frozenset({pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CACERT_BADFILE, pycurl.E_SSL_ISSUER_ERROR})

_WELL_KNOWN = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",  # older RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # Alpine, BSD, macOS
)


@cache
def system_bundle() -> Path | None:
    """The PEM file of the system's authorities; None when there is none, and then nothing can be verified.

    ``SSL_CERT_FILE`` goes first, as everywhere.
    """
    stated = ssl.get_default_verify_paths().cafile
    candidates = [stated] if stated else []
    return next((path for path in map(Path, [*candidates, *_WELL_KNOWN]) if path.is_file()), None)
