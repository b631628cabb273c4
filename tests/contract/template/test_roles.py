"""House rules for roles: each function has a role of its own with the least rights (check 97, check 50)."""

from __future__ import annotations

import re

import pytest

from tests.contract.template.reading import (
    FUNCTIONS,
    ROLES,
    actions,
    as_list,
    events,
    may,
    of_type,
    queue_named_by,
    role_of,
    statements,
)
from tests.support.template import Template

INDEX_KEYS = ("OUTBOX#", "DUE#")


def test_no_two_functions_share_a_role_and_no_role_is_left_over() -> None:
    roles = [role_of(function) for function in FUNCTIONS]
    assert sorted(roles) == sorted(ROLES)
    assert of_type("AWS::IAM::Role").keys() - ROLES.keys() == {"AccessLogRole"}


def test_the_role_that_is_no_function_s_is_the_gateway_s_and_writes_logs() -> None:
    role = of_type("AWS::IAM::Role")["AccessLogRole"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "apigateway.amazonaws.com"}
    (managed,) = role["ManagedPolicyArns"]
    assert managed["Fn::Sub"].endswith(":aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs")
    assert "Policies" not in role


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_is_lambdas_alone_and_has_nothing_but_its_own_statements(role: str) -> None:
    (trust,) = ROLES[role]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert "ManagedPolicyArns" not in ROLES[role]
    assert not any("Policies" in function for function in FUNCTIONS.values())


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_names_its_actions_and_resources(role: str) -> None:
    for statement in statements(role):
        assert statement["Effect"] == "Allow"
        assert "NotAction" not in statement
        assert "NotResource" not in statement
        for action in as_list(statement["Action"]):
            assert re.fullmatch(r"[a-z0-9-]+:[A-Z][A-Za-z]+", action)
        for resource in as_list(statement["Resource"]):
            assert resource != "*"
            given = resource.get("Fn::Sub", "") if isinstance(resource, dict) else resource
            text = given[0] if isinstance(given, list) else given
            # The text before the first star names one bucket's tenants or this table's streams.
            assert "*" not in text.split("/", 1)[0]


@pytest.mark.parametrize("role", sorted(ROLES))
def test_no_role_can_read_a_whole_table_or_speak_partiql(role: str) -> None:
    assert not [
        one for one in actions(role) if re.search(r":(Scan|PartiQL|ExecuteStatement|BatchExecute)", one)
    ]


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_reaches_items_by_leading_keys_alone(role: str) -> None:
    for statement in statements(role):
        if not any(action.startswith("dynamodb:") for action in as_list(statement["Action"])):
            continue
        if statement["Sid"] in ("ReadStream", "FindStream"):
            continue  # A stream is read whole or not at all; LeadingKeys do not apply to it.
        condition = statement["Condition"]
        # ForAllValues is true for a request that names no key, so Null refuses such a request.
        assert condition["Null"] == {"dynamodb:LeadingKeys": "false"}
        keys = condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        assert keys
        on_index = statement["Resource"] != {"Fn::GetAtt": ["Table", "Arn"]}
        for key in keys:
            assert re.fullmatch(
                # All keys of a tenant, or one key prefix of it and what is within that.
                r"(T|U|K|N|OUTBOX)#\*(#[A-Z]+(#[A-Z]+)?(#\*)?)?"
                r"|(S|DUE)#[A-Z]+(#\*)?|DUE#\?|G#[A-Z]+#\*",
                key,
            )
            assert key.startswith(INDEX_KEYS) == on_index


def test_only_the_authorizer_and_sign_in_read_users_and_keys_and_they_read_little_else() -> None:
    near = [
        (role, set(as_list(statement["Action"])))
        for role in ROLES
        for statement in statements(role)
        if any(
            key.startswith(("U#", "K#", "N#"))
            for key in statement.get("Condition", {})
            .get("ForAllValues:StringLike", {})
            .get("dynamodb:LeadingKeys", [])
        )
    ]
    writes = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
    readers = {role: reads for role, actions in near if (reads := actions - writes)}
    assert readers == {"AuthorizerRole": {"dynamodb:GetItem"}, "AuthRole": {"dynamodb:GetItem"}}
    # The functions that manage users and clients write these look-ups and do not read them.
    writers = {role for role, actions in near if actions & writes}
    assert writers == {"ApiClientsRole", "AuthRole", "UsersRole"}


