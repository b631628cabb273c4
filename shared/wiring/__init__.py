"""Factories that build the application's objects from their parts, one module per subject.

Each factory imports what it builds when it is called, so that a function loads only the modules it uses: imports are
most of a cold start.
"""
