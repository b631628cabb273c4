"""What can go wrong, in the business's words. HTTP statuses are given to these in `shared.http.problems`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One refused field: `field` in dotted form, a stable `code`, and a `message` for a person."""

    field: str
    code: str
    message: str
    contact_id: str | None = None
    customer_id: str | None = None
    user_id: str | None = None
    invitation_id: str | None = None


class DomainError(Exception):
    """Base of all refusals. `detail` is one sentence a person can act on; `code` is a stable word."""

    code = "error"
    retry_after: int | None = None
    """After how many seconds the same call may succeed, where that can be said."""

    def __init__(self, detail: str, *, code: str | None = None, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        if code is not None:
            self.code = code


class Invalid(DomainError):
    """The input's form or a field's value is refused."""

    code = "invalid"

    @classmethod
    def field(cls, field: str, code: str, message: str) -> Invalid:
        """A refusal of one field."""
        return cls(f"{field}: {message}", errors=(FieldError(field, code, message),))


class IdempotencyKeyReused(Invalid):
    """The Idempotency-Key was used for another call within the last 24 hours."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for a different request. Use a new key for this one.")


class RuleBroken(DomainError):
    """Well-formed, but against a rule of the business, or a request that cannot be understood."""

    code = "rule_broken"


class SignInRefused(RuleBroken):
    """What was given does not sign anybody in (RFC 6749, section 5.2)."""

    code = "invalid_grant"

    def __init__(self, detail: str = "The user name, password or refresh token is not right.") -> None:
        super().__init__(detail)


class UnsupportedGrantType(RuleBroken):
    """A way to get a token that there is not (RFC 6749, section 5.2)."""

    code = "unsupported_grant_type"


class Unauthenticated(DomainError):
    """Nobody signed in."""

    code = "unauthenticated"


class PermissionDenied(DomainError):
    """The caller may see the thing but not do this to it."""

    code = "permission_denied"

    @classmethod
    def lacking(cls, permission: str) -> PermissionDenied:
        """The refusal for a caller who lacks `permission`, such as `contacts:write`."""
        return cls(f"Insufficient permissions: {permission} required")


class NotFound(DomainError):
    """No such record for this caller: missing, deleted, another tenant's and hidden ones look the same."""

    code = "not_found"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} not found.")


class Conflict(DomainError):
    """The present state stands against it."""

    code = "conflict"


class Duplicate(Conflict):
    """A unique value is in use by another live contact."""

    code = "duplicate"

    def __init__(self, field: str, contact_id: str, what: str | None = None) -> None:
        """`contact_id`: who has the value; empty where that is not known, or not for the caller to know."""
        message = f"Another contact has this {what or field}."
        super().__init__(message, errors=(FieldError(field, "duplicate", message, contact_id or None),))
        self.field = field
        self.what = what
        self.contact_id = contact_id

    def without_holder(self) -> Duplicate:
        """The same refusal, which does not say who has the value."""
        return Duplicate(self.field, "", self.what)


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
        """`customer_id`: who has it; empty where that is not known, or not for the caller to know."""
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
    """A tenant always has an active admin."""

    code = "last_admin"

    def __init__(self) -> None:
        super().__init__("This is the last active admin. Make another user an admin first.")


class AlreadyAccepted(Conflict):
    """The invitation has done its work."""

    code = "already_accepted"

    def __init__(self) -> None:
        super().__init__("This invitation was accepted: the user is there.")


class AlreadyAUser(Conflict):
    """The user who accepts an invitation belongs to a tenant, or another claim on them stands."""

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
    """Somebody registers the user, or accepts their invitation, at this very moment, or broke off doing so."""

    code = "user_claimed"

    def __init__(self) -> None:
        super().__init__("Somebody is about to become this user. Try again in 15 minutes.")


class AlreadyRegistered(Conflict):
    """The user belongs to a tenant, or somebody is registering as them."""

    code = "already_registered"

    def __init__(self) -> None:
        super().__init__("This user is registered already. Sign in instead.")


class ConcurrentChange(Conflict):
    """Others kept changing the same record; nothing was written."""

    code = "concurrent_change"

    def __init__(self) -> None:
        super().__init__("The record was being changed by others at the same time. Please try again.")


class QuotaReached(Conflict):
    """A tenant has as much work open in the background as it may have; see `shared.domain.jobs.quotas`."""

    code = "quota_reached"


class IdempotencyInFlight(Conflict):
    """The first call under this Idempotency-Key is still at work; ask again after `retry_after` seconds."""

    code = "idempotency_in_flight"

    def __init__(self, retry_after: int) -> None:
        super().__init__("A call with this Idempotency-Key is still at work. Send it again in a moment.")
        self.retry_after = retry_after


class VersionMismatch(DomainError):
    """`If-Match` named another version than the record has."""

    code = "version_mismatch"

    def __init__(self) -> None:
        super().__init__("The record has changed since you read it. Read it again and repeat your change.")


class TooLarge(DomainError):
    """More than the system takes in one piece."""

    code = "too_large"


class UnsupportedMediaType(DomainError):
    """The body is not of a kind this route reads."""

    code = "unsupported_media_type"


class RateLimited(DomainError):
    """More calls than the caller may make; again after `retry_after` seconds. `policy`: whose limit it is."""

    code = "rate_limited"

    def __init__(self, retry_after: int, policy: str = "caller") -> None:
        super().__init__(f"Too many requests. Try again in {retry_after} s.")
        self.retry_after = retry_after
        self.policy = policy


class Unavailable(DomainError):
    """A part the system needs is away for the moment; the same call may succeed later."""

    code = "unavailable"

    def __init__(self, detail: str = "The service is busy or partly away. Please try again.") -> None:
        super().__init__(detail)
