"""What is worked out from the table's stream: from stream records to writes, with the same result each time."""
