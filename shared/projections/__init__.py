"""Projections: rows that follow from the table's stream, with the same result however often it is read."""
