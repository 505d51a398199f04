"""Settings to header fields, and secrets that stay so."""

from __future__ import annotations

import base64

import pytest

from mxart.settings import CredentialSettings
from mxart.upstream.credentials import Fields, credential_fields


def basic(pair: str) -> tuple[str, str]:
    return "Authorization", "Basic " + base64.b64encode(pair.encode()).decode()


ROWS: list[tuple[CredentialSettings, Fields]] = [
    (CredentialSettings(), ()),
    (CredentialSettings(username="ci", password="pw"), (basic("ci:pw"),)),
    (CredentialSettings(username="ci"), (basic("ci:"),)),
    (CredentialSettings(password="only"), (basic(":only"),)),
    (CredentialSettings(username="jürgen", password="pä:ss"), (basic("jürgen:pä:ss"),)),
    (CredentialSettings(username="ci", password="p" * 200), (basic("ci:" + "p" * 200),)),
    (CredentialSettings(token="t0ken"), (("Authorization", "Bearer t0ken"),)),
    (CredentialSettings(token="t0ken", username="ci"), (("Authorization", "Bearer t0ken"),)),
    (CredentialSettings(headers={"X-Api-Key": "k"}), (("X-Api-Key", "k"),)),
    (CredentialSettings(headers={"X-A": "1"}, token="t"), (("X-A", "1"), ("Authorization", "Bearer t"))),
]


@pytest.mark.parametrize(("auth", "fields"), ROWS)
def test_fields(auth: CredentialSettings, fields: Fields) -> None:
    assert credential_fields(auth) == fields
