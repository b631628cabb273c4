"""House rules for `infra/template.yaml`: what every queue, trigger, role, bucket and route in it must have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from local import template
from shared.domain.imports import inbox_file, upload_key
from shared.services.rate_limits import TENANT_BURST, TENANT_REQUESTS_PER_SECOND

TEMPLATE = template.load()
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
ASYNCHRONOUS = {"S3", "Schedule", "EventBridgeRule", "SNS"}
WITHOUT_SIGN_IN = {
    ("GET", "/health"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/swagger-ui.css"),
    ("GET", "/docs/swagger-ui.js"),
    ("GET", "/docs/start.js"),
    ("POST", "/auth/register"),
    ("POST", "/auth/token"),
    ("POST", "/users/invitations/accept"),
}
INDEX_KEYS = ("OUTBOX#", "DUE#")


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: one.get("Properties", {}) for name, one in RESOURCES.items() if one["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")
QUEUES = of_type("AWS::SQS::Queue")
ROLES = of_type("AWS::IAM::Role")
DEAD_LETTERS = {name for name in QUEUES if name.endswith("DeadLetters")}


def events(*kinds: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each function's events of these kinds: function, kind, properties."""
    for function, properties in FUNCTIONS.items():
        for event in properties.get("Events", {}).values():
            if event["Type"] in kinds:
                yield function, event["Type"], event["Properties"]


def queue_named_by(arn: Any) -> str:
    """The queue an `!GetAtt Queue.Arn` means."""
    name, attribute = arn["Fn::GetAtt"]
    assert attribute == "Arn"
    assert name in QUEUES
    return str(name)


def role_of(function: str) -> str:
    name, attribute = FUNCTIONS[function]["Role"]["Fn::GetAtt"]
    assert attribute == "Arn"
    return str(name)


