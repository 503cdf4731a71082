"""Learning to learn: episodes, features and the mathematics of learners. Knows neither Django nor algorithms."""
