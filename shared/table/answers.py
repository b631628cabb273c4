"""DynamoDB's answers, read without botocore's walk over their shapes.

DynamoDB's JSON protocol sends just what botocore's parser would build, but for times, which this table does not
hold, and for binary values, which stay as they are sent, in base64; only `shared.table.postings` has such. The walk
costs two thirds of reading a page of 25 (docs/decisions/0003); tests/unit/table compares both parsers' results.
"""

from __future__ import annotations

from typing import Any

from botocore.parsers import JSONParser, ResponseParserFactory


class PlainParser(JSONParser):
    """The `json` protocol's parser, giving the body as it came."""

    def _handle_json_body(self, raw_body: bytes, shape: Any) -> Any:  # noqa: ARG002
        return self._parse_body_as_json(raw_body)  # type: ignore[attr-defined]


class PlainParserFactory(ResponseParserFactory):
    """To be registered as a session's component `response_parser_factory`."""

    def create_parser(self, protocol_name: str) -> Any:
        return PlainParser() if protocol_name == "json" else super().create_parser(protocol_name)
