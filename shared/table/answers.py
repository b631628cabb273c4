"""Parsing of DynamoDB's answers, without botocore's walk over their shapes.

DynamoDB's JSON protocol sends what botocore's parser would build, except for times, which this table does not have,
and binary values, which stay in base64 as they are sent (`shared.table.item.binary` decodes them). The walk takes two
thirds of the time of reading a page of 25 (docs/decisions/0003); tests/unit/table compares both parsers' results.
"""

from __future__ import annotations

from typing import Any

from botocore.parsers import JSONParser, ResponseParserFactory


class PlainParser(JSONParser):
    """The parser of the `json` protocol, which returns the body as it was sent."""

    def _handle_json_body(self, raw_body: bytes, shape: Any) -> Any:  # noqa: ARG002
        return self._parse_body_as_json(raw_body)  # type: ignore[attr-defined]


class PlainParserFactory(ResponseParserFactory):
    """Makes parsers; register it as the component `response_parser_factory` of a session."""

    def create_parser(self, protocol_name: str) -> Any:
        return PlainParser() if protocol_name == "json" else super().create_parser(protocol_name)
