"""Accounts: tenants, users, invitations, API clients and signing in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shared import environment
from shared.wiring.base import aws_client, bulk_queue, cursors, store
from shared.wiring.idempotency import announcer, fenced_store_for, store_for, work_of
from shared.wiring.kept import kept
from shared.wiring.labels import labelling
from shared.wiring.limits import limited_mail, sign_in_gate
from shared.wiring.tenants import find_tenant, is_active_user, tenant_memory, user_table

if TYPE_CHECKING:
    from shared.domain.callers import Caller
    from shared.identity.mail import Mail
    from shared.identity.other_issuer import OtherIssuer
    from shared.identity.user_pool import UserPool
    from shared.services.accounts.acceptance import AcceptanceService
    from shared.services.accounts.api_clients import ApiClientService
    from shared.services.accounts.client_uses import ClientUses
    from shared.services.accounts.handover import Handover
    from shared.services.accounts.invitations import InvitationService
    from shared.services.accounts.onboarding import Onboarding
    from shared.services.accounts.registration import Registration
    from shared.services.accounts.settings import SettingsService
    from shared.services.accounts.sign_in import SignIn
    from shared.services.accounts.users import UserService
    from shared.services.idempotency import IdempotencyKeyClaim
    from shared.table.accounts.directory import DirectoryTable
    from shared.table.store import Store


@kept
def directory() -> DirectoryTable:
    """The look-ups of the authorizer: users by subject, API clients by key."""
    from shared.table.accounts.directory import DirectoryTable

    return DirectoryTable(store())


@kept
def user_pool() -> UserPool | None:
    """The pool of users who sign in with a password; None where users sign in with another issuer."""
    from shared.identity.user_pool import UserPool

    ids = environment.user_pool()
    return UserPool(partial(aws_client, "cognito-idp"), *ids) if ids else None


@kept
def other_issuer() -> OtherIssuer:
    """The issuer with which users sign in where there is no pool."""
    from shared.identity.other_issuer import OtherIssuer

    return OtherIssuer(environment.token_jwks_url(), environment.token_issuer(), environment.token_audience())


def settings_service(caller: Caller) -> SettingsService:
    """The tenant's settings, for one caller."""
    from shared.services.accounts.settings import SettingsService
    from shared.table.accounts.settings import SettingsTable
    from shared.table.contacts.index import ContactIndex

    tenant_id = caller.tenant_id
    return SettingsService(
        caller,
        SettingsTable(store(), tenant_id),
        ContactIndex(store(), tenant_id),
        partial(labelling, caller),
        is_active_user=partial(is_active_user, tenant_id),
        forget=partial(tenant_memory().forget, tenant_id),
        apply_duplicate_key=partial(_ask_for_pass, tenant_id),
    )


def _ask_for_pass(tenant_id: str) -> None:
    from shared.projections.shared_keys import request_pass

    request_pass(store(), tenant_id, has_new_key=True)


def user_service(caller: Caller) -> UserService:
    """The users, for one caller."""
    from shared.services.accounts.users import UserService

    return UserService(
        caller,
        user_table(caller.tenant_id),
        cursors(),
        accounts=user_pool(),
        handover=partial(_handover, caller),
    )


def _handover(caller: Caller) -> Handover:
    from shared.services.accounts.handover import Handover
    from shared.table.accounts.settings import SettingsTable
    from shared.table.contacts.index import ContactIndex

    tenant_id = caller.tenant_id
    return Handover(
        caller,
        ContactIndex(store(), tenant_id),
        SettingsTable(store(), tenant_id),
        bulk_queue,
        is_active_user=partial(is_active_user, tenant_id),
        forget=partial(tenant_memory().forget, tenant_id),
    )


@kept
def invitation_mail() -> Mail | None:
    """The mailer of invitations; None where no e-mail is sent."""
    from shared.identity.mail import Mail

    given = environment.invitation_mail()
    return Mail(partial(aws_client, "sesv2"), *given) if given else None


def invitation_service(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> InvitationService:
    """The invitations, for one caller."""
    from shared.services.accounts.invitations import InvitationService
    from shared.table.accounts.invitations import InvitationTable

    mail = invitation_mail()
    return InvitationService(
        caller,
        InvitationTable(fenced_store_for(claim), caller.tenant_id),
        cursors(),
        limited_mail(mail, caller.tenant_id) if mail else None,
        work=work_of(claim),
    )


def acceptance_service() -> AcceptanceService:
    """The service that makes invited people users."""
    from shared.services.accounts.acceptance import AcceptanceService
    from shared.table.accounts.claims import ClaimTable
    from shared.table.accounts.invitations import InvitationTable

    return AcceptanceService(
        find_tenant,
        partial(InvitationTable, store()),
        ClaimTable(store()),
        user_pool(),
        other_issuer,
    )


def api_client_service(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> ApiClientService:
    """The API clients, for one caller."""
    from shared.services.accounts.api_clients import ApiClientService
    from shared.table.accounts.api_clients import ApiClientTable

    return ApiClientService(
        caller,
        ApiClientTable(store_for(claim), caller.tenant_id),
        cursors(),
        announce=announcer(claim),
    )


@kept
def client_uses() -> ClientUses:
    """The record of when API clients were last used. It is written in one quick attempt, because a caller waits."""
    from shared.services.accounts.client_uses import ClientUses
    from shared.table.accounts.directory import DirectoryTable
    from shared.table.store import Store

    return ClientUses(DirectoryTable(Store(aws_client("dynamodb", quick=True), environment.table_name())))


def sign_in_service() -> SignIn:
    """The service that issues tokens to users who sign in."""
    from shared.services.accounts.sign_in import SignIn

    return SignIn(
        user_pool(), environment.token_issuer(), directory(), directory(), find_tenant, sign_in_gate()
    )


def registration_service() -> Registration:
    """The service that registers new tenants."""
    from shared.services.accounts.registration import Registration
    from shared.table.accounts.claims import ClaimTable
    from shared.table.accounts.registration import RegistrationTable

    table = RegistrationTable(store())
    return Registration(user_pool(), other_issuer, ClaimTable(store()), table, sign_in_gate())


def onboarding_service(through: tuple[Store, UserPool | None] | None = None) -> Onboarding:
    """The operator's service for tenants, users and API keys.

    `through`: the table and the pool with the operator's credentials, where those are not the environment's.
    """
    from shared.services.accounts.onboarding import Onboarding
    from shared.table.accounts.api_clients import ApiClientTable
    from shared.table.accounts.claims import ClaimTable
    from shared.table.accounts.directory import DirectoryTable, TenantTable
    from shared.table.accounts.operator_users import OperatorUserTable
    from shared.table.accounts.settings import SettingsTable

    table, accounts = through or (store(), user_pool())
    return Onboarding(
        TenantTable(table),
        partial(SettingsTable, table),
        DirectoryTable(table),
        partial(OperatorUserTable, table),
        partial(ApiClientTable, table),
        ClaimTable(table),
        accounts,
    )
