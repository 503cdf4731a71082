"""The published cold-start protocols, and the floors that a learner must beat on them. Pure functions."""
