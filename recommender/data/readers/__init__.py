"""Readers of files: each format as tables, each table as checked batches. No Django here."""

from recommender.data.readers.reading import FORMATS, Reading, open_reading

__all__ = ["FORMATS", "Reading", "open_reading"]
