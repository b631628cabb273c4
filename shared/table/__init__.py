"""The single table: keys, items, transactions, and one repository per aggregate, bound to its tenant when made."""
