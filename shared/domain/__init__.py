"""Records, rules and events of the business. Knows no AWS, no HTTP and no storage."""
