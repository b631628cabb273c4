"""The refusals of the domain. `shared.http.problems` maps them to HTTP statuses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """A refused field: its dotted path, a stable `code`, and a `message` for a person.

    The ids name the record that is in conflict with it, where the caller may see that record.
    """

    field: str
    code: str
    message: str
    contact_id: str | None = None
    customer_id: str | None = None
    user_id: str | None = None
    invitation_id: str | None = None


class DomainError(Exception):
    """The base of all refusals. `detail` is a sentence a person can act on; `code` is a stable word."""

    code = "error"
    retry_after: int | None = None
    """Seconds after which the same call may succeed, where that is known."""

    def __init__(self, detail: str, *, code: str | None = None, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        if code is not None:
            self.code = code


NOT_A_RECORD = (LookupError, TypeError, ValueError, AttributeError)
"""The errors of reading an item that is not the record its key promises: a field is missing or has another form."""


class Invalid(DomainError):
    """The form of the input, or the value of a field, is refused."""

    code = "invalid"

    @classmethod
    def field(cls, field: str, code: str, message: str) -> Invalid:
        """Return the refusal of one field."""
        return cls(f"{field}: {message}", errors=(FieldError(field, code, message),))


class IdempotencyKeyReused(Invalid):
    """The Idempotency-Key was used for a different call within the last 24 hours."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for a different request. Use a new key for this one.")


class RuleBroken(DomainError):
    """The request is well-formed but violates a rule of the business, or it cannot be understood."""

    code = "rule_broken"


class SignInRefused(RuleBroken):
    """The credentials are not valid (RFC 6749, section 5.2)."""

    code = "invalid_grant"

    def __init__(self, detail: str = "The user name, password or refresh token is not right.") -> None:
        super().__init__(detail)


class UnsupportedGrantType(RuleBroken):
    """The grant type does not exist (RFC 6749, section 5.2)."""

    code = "unsupported_grant_type"


class Unauthenticated(DomainError):
    """The call has no valid credentials."""

    code = "unauthenticated"


class PermissionDenied(DomainError):
    """The caller may see the record but not do this with it."""

    code = "permission_denied"

    @classmethod
    def lacking(cls, permission: str) -> PermissionDenied:
        """Return the refusal of a caller without `permission`, such as `contacts:write`."""
        return cls(f"Insufficient permissions: {permission} required")


class NotFound(DomainError):
    """The record does not exist for this caller.

    Missing, deleted and hidden records, and those of other tenants, look the same.
    """

    code = "not_found"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} not found.")


class PositionExpired(DomainError):
    """The entries after a position of the feed can no longer be read."""

    code = "position_expired"

    def __init__(self) -> None:
        super().__init__(
            "Positions of the feed can be read for 30 days, and the entries after this one are older. Begin again: "
            "GET /v1/events/start gives a position and says how to take a snapshot before you read from it."
        )


class Conflict(DomainError):
    """The present state of the data does not allow it."""

    code = "conflict"


class Duplicate(Conflict):
    """Another live contact has the value, which is unique."""

    code = "duplicate"

    def __init__(self, field: str, contact_id: str, what: str | None = None) -> None:
        """`contact_id`: the contact with the value; empty if it is unknown, or if the caller may not see it."""
        message = f"Another contact has this {what or field}."
        super().__init__(message, errors=(FieldError(field, "duplicate", message, contact_id or None),))
        self.field = field
        self.what = what
        self.contact_id = contact_id

    def without_holder(self) -> Duplicate:
        """Return the same refusal without the contact that has the value."""
        return Duplicate(self.field, "", self.what)


class Merged(Conflict):
    """The contact was merged into another one, which can be changed in its place."""

    code = "merged"

    def __init__(self, contact_id: str, survivor_id: str, field: str | None = None) -> None:
        """`survivor_id`: the contact into which it was merged, at the end of a chain of merges; the caller may see it.
        `field`: the path in the body that names the merged contact, if the body does.
        """
        message = f"This contact was merged into {survivor_id}. Use that contact instead."
        super().__init__(message, errors=(FieldError(field, "merged", message),) if field else ())
        self.contact_id = contact_id
        self.survivor_id = survivor_id


class NameTaken(Conflict):
    """Another label of the kind has the name."""

    code = "name_taken"

    def __init__(self, kind: str, label_id: str) -> None:
        message = f"Another {kind} has this name: {label_id}."
        super().__init__(message, errors=(FieldError("name", "name_taken", message),))
        self.label_id = label_id


