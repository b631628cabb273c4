"""AWS clients, configured for what the functions do. This module keeps nothing: `shared.wiring.base` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import botocore.session


CONNECTIONS = 12
"""The maximum number of connections of a client, and so of the threads that can use it at the same time."""

_PROMPT = frozenset({"kms"})
"""Services that answer within milliseconds, so that a client waits at most a second for each of its four attempts. With
botocore's pauses (at most 1, 2 and 4 s) the last one fails within 11 s, before the time of an HTTP function is over
(15 s), and the call is answered.
"""


def create_session() -> botocore.session.Session:
    """Return a session that takes region and credentials from the environment."""
    # botocore's session and not boto3's: a third less to import, and the same clients (docs/decisions/0003).
    import logging

    import botocore.session

    from shared.table.answers import PlainParserFactory

    # Below WARNING these two log requests and responses, with personal data and credentials in them.
    for name in ("botocore", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
    session = botocore.session.get_session()
    session.register_component("response_parser_factory", PlainParserFactory())
    return session


def create_client(session: botocore.session.Session, service: str, *, quick: bool = False) -> Any:
    """Return a client for a service. A `quick` client makes one attempt and waits at most a second for it."""
    from botocore.config import Config

    from shared.table.requests import PlainSerializer

    config = Config(
        # Requests are built from our own types, so botocore need not check their shapes again.
        parameter_validation=False,
        # Without it, botocore composes a user agent for each call, which takes longer than building a request's items.
        user_agent="contacts",
        retries={"mode": "standard", "total_max_attempts": 1 if quick else 4},
        connect_timeout=1 if quick or service in _PROMPT else 2,
        read_timeout=1 if quick or service in _PROMPT else 10,
        max_pool_connections=CONNECTIONS,
        # URLs signed with version 2, botocore's default for them, cannot open objects encrypted with KMS.
        signature_version="s3v4" if service == "s3" else None,
        # Signed URLs name the region's host. The global host, botocore's default for them, redirects callers to the
        # region, where the signature does not match (boto/boto3#3015). An endpoint of digits keeps its path.
        s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
        if service == "s3"
        else None,
    )
    client: Any = session.create_client(service, config=config)
    if service == "dynamodb":
        # For each request botocore searches all items for tables named by ARN, because their account might then
        # determine the endpoint (a tenth of what a transaction costs). Our tables are named by name.
        for parameter in ("ResourceArn", "ResourceArnList"):
            client._ruleset_resolver._param_definitions.pop(parameter)
        client._serializer = PlainSerializer()
    return client
