"""The test harness: what the emulators leave out and every test layer needs.

``tenant_guard``  fails any DynamoDB call outside the caller's tenant
``faults``        throttles, loses answers, kills at a chosen AWS call
``meter``         counts calls and capacity units by DynamoDB's own rules (``item_size``)
``streams``       feeds a handler from the table's stream the way Lambda does (``event_filter``)
``queues``        the same for SQS
``template``      reads infra/template.yaml
``aws``           the template's resources in moto
``moto_truth``    makes moto keep DynamoDB's promises where it does not
``gateway``       API Gateway in this process, routed by the template (``gateway_responses``)
``tokens``        an identity provider: key pair, JWKS, access tokens
``receiver``      an HTTP endpoint that records webhook requests
``fixtures``      all of it as pytest fixtures
``transport``     where guard, faults and meter take hold of botocore (``table_schema``, ``clients``)
"""
