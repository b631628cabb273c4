"""House rules for resources that hold data (check 97)."""

from __future__ import annotations

import pytest

from shared.files.object_keys import inbox_file, upload_key
from tests.contract.template.reading import (
    QUEUES,
    RESOURCES,
    TEMPLATE,
    events,
    of_type,
)

FIXED = {
    "Name",
    "TableName",
    "BucketName",
    "TopicName",
    "QueueName",
    "FunctionName",
    "RoleName",
    "LogGroupName",
    "UserPoolName",
    "AlarmName",
}
"""Properties that give a resource a fixed name instead of a name that CloudFormation generates."""


def test_the_table_is_encrypted_backed_up_and_not_deleted_by_mistake() -> None:
    (table,) = of_type("AWS::DynamoDB::Table").values()
    assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] is True
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_the_key_of_secrets_is_rotated_and_can_only_be_used_through_roles() -> None:
    (key,) = of_type("AWS::KMS::Key").values()
    assert key["EnableKeyRotation"] is True
    assert key["PendingWindowInDays"] == 30
    (statement,) = key["KeyPolicy"]["Statement"]  # without it, IAM policies have no effect on the key
    assert statement["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}


def test_what_holds_data_outlives_the_stack() -> None:
    """The name of a bucket that a failed first deployment left behind would be taken at the next attempt. A table, a
    pool or a key gets a new name each time, and a rollback could not delete it, since it is protected from deletion.
    """
    holding = {
        "AWS::DynamoDB::Table": "Retain",
        "AWS::S3::Bucket": "RetainExceptOnCreate",
        "AWS::Cognito::UserPool": "Retain",
        "AWS::KMS::Key": "Retain",
    }
    for resource in RESOURCES.values():
        if kept := holding.get(resource["Type"]):
            assert resource["DeletionPolicy"] == kept
            assert resource["UpdateReplacePolicy"] == "Retain"


def test_a_resource_of_a_fixed_name_that_is_kept_does_not_stand_in_the_way_of_a_second_attempt() -> None:
    for resource in RESOURCES.values():
        if FIXED & resource.get("Properties", {}).keys() and "DeletionPolicy" in resource:
            assert resource["DeletionPolicy"] == "RetainExceptOnCreate"


def test_a_second_stack_in_a_region_can_have_names_of_its_own() -> None:
    for name, resource in RESOURCES.items():
        for key in FIXED & resource.get("Properties", {}).keys():
            given = resource["Properties"][key]
            assert isinstance(given, dict), (name, key)
            assert given.get("Ref") in TEMPLATE["Parameters"] or "${AWS::StackName}" in given.get(
                "Fn::Sub", ""
            )


@pytest.mark.parametrize("name", sorted(of_type("AWS::S3::Bucket")))
def test_a_bucket_is_private_encrypted_and_tidied(name: str) -> None:
    bucket = of_type("AWS::S3::Bucket")[name]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert any("AbortIncompleteMultipartUpload" in one for one in rules)


def test_personal_data_is_deleted_from_the_drop_bucket_in_time() -> None:
    (bucket,) = of_type("AWS::S3::Bucket").values()
    kept = {
        rule["Prefix"]: rule["ExpirationInDays"]
        for rule in bucket["LifecycleConfiguration"]["Rules"]
        if "Prefix" in rule
    }
    assert kept == {"tenants/": 365, "uploads/": 30, "writes/": 400, "parts/": 365, "exports/": 8}
    taken_up = {
        rule["Value"]
        for _function, _name, properties in events("S3")
        for rule in properties["Filter"]["S3Key"]["Rules"]
    }
    assert taken_up == {"tenants/", "uploads/"}
    assert upload_key("T1", "i").startswith("uploads/T1/") and inbox_file("tenants/T1/inbox/x")


@pytest.mark.parametrize("name", sorted(of_type("AWS::S3::Bucket")))
def test_a_bucket_is_reached_over_tls_only(name: str) -> None:
    (policy,) = [one for one in of_type("AWS::S3::BucketPolicy").values() if one["Bucket"] == {"Ref": name}]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert (statement["Principal"], statement["Action"]) == ("*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]


@pytest.mark.parametrize("name", sorted(QUEUES))
def test_a_queue_is_encrypted(name: str) -> None:
    assert QUEUES[name]["SqsManagedSseEnabled"] is True


def test_topics_are_encrypted() -> None:
    assert all(topic["KmsMasterKeyId"] for topic in of_type("AWS::SNS::Topic").values())


def test_the_pool_takes_no_sign_up_and_is_not_deleted_by_mistake() -> None:
    (pool,) = of_type("AWS::Cognito::UserPool").values()
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert pool["DeletionProtection"] == "ACTIVE"
    assert pool["UserPoolTier"] == "LITE"
    assert pool["MfaConfiguration"] == "OFF"  # the token endpoint asks for no second factor
    assert pool["AccountRecoverySetting"] == {"RecoveryMechanisms": [{"Name": "admin_only", "Priority": 1}]}
    (client,) = of_type("AWS::Cognito::UserPoolClient").values()
    # Only the token endpoint takes passwords, and users cannot change their sign-in data in the pool.
    assert client["ExplicitAuthFlows"] == ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    assert client["WriteAttributes"] == ["locale"]
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] >= 12
    (client,) = of_type("AWS::Cognito::UserPoolClient").values()
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert client["TokenValidityUnits"]["AccessToken"] == "minutes"
    assert client["AccessTokenValidity"] <= 60
