"""Identity: access tokens of the issuer, the pool of users who can sign in, and e-mails with invitations."""
