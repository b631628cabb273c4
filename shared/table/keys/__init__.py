"""Every key of the table, and every bound of a sort key. No other package spells one.

One module per subject; `spelling` holds the rules that all of them follow. Import the modules you use, so that a
function loads no others: `from shared.table.keys import contacts as contact_keys`.

A tenant's items have partition keys that start with `T#<tenant>#`. The other name spaces are `U#` and `K#` (the
authorizer's look-ups by user and by API key), `N#` (usernames, which are unique across tenants), `G#` (rate limits for
sign-in attempts and for e-mails to strangers, before the caller is known), `S#` (the bookkeeping of scheduled tasks)
and, in the index `work`, `OUTBOX#` and `DUE#`.
"""
