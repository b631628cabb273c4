"""The parts of the dependencies that no function loads, and are not deployed."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from local import elf

AWS_SERVICES = {"cognito-idp", "dynamodb", "kms", "s3", "sesv2", "sns", "sqs"}
"""The services whose botocore descriptions are kept."""

_PRUNED = (
    "**/__pycache__", "**/*.pyi", "**/py.typed", "**/tests", "*.dist-info", "bin",
    # The look-up of places, carriers and time zones by phone number: 40 MB.
    "phonenumbers/geodata", "phonenumbers/carrierdata", "phonenumbers/tzdata",
    "phonenumbers/geocoder.py", "phonenumbers/carrier.py", "phonenumbers/timezone.py",
    # Emergency and other short numbers, by country.
    "phonenumbers/shortdata/region_*.py",
    # pydantic's first version and its plugin for a type checker, and time zones that Python has itself.
    "pydantic/v1", "pydantic/mypy.py", "dateutil/zoneinfo/*.tar.gz",
    # Of time zones only the names are needed, which are in a separate file.
    "tzdata/zoneinfo",
    # cffi's build tools; cryptography needs only its compiled part.
    "cffi",
    "botocore/data/**/examples-1.json*", "botocore/data/**/paginators-1.json*", "botocore/data/**/waiters-2.json*",
    # Recurring dates, urllib3 in a browser, colors, and pydantic's experiments.
    "dateutil/rrule.py", "urllib3/contrib/emscripten", "pydantic/color.py", "pydantic/experimental",
    # Other networks, other systems, command lines, and tests of libraries.
    "urllib3/contrib/pyopenssl.py", "urllib3/contrib/socks.py", "urllib3/http2/connection.py", "dateutil/tz/win.py",
    "idna/cli.py", "idna/__main__.py", "botocore/stub.py", "annotated_types/test_cases.py", "cryptography/fernet.py",
    "cryptography/x509/ocsp.py", "cryptography/hazmat/asn1",
    "cryptography/hazmat/primitives/serialization/pkcs7.py",
    # Signatures by a library of C that is not packed; powertools' checks of requests and OpenAPI documents.
    "botocore/crt/auth.py",
    "aws_lambda_powertools/event_handler/middlewares/openapi_validation.py",
    "aws_lambda_powertools/event_handler/openapi/compat.py", "aws_lambda_powertools/event_handler/openapi/models.py",
    "aws_lambda_powertools/event_handler/openapi/params.py",
    "aws_lambda_powertools/event_handler/openapi/schema_generator.py",
    "aws_lambda_powertools/metrics/provider/datadog", "aws_lambda_powertools/utilities/metadata",
)  # fmt: skip
_UTILITIES = "aws_lambda_powertools/utilities"
_UTILITIES_LEFT_OUT = (
    "auth_alpha", "batch", "circuit_breaker", "data_masking", "feature_flags", "idempotency", "kafka", "parameters",
    "parser", "streaming", "validation",
    "data_classes/active_mq_event.py", "data_classes/api_gateway_authorizer_event.py",
    "data_classes/appsync_authorizer_event.py", "data_classes/cognito_user_pool_event.py",
    "data_classes/iot_registry_event.py", "data_classes/rabbit_mq_event.py", "data_classes/s3_object_event.py",
)  # fmt: skip
"""The parts of powertools that no function loads."""
_CHALICE_KEPT = {"__init__.py", "app.py", "constants.py", "vendored", "compat.py"}


def prune(folder: Path, without: Iterable[str]) -> None:
    """Remove the parts that no function loads from a folder of dependencies, and what the patterns `without` match."""
    utilities = (f"{_UTILITIES}/{name}" for name in _UTILITIES_LEFT_OUT)
    for pattern in (*_PRUNED, *utilities, *without):
        for path in sorted(folder.glob(pattern)):
            _remove(path)
    for path in (folder / "chalice").iterdir():
        if path.name not in _CHALICE_KEPT:
            _remove(path)
    for path in (folder / "botocore" / "data").iterdir():
        if path.is_dir() and path.name not in AWS_SERVICES:
            _remove(path)
    _trim_endpoints(folder / "botocore" / "data" / "endpoints.json")
    for path in sorted((folder / "botocore" / "data").glob("*/*/service-2.json.gz")):
        _drop_documentation(path)
    for path in sorted(folder.rglob("*.so")):
        elf.strip(path)


def _trim_endpoints(path: Path) -> None:
    """Keep only the endpoints of the services used: botocore reads the whole file at each cold start."""
    document = json.loads(path.read_bytes())
    for partition in document["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in sorted(AWS_SERVICES) if name in services}
    path.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")


def _drop_documentation(path: Path) -> None:
    """Empty the documentation in the description of a service: more than half of it. botocore reads some of the texts,
    so none may be missing.
    """

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            # A shape may have a member of that name, which is a dict.
            return {
                name: "" if name == "documentation" and isinstance(one, str) else without(one)
                for name, one in value.items()
            }
        return [without(one) for one in value] if isinstance(value, list) else value

    document = without(json.loads(gzip.decompress(path.read_bytes())))
    text = json.dumps(document, separators=(",", ":")).encode()
    path.write_bytes(gzip.compress(text, mtime=0))  # the same bytes at each build


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
