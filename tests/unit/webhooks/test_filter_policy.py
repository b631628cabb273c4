"""Which events reach the fan-out: the template's filter policy, as SNS, moto and the emulator read it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ministack.services import sns as emulated
from moto.sns.utils import FilterPolicyMatcher

from tests.support.event_filter import passes
from tests.support.template import Template

Attributes = dict[str, str]


def by_documentation(policy: dict[str, Any], attributes: Attributes) -> bool:
    """Any value of a name lets a message pass (SNS developer guide, "AND/OR logic"; "Key matching")."""
    return passes(attributes, [policy])


def by_moto(policy: dict[str, Any], attributes: Attributes) -> bool:
    given = {name: {"Type": "String", "Value": value} for name, value in attributes.items()}
    return bool(FilterPolicyMatcher(policy, "MessageAttributes").matches(given, ""))


def by_emulator(policy: dict[str, Any], attributes: Attributes) -> bool:
    given = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    subscription = {"attributes": {"FilterPolicy": json.dumps(policy)}}
    return bool(emulated._matches_filter_policy(subscription, given))


READERS = [by_documentation, by_moto, by_emulator]


@pytest.mark.parametrize("reads", READERS)
@pytest.mark.parametrize(
    ("said", "goes_on"),
    [({"has_webhooks": "true"}, True), ({"has_webhooks": "false"}, False), ({}, True)],
    ids=["true", "false", "said nothing"],
)
def test_only_events_of_tenants_without_webhooks_are_withheld(
    template: Template,
    reads: Callable[[dict[str, Any], Attributes], bool],
    said: Attributes,
    goes_on: bool,
) -> None:
    """A publisher of before a deployment says nothing, and its events go on."""
    subscription = template.resources("AWS::SNS::Subscription")["WebhookEventsSubscription"]
    attributes = {"tenant_id": "t1", "event_type": "contact.created", **said}
    assert reads(subscription["FilterPolicy"], attributes) is goes_on
