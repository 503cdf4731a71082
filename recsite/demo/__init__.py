"""The demonstration: MovieLens-100K from nothing to a served recommender."""
