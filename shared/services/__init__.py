"""Use cases: one method for each thing a caller can do. Permissions are checked here.

What a service needs it names as a Protocol; `shared.wiring` provides it.
"""
