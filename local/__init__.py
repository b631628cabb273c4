"""The whole stack on one machine: an AWS emulator, the deployed template and demo data. Never deployed."""
