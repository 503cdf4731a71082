"""Explanations over REST."""
