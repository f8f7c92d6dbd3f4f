"""Readers of a study: who reads what, what comes in from elsewhere, the panel, and models against readers."""
