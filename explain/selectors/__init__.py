"""Reads of the database that explanations need."""
