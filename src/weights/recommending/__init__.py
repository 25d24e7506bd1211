"""From interactions to a `Recommender`: models of who turns to what, mixed by what they find of events that were kept apart."""
