"""Why a recommender gave an item a score: methods of attribution, and how far each can be trusted. No Django."""
