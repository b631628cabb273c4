"""Objects in S3, and the queue of the work they make: adapters that the services name as Protocols."""
