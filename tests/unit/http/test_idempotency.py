"""The text in which a response is stored under an Idempotency-Key."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import Response

from shared.http.idempotency import REPLAYED, dump_response, load_response

STORED = '[201,{"ETag":"\\"1\\"","Content-Type":"application/json"}]\n{"name":"Zoë"}\n'


def test_a_response_is_stored_as_status_and_headers_in_a_line_and_its_body() -> None:
    """Stored answers are read for a day, by the next release too: this form cannot change."""
    response = Response(
        status_code=201, content_type="application/json", body='{"name":"Zoë"}\n', headers={"ETag": '"1"'}
    )
    assert dump_response(response) == STORED


def test_a_stored_response_is_returned_as_it_was_and_marked_when_it_is_replayed() -> None:
    first, again = load_response(STORED, replayed=False), load_response(STORED, replayed=True)
    assert (first.status_code, first.body) == (again.status_code, again.body) == (201, '{"name":"Zoë"}\n')
    assert dump_response(first) == STORED
    assert again.headers == {**first.headers, REPLAYED: "true"}


def test_a_response_without_a_body_is_stored_too() -> None:
    assert load_response(dump_response(Response(status_code=204)), replayed=False).body == ""
