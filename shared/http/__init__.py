"""HTTP: requests, answers and problems. No other package knows HTTP."""
