"""A mixed load on the running one-machine stack, and the check that nothing was lost: `python -m local.mixed_load`."""