def test_the_authorizer_writes_nothing_but_that_a_client_was_used() -> None:
    written = [
        (statement["Action"], statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
        for statement in statements("AuthorizerRole")
        if any(re.search(r":(Put|Update|Delete|Batch)", one) for one in as_list(statement["Action"]))
        and "dynamodb" in str(statement["Action"])
    ]
    assert written == [(["dynamodb:UpdateItem"], ["T#*#CLIENTS"])]


def test_e_mails_are_sent_by_two_functions_as_one_sender() -> None:
    """By the identity of the address or of its domain, whichever is verified, and only from that address."""
    senders = {
        role: statement
        for role in ROLES
        for statement in statements(role)
        if any(action.startswith("ses:") for action in as_list(statement["Action"]))
    }
    assert senders.keys() == {"UsersRole", "WebhookNoticesRole"}
    for statement in senders.values():
        assert statement["Condition"] == {"StringEquals": {"ses:FromAddress": {"Ref": "MailFrom"}}}
    assert senders["UsersRole"]["Resource"] == senders["WebhookNoticesRole"]["Resource"]


@pytest.mark.parametrize(
    ("sender", "identities"),
    [("hello@mail.example.com", ["mail.example.com", "hello@mail.example.com"]), ("", ["none", ""])],
)
def test_the_sender_s_identity_is_that_of_its_domain_or_its_own(sender: str, identities: list[str]) -> None:
    template = Template.load(MailFrom=sender)
    (statement,) = [one for one in statements("UsersRole") if one["Sid"] == "SendInvitations"]
    named = template.resolve(statement["Resource"])
    assert [one.partition(":identity/")[2] for one in named] == identities


def test_a_function_that_answers_callers_may_count_their_calls() -> None:
    answering = {
        function
        for function, _k, properties in events("Api")
        if properties.get("Auth", {}).get("Authorizer") != "NONE"
    }
    assert len(answering) >= 6
    for function in answering:
        assert any(
            "dynamodb:UpdateItem" in as_list(statement["Action"])
            and {"T#*", "T#*#RATE#*"}
            & {*statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]}
            for statement in statements(role_of(function))
        ), function


def test_only_functions_woken_by_a_clock_query_the_index() -> None:
    clocked = {role_of(function) for function, _k, _p in events("Schedule", "ScheduleV2")}
    querying = {
        role for role in ROLES for statement in statements(role) if "/index/" in str(statement["Resource"])
    }
    assert querying <= clocked


def test_a_function_with_an_event_source_may_read_that_source() -> None:
    for function, _kind, properties in events("SQS"):
        queue = queue_named_by(properties["Queue"])
        for action in (
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ChangeMessageVisibility",
        ):
            assert may(role_of(function), action, queue)
    for function, _kind, properties in events("DynamoDB"):
        assert {"dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"} <= actions(
            role_of(function)
        )
        assert may(
            role_of(function),
            "sqs:SendMessage",
            queue_named_by(properties["DestinationConfig"]["OnFailure"]["Destination"]),
        )


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_a_function_writes_a_log_of_its_own_that_is_not_kept_for_ever(function: str) -> None:
    log = FUNCTIONS[function]["LoggingConfig"]["LogGroup"]["Ref"]
    assert of_type("AWS::Logs::LogGroup")[log]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert may(role_of(function), "logs:PutLogEvents", log)
    others = [one for one in FUNCTIONS if FUNCTIONS[one]["LoggingConfig"]["LogGroup"]["Ref"] == log]
    assert others == [function]
