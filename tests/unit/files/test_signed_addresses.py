"""Addresses to upload and fetch files: with the host of the bucket's region, except on a developer's machine."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from shared.wiring.imports import drop_bucket
from shared.wiring.kept import reset_wiring

REGIONS = {
    "us-east-1": "drop.s3.us-east-1.amazonaws.com",
    "eu-central-1": "drop.s3.eu-central-1.amazonaws.com",
    "af-south-1": "drop.s3.af-south-1.amazonaws.com",
    "cn-north-1": "drop.s3.cn-north-1.amazonaws.com.cn",
}


@pytest.fixture(autouse=True)
def cold_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv("DROP_BUCKET", "drop")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    reset_wiring()
    yield
    reset_wiring()


def signed() -> tuple[str, str]:
    """Return an address to fetch a file from, and one to upload a file to."""
    bucket = drop_bucket()
    return bucket.signed_url("tenants/T1/results/x", 60), bucket.upload_form("uploads/T1/x", 10, 60)[0]


@pytest.mark.parametrize(("region", "host"), REGIONS.items())
def test_a_signed_address_has_the_regions_host(
    monkeypatch: pytest.MonkeyPatch, region: str, host: str
) -> None:
    """The global host redirects to the region's host, for which the signature is not valid (boto/boto3#3015)."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    assert [urlsplit(address).netloc for address in signed()] == [host, host]
    assert f"%2F{region}%2Fs3%2Faws4_request" in signed()[0]


def test_an_endpoint_that_is_an_ip_address_is_addressed_by_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no host named drop.127.0.0.1."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    fetched, put = signed()
    assert fetched.startswith("http://127.0.0.1:4566/drop/tenants/T1/results/x?")
    assert put == "http://127.0.0.1:4566/drop"
