"""Who somebody is: access tokens of the issuer, and the pool of users that can sign in."""
