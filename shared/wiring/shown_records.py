"""The readers of records, for webhooks that receive them with their events. Each loads its services when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel

    from shared.domain.callers import Caller
    from shared.services.webhooks.shown_records import Reader, ShownRecords


def shown_records(read_webhook: Reader) -> ShownRecords:
    """The records of all tenants, as callers see them. `read_webhook`: the reader of webhooks."""
    from shared.services.webhooks.shown_records import ShownRecords

    return ShownRecords(
        {
            "contact": _read_contact,
            "tag": _read_tag,
            "type": _read_type,
            "group": _read_group,
            "customer": _read_customer,
            "user": _read_user,
            "invitation": _read_invitation,
            "api_client": _read_api_client,
            "bulk_job": _read_bulk_job,
            "webhook": read_webhook,
        }
    )


def _read_contact(caller: Caller, contact_id: str) -> BaseModel:
    from shared.wiring.contacts import contact_reading, show_contacts

    return show_contacts(caller, [contact_reading(caller).read_present(contact_id)])[0]


def _read_tag(caller: Caller, tag_id: str) -> BaseModel:
    from shared.domain.labels.record import Tag
    from shared.wiring.labels import label_service

    return label_service(caller, Tag).read(tag_id)


def _read_type(caller: Caller, type_id: str) -> BaseModel:
    from shared.domain.labels.record import ContactType
    from shared.wiring.labels import label_service

    return label_service(caller, ContactType).read(type_id)


def _read_group(caller: Caller, group_id: str) -> BaseModel:
    from shared.wiring.groups import group_service

    return group_service(caller).read(group_id)


def _read_customer(caller: Caller, customer_id: str) -> BaseModel:
    from shared.wiring.customers import customer_service, show_customers

    customer = customer_service(caller).read(customer_id, include_contacts=False)
    return show_customers(caller, [customer])[0]


def _read_user(caller: Caller, user_id: str) -> BaseModel:
    from shared.wiring.accounts import user_service

    return user_service(caller).read(user_id)


def _read_invitation(caller: Caller, invitation_id: str) -> BaseModel:
    from shared.wiring.accounts import invitation_service

    return invitation_service(caller).read(invitation_id)


def _read_api_client(caller: Caller, client_id: str) -> BaseModel:
    from shared.wiring.accounts import api_client_service

    return api_client_service(caller).read(client_id)


def _read_bulk_job(caller: Caller, job_id: str) -> BaseModel:
    from shared.wiring.jobs import bulk_job_service

    return bulk_job_service(caller).read(job_id)
