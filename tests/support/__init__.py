"""The test harness: what the emulators leave out, for all levels of tests.

``tenant_guard``  fails any DynamoDB call outside the caller's tenant
``faults``        throttles, loses responses, kills at a chosen AWS call
``meter``         counts calls and capacity units by DynamoDB's rules (``item_size``)
``streams``       feeds a handler from the table's stream as Lambda does (``event_filter``)
``queues``        feeds a handler from an SQS queue as Lambda does
``template``      reads infra/template.yaml
``aws``           creates the template's resources in moto
``saved_moto``    keeps what ``aws`` has created as bytes, and restores it for each test
``replay``        keeps the rows of a preparation likewise
``moto_truth``    makes moto keep DynamoDB's guarantees where it does not
``moto_speed``    makes moto faster, and ``botocore_speed`` botocore
``gateway``       API Gateway in this process, routed by the template (``gateway_events``,
                  ``gateway_authorizers``, ``gateway_turns``, ``gateway_responses``)
``tokens``        an identity provider: key pair, JWKS, access tokens
``receiver``      an HTTP endpoint that records webhook requests
``fixtures``      all of these as pytest fixtures
``transport``     the hook into botocore that guard, faults and meter share (``table_schema``, ``clients``)
"""
