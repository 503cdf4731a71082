"""Putting ranked lists into another order, a paper a file. No Django; recommenders may be made of these."""