class UsernameTaken(Conflict):
    """Another live customer has the username."""

    code = "duplicate"

    def __init__(self, customer_id: str) -> None:
        """`customer_id`: the customer with the username; empty if it is unknown, or if the caller may not see it."""
        message = "Another customer has this username."
        super().__init__(
            message, errors=(FieldError("username", "duplicate", message, customer_id=customer_id or None),)
        )
        self.customer_id = customer_id


class AddressInUse(Conflict):
    """Another user of the tenant has the e-mail address, or an invitation to it is open."""

    code = "duplicate"

    def __init__(self, *, user_id: str | None = None, invitation_id: str | None = None) -> None:
        message = (
            "A user has this e-mail address." if user_id else "There is an invitation to this e-mail address."
        )
        super().__init__(
            message,
            errors=(FieldError("email", "duplicate", message, user_id=user_id, invitation_id=invitation_id),),
        )
        self.invitation_id = invitation_id


class SchedulingIdTaken(Conflict):
    """Another user of the tenant has the id of the scheduling product."""

    code = "duplicate"

    def __init__(self, user_id: str | None) -> None:
        message = "Another user has this scheduling_id."
        super().__init__(
            message, errors=(FieldError("scheduling_id", "duplicate", message, user_id=user_id),)
        )


class LastAdmin(Conflict):
    """The change would leave the tenant without an active admin."""

    code = "last_admin"

    def __init__(self) -> None:
        super().__init__("This is the last active admin. Make another user an admin first.")


class AlreadyAccepted(Conflict):
    """The invitation was accepted before."""

    code = "already_accepted"

    def __init__(self) -> None:
        super().__init__("This invitation was accepted: the user is there.")


class AlreadyAUser(Conflict):
    """The user who accepts an invitation belongs to a tenant, or a membership claim on them is open."""

    code = "already_a_user"

    def __init__(self) -> None:
        super().__init__(
            "You are a user of a tenant already, or were becoming or ceasing to be one within the last 15 minutes. "
            "Nobody can be a user of two: leave that one first, or ask to be invited by another address."
        )


class SignInNameTaken(Conflict):
    """Another user of the deployment has the username."""

    code = "duplicate"

    def __init__(self) -> None:
        message = "This username is taken. Choose another one."
        super().__init__(message, errors=(FieldError("username", "duplicate", message),))


class UserClaimed(Conflict):
    """Another call is registering the user or accepting their invitation, or failed while doing so."""

    code = "user_claimed"

    def __init__(self) -> None:
        super().__init__("Somebody is about to become this user. Try again in 15 minutes.")


class AlreadyRegistered(Conflict):
    """The user belongs to a tenant, or another call is registering them."""

    code = "already_registered"

    def __init__(self) -> None:
        super().__init__("This user is registered already. Sign in instead.")


class ConcurrentChange(Conflict):
    """Other calls kept changing the same record. Nothing was written."""

    code = "concurrent_change"

    def __init__(self) -> None:
        super().__init__("The record was being changed by others at the same time. Please try again.")


class QuotaReached(Conflict):
    """The tenant has as much background work open as it may have; see `shared.domain.jobs.quotas`."""

    code = "quota_reached"


class RecoveryUnderWay(QuotaReached):
    """Another recovery of the webhook is under way."""

    code = "recovery_under_way"

    def __init__(self, recovery_id: str) -> None:
        super().__init__("A recovery of this webhook is under way. Wait until it has ended, or cancel it.")
        self.recovery_id = recovery_id


class IdempotencyInFlight(Conflict):
    """The first call with this Idempotency-Key is still running. Retry after `retry_after` seconds."""

    code = "idempotency_in_flight"

    def __init__(self, retry_after: int) -> None:
        super().__init__("A call with this Idempotency-Key is still at work. Send it again in a moment.")
        self.retry_after = retry_after


class VersionMismatch(DomainError):
    """`If-Match` names a version that is not the present one."""

    code = "version_mismatch"

    def __init__(self) -> None:
        super().__init__("The record has changed since you read it. Read it again and repeat your change.")


class TooLarge(DomainError):
    """The input is larger than the system accepts at once."""

    code = "too_large"


class UnsupportedMediaType(DomainError):
    """The route does not read bodies of this media type."""

    code = "unsupported_media_type"


class RateLimited(DomainError):
    """The caller made too many calls. Retry after `retry_after` seconds. `policy`: the limit that was reached."""

    code = "rate_limited"

    def __init__(self, retry_after: int, policy: str = "caller") -> None:
        super().__init__(f"Too many requests. Try again in {retry_after} s.")
        self.retry_after = retry_after
        self.policy = policy


class Unavailable(DomainError):
    """A part of the system is temporarily unavailable. The same call may succeed later."""

    code = "unavailable"

    def __init__(self, detail: str = "The service is busy or partly away. Please try again.") -> None:
        super().__init__(detail)
