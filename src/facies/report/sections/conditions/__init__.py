"""Sections of the report on conditions."""