def statements(role: str) -> Iterator[dict[str, Any]]:
    for policy in ROLES[role]["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def actions(role: str) -> set[str]:
    return {action for statement in statements(role) for action in as_list(statement["Action"])}


class TestNothingIsLostSilently:
    """check 96"""

    @pytest.mark.parametrize("name", sorted(set(QUEUES) - DEAD_LETTERS))
    def test_a_queue_gives_up_into_a_dead_letter_queue(self, name: str) -> None:
        redrive = QUEUES[name]["RedrivePolicy"]
        assert 3 <= redrive["maxReceiveCount"] <= 20
        assert queue_named_by(redrive["deadLetterTargetArn"]) in DEAD_LETTERS

    @pytest.mark.parametrize("name", sorted(DEAD_LETTERS))
    def test_a_dead_letter_queue_keeps_as_long_as_sqs_can(self, name: str) -> None:
        assert QUEUES[name]["MessageRetentionPeriod"] == 14 * 86400

    @pytest.mark.parametrize(("function", "kind", "properties"), list(events("SQS")))
    def test_a_queue_hides_messages_for_six_timeouts_and_takes_partial_failures(
        self, function: str, kind: str, properties: dict[str, Any]
    ) -> None:
        queue = QUEUES[queue_named_by(properties["Queue"])]
        assert queue["VisibilityTimeout"] >= 6 * FUNCTIONS[function]["Timeout"]
        assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert "ScalingConfig" in properties

    def test_every_queue_but_the_dead_letters_has_a_reader(self) -> None:
        read = {queue_named_by(properties["Queue"]) for _f, _k, properties in events("SQS")}
        assert read == set(QUEUES) - DEAD_LETTERS

    @pytest.mark.parametrize(("function", "kind", "properties"), list(events("DynamoDB")))
    def test_a_stream_reader_has_bounds_and_a_dead_letter_queue(
        self, function: str, kind: str, properties: dict[str, Any]
    ) -> None:
        assert 1 <= properties["MaximumRetryAttempts"] <= 100
        # The stream keeps a record for a day; what is given up must be given up while it can still be read there.
        assert 3600 <= properties["MaximumRecordAgeInSeconds"] < 86400
        assert properties["BisectBatchOnFunctionError"] is True
        assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert queue_named_by(properties["DestinationConfig"]["OnFailure"]["Destination"]) in DEAD_LETTERS

    @pytest.mark.parametrize("function", sorted({function for function, _k, _p in events(*ASYNCHRONOUS)}))
    def test_an_asynchronous_function_has_bounds_and_a_dead_letter_queue(self, function: str) -> None:
        config = FUNCTIONS[function]["EventInvokeConfig"]
        assert 0 <= config["MaximumRetryAttempts"] <= 2
        assert 60 <= config["MaximumEventAgeInSeconds"] <= 21600
        queue = queue_named_by(config["DestinationConfig"]["OnFailure"]["Destination"])
        assert queue in DEAD_LETTERS
        assert may(role_of(function), "sqs:SendMessage", queue)

    @pytest.mark.parametrize(("function", "kind", "properties"), list(events("Schedule", "ScheduleV2")))
    def test_a_clock_has_retry_bounds_and_a_dead_letter_queue(
        self, function: str, kind: str, properties: dict[str, Any]
    ) -> None:
        assert 0 <= properties["RetryPolicy"]["MaximumRetryAttempts"] <= 185
        assert 60 <= properties["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 86400
        assert queue_named_by(properties["DeadLetterConfig"]["Arn"]) in DEAD_LETTERS

    def test_a_rule_retries_for_a_day_and_then_dead_letters(self) -> None:
        targets = [target for rule in of_type("AWS::Events::Rule").values() for target in rule["Targets"]]
        assert targets
        for target in targets:
            assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 86400
            assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0
            assert queue_named_by(target["DeadLetterConfig"]["Arn"]) in DEAD_LETTERS

    def test_a_subscription_dead_letters(self) -> None:
        subscriptions = of_type("AWS::SNS::Subscription")
        assert subscriptions
        for subscription in subscriptions.values():
            assert queue_named_by(subscription["RedrivePolicy"]["deadLetterTargetArn"]) in DEAD_LETTERS

    def test_no_event_comes_by_a_way_this_file_does_not_judge(self) -> None:
        judged = {"Api", "SQS", "DynamoDB", "Schedule", "ScheduleV2", "S3"}
        assert {
            event["Type"] for one in FUNCTIONS.values() for event in one.get("Events", {}).values()
        } <= judged

    def test_each_service_that_writes_to_a_queue_is_let_in_for_one_source_alone(self) -> None:
        for policy in of_type("AWS::SQS::QueuePolicy").values():
            for statement in policy["PolicyDocument"]["Statement"]:
                assert statement["Action"] == "sqs:SendMessage"
                assert statement["Principal"].keys() == {"Service"}
                assert statement["Condition"]["ArnEquals"]["aws:SourceArn"]


def may(role: str, action: str, resource: str) -> bool:
    """Whether a role allows an action on a resource of the template, named by its logical id."""
    return any(
        action in as_list(statement["Action"])
        and {"Fn::GetAtt": [resource, "Arn"]} in as_list(statement["Resource"])
        for statement in statements(role)
    )


class TestDataIsGuarded:
    """check 97"""

    def test_the_table_is_encrypted_backed_up_and_not_deleted_by_mistake(self) -> None:
        (table,) = of_type("AWS::DynamoDB::Table").values()
        assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["DeletionProtectionEnabled"] is True
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
        assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
        assert table["BillingMode"] == "PAY_PER_REQUEST"

    def test_what_holds_data_outlives_the_stack(self) -> None:
        holding = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Cognito::UserPool")
        for resource in RESOURCES.values():
            if resource["Type"] in holding:
                assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"

    @pytest.mark.parametrize("name", sorted(of_type("AWS::S3::Bucket")))
    def test_a_bucket_is_private_encrypted_and_tidied(self, name: str) -> None:
        bucket = of_type("AWS::S3::Bucket")[name]
        assert all(bucket["PublicAccessBlockConfiguration"].values())
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        rules = bucket["LifecycleConfiguration"]["Rules"]
        assert any("AbortIncompleteMultipartUpload" in one for one in rules)

    def test_what_people_are_in_goes_from_the_drop_bucket_in_time(self) -> None:
        (bucket,) = of_type("AWS::S3::Bucket").values()
        kept = {
            rule["Prefix"]: rule["ExpirationInDays"]
            for rule in bucket["LifecycleConfiguration"]["Rules"]
            if "Prefix" in rule
        }
        assert kept == {"tenants/": 365, "uploads/": 30, "parts/": 7}
        taken_up = {
            rule["Value"]
            for _function, _name, properties in events("S3")
            for rule in properties["Filter"]["S3Key"]["Rules"]
        }
        assert taken_up == {"tenants/", "uploads/"}
        assert upload_key("T1", "i").startswith("uploads/T1/") and inbox_file("tenants/T1/inbox/x")

    @pytest.mark.parametrize("name", sorted(of_type("AWS::S3::Bucket")))
    def test_a_bucket_is_reached_over_tls_only(self, name: str) -> None:
        (policy,) = [
            one for one in of_type("AWS::S3::BucketPolicy").values() if one["Bucket"] == {"Ref": name}
        ]
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
        assert (statement["Principal"], statement["Action"]) == ("*", "s3:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert statement["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]

    @pytest.mark.parametrize("name", sorted(QUEUES))
    def test_a_queue_is_encrypted(self, name: str) -> None:
        assert QUEUES[name]["SqsManagedSseEnabled"] is True

    def test_topics_are_encrypted(self) -> None:
        assert all(topic["KmsMasterKeyId"] for topic in of_type("AWS::SNS::Topic").values())

    def test_nobody_signs_himself_up_and_the_pool_is_not_deleted_by_mistake(self) -> None:
        (pool,) = of_type("AWS::Cognito::UserPool").values()
        assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
        assert pool["DeletionProtection"] == "ACTIVE"
        assert pool["MfaConfiguration"] == "OFF"  # the token endpoint asks for no second factor
        assert pool["AccountRecoverySetting"] == {
            "RecoveryMechanisms": [{"Name": "admin_only", "Priority": 1}]
        }
        (client,) = of_type("AWS::Cognito::UserPoolClient").values()
        # So that passwords are tried at our door alone, and nobody changes what he signs in with.
        assert client["ExplicitAuthFlows"] == ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
        assert client["WriteAttributes"] == ["locale"]
        assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] >= 12
        (client,) = of_type("AWS::Cognito::UserPoolClient").values()
        assert client["PreventUserExistenceErrors"] == "ENABLED"
        assert client["TokenValidityUnits"]["AccessToken"] == "minutes"
        assert client["AccessTokenValidity"] <= 60


class TestEachFunctionHasItsOwnLeastRole:
    """check 97 (roles) and check 50"""

    def test_no_two_functions_share_a_role_and_no_role_is_left_over(self) -> None:
        roles = [role_of(function) for function in FUNCTIONS]
        assert sorted(roles) == sorted(ROLES)

    @pytest.mark.parametrize("role", sorted(ROLES))
    def test_a_role_is_lambdas_alone_and_has_nothing_but_its_own_statements(self, role: str) -> None:
        (trust,) = ROLES[role]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
        assert "ManagedPolicyArns" not in ROLES[role]
        assert not any("Policies" in function for function in FUNCTIONS.values())

    @pytest.mark.parametrize("role", sorted(ROLES))
    def test_a_role_names_its_actions_and_resources(self, role: str) -> None:
        for statement in statements(role):
            assert statement["Effect"] == "Allow"
            assert "NotAction" not in statement
            assert "NotResource" not in statement
            for action in as_list(statement["Action"]):
                assert re.fullmatch(r"[a-z0-9-]+:[A-Z][A-Za-z]+", action)
            for resource in as_list(statement["Resource"]):
                assert resource != "*"
                text = resource.get("Fn::Sub", "") if isinstance(resource, dict) else resource
                # What stands before the first star names one bucket's tenants or this table's streams.
                assert "*" not in text.split("/", 1)[0]

    @pytest.mark.parametrize("role", sorted(ROLES))
    def test_no_role_can_read_a_whole_table_or_speak_partiql(self, role: str) -> None:
        assert not [
            one for one in actions(role) if re.search(r":(Scan|PartiQL|ExecuteStatement|BatchExecute)", one)
        ]

    @pytest.mark.parametrize("role", sorted(ROLES))
    def test_a_role_reaches_items_by_leading_keys_alone(self, role: str) -> None:
        for statement in statements(role):
            if not any(action.startswith("dynamodb:") for action in as_list(statement["Action"])):
                continue
            if statement["Sid"] in ("ReadStream", "FindStream"):
                continue  # A stream is read whole or not at all; LeadingKeys say nothing of it.
            condition = statement["Condition"]
            # ForAllValues holds for a request that names no key at all, so that case is refused on its own.
            assert condition["Null"] == {"dynamodb:LeadingKeys": "false"}
            keys = condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
            assert keys
            on_index = statement["Resource"] != {"Fn::GetAtt": ["Table", "Arn"]}
            for key in keys:
                assert re.fullmatch(
                    r"(T|U|K|OUTBOX)#\*(#(TENANT|CLIENTS|USERS|INVITATIONS|COUNTS|(USERS|CLIENTS)#COUNT)"
                    r"|#(C|CLIENT|USER|USEREMAIL|RATE|IDEMPOTENCY)#\*)?"
                    r"|(S|DUE)#[A-Z]+(#\*)?|DUE#\?|G#[A-Z]+#\*",
                    key,
                )
                assert key.startswith(INDEX_KEYS) == on_index

    def test_only_who_lets_in_or_signs_in_reads_users_and_keys_and_reads_little_else(self) -> None:
        near = [
            (role, set(as_list(statement["Action"])))
            for role in ROLES
            for statement in statements(role)
            if any(
                key.startswith(("U#", "K#"))
                for key in statement.get("Condition", {})
                .get("ForAllValues:StringLike", {})
                .get("dynamodb:LeadingKeys", [])
            )
        ]
        writes = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
        readers = {role: reads for role, actions in near if (reads := actions - writes)}
        assert readers == {"AuthorizerRole": {"dynamodb:GetItem"}, "AuthRole": {"dynamodb:GetItem"}}
        # Who manages users and clients writes there, and reads nothing.
        writers = {role for role, actions in near if actions & writes}
        assert writers == {"ApiClientsRole", "AuthRole", "UsersRole"}

    def test_the_authorizer_writes_nothing_but_that_a_client_was_used(self) -> None:
        written = [
            (statement["Action"], statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
            for statement in statements("AuthorizerRole")
            if any(re.search(r":(Put|Update|Delete|Batch)", one) for one in as_list(statement["Action"]))
            and "dynamodb" in str(statement["Action"])
        ]
        assert written == [(["dynamodb:UpdateItem"], ["T#*#CLIENTS"])]

    def test_e_mails_are_sent_by_one_function_as_one_sender(self) -> None:
        senders = {
            role: statement["Resource"]
            for role in ROLES
            for statement in statements(role)
            if any(action.startswith("ses:") for action in as_list(statement["Action"]))
        }
        assert senders.keys() == {"UsersRole"}
        assert senders["UsersRole"]["Fn::Sub"].endswith(":identity/${MailFrom}")

    def test_a_function_that_answers_callers_may_count_their_calls(self) -> None:
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

    def test_the_gateway_lets_far_more_through_than_one_tenant_may_send(self) -> None:
        """check 6: what one tenant is refused must not use up what the gateway lets through for all."""
        (limits,) = TEMPLATE["Resources"]["Api"]["Properties"]["MethodSettings"]
        assert limits["ThrottlingRateLimit"] >= 20 * TENANT_REQUESTS_PER_SECOND
        assert limits["ThrottlingBurstLimit"] >= 5 * TENANT_BURST

    def test_calls_are_limited_unless_the_operator_says_otherwise(self) -> None:
        parameter = TEMPLATE["Parameters"]["RateLimits"]
        assert (parameter["Default"], parameter["AllowedValues"]) == ("on", ["on", "off"])
        variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
        assert variables["RATE_LIMITS"] == {"Ref": "RateLimits"}

    def test_only_functions_woken_by_a_clock_query_the_index(self) -> None:
        clocked = {role_of(function) for function, _k, _p in events("Schedule", "ScheduleV2")}
        querying = {
            role
            for role in ROLES
            for statement in statements(role)
            if "/index/" in str(statement["Resource"])
        }
        assert querying <= clocked

    def test_a_function_with_an_event_source_may_read_that_source(self) -> None:
        for function, _kind, properties in events("SQS"):
            queue = queue_named_by(properties["Queue"])
            for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"):
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
    def test_a_function_writes_a_log_of_its_own_that_is_not_kept_for_ever(self, function: str) -> None:
        log = FUNCTIONS[function]["LoggingConfig"]["LogGroup"]["Ref"]
        assert of_type("AWS::Logs::LogGroup")[log]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
        assert may(role_of(function), "logs:PutLogEvents", log)
        others = [one for one in FUNCTIONS if FUNCTIONS[one]["LoggingConfig"]["LogGroup"]["Ref"] == log]
        assert others == [function]


class TestTheDoorsAreShut:
    """check 98"""

    def test_every_route_but_health_and_documents_has_the_authorizer(self) -> None:
        auth = RESOURCES["Api"]["Properties"]["Auth"]
        assert auth["DefaultAuthorizer"] in auth["Authorizers"]
        open_routes = set()
        for _function, _kind, properties in events("Api"):
            own = properties.get("Auth", {})
            assert own in ({}, {"Authorizer": "NONE"})
            if own:
                open_routes.add((properties["Method"], properties["Path"]))
        assert open_routes == WITHOUT_SIGN_IN

    def test_routes_are_spelled_out_and_each_leads_to_one_function(self) -> None:
        routes = [(properties["Method"], properties["Path"]) for _f, _k, properties in events("Api")]
        assert len(routes) == len(set(routes))
        for method, path in routes:
            assert method in ("GET", "POST", "PUT", "PATCH", "DELETE")
            assert re.fullmatch(r"(/([a-z-]+|\{[a-z_]+\}|[a-z-]+\.(json|js|css)))+", path)

    def test_an_answer_is_kept_for_a_minute_at_most(self) -> None:
        (authorizer,) = RESOURCES["Api"]["Properties"]["Auth"]["Authorizers"].values()
        assert authorizer["FunctionPayloadType"] == "TOKEN"
        assert authorizer["Identity"]["Header"] == "Authorization"
        assert authorizer["Identity"]["ReauthorizeEvery"] <= 60

    @pytest.mark.parametrize(
        ("token", "taken"),
        [
            ("Bearer abc.def.ghi", True),
            ("bearer ck_1_2", True),
            ("Bearer  abc", True),
            ("Basic abc", False),
            ("Bearer", False),
            ("Bearer a b", False),
            ("", False),
        ],
    )
    def test_what_is_no_bearer_token_is_refused_before_the_authorizer(self, token: str, taken: bool) -> None:
        (authorizer,) = RESOURCES["Api"]["Properties"]["Auth"]["Authorizers"].values()
        assert bool(re.fullmatch(authorizer["Identity"]["ValidationExpression"], token)) is taken

    @pytest.mark.parametrize("kind", sorted(RESOURCES["Api"]["Properties"]["GatewayResponses"]))
    def test_the_gateways_own_errors_have_the_shape_of_ours(self, kind: str) -> None:
        answer = RESOURCES["Api"]["Properties"]["GatewayResponses"][kind]
        assert answer["ResponseParameters"]["Headers"]["Content-Type"] == "'application/problem+json'"
        body = json.loads(answer["ResponseTemplates"]["application/json"])
        assert body.keys() == {"type", "title", "status", "detail", "code", "request_id"}
        assert body["status"] == answer["StatusCode"]
        assert body["request_id"] == "$context.requestId"

    def test_the_gateways_own_errors_are_all_given(self) -> None:
        given = set(RESOURCES["Api"]["Properties"]["GatewayResponses"])
        needed = {
            "UNAUTHORIZED",
            "ACCESS_DENIED",
            "MISSING_AUTHENTICATION_TOKEN",
            "REQUEST_TOO_LARGE",
            "THROTTLED",
        }
        assert needed | {"DEFAULT_4XX", "DEFAULT_5XX"} <= given

    @pytest.mark.parametrize("queue", sorted(DEAD_LETTERS))
    def test_a_dead_letter_raises_an_alarm(self, queue: str) -> None:
        alarms = [
            one
            for one in of_type("AWS::CloudWatch::Alarm").values()
            if one["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}]
        ]
        (alarm,) = alarms
        assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
        assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")

    @pytest.mark.parametrize("function", sorted({function for function, _k, _p in events("DynamoDB")}))
    def test_a_stream_reader_that_falls_behind_raises_an_alarm(self, function: str) -> None:
        (alarm,) = [
            one
            for one in of_type("AWS::CloudWatch::Alarm").values()
            if one["MetricName"] == "IteratorAge"
            and one["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function}}]
        ]
        assert alarm["Threshold"] <= 300_000


class TestWhatRuns:
    def test_functions_run_on_one_runtime_and_http_functions_start_from_a_snapshot(self) -> None:
        shared = TEMPLATE["Globals"]["Function"]
        assert (shared["Runtime"], shared["Architectures"]) == ("python3.13", ["arm64"])
        http = {function for function, _k, _p in events("Api")} | {"AuthorizerFunction"}
        for function, properties in FUNCTIONS.items():
            assert "Runtime" not in properties
            assert properties["Timeout"] <= 300
            if function in http:
                assert properties["SnapStart"] == {"ApplyOn": "PublishedVersions"}
                assert properties["AutoPublishAlias"] == "live"
                # API Gateway hangs up after 29 s.
                assert properties["Timeout"] < 29
