"""HTTP: requests in, answers and problems out. The only place that knows it."""
