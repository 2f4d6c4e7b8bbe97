"""A checkpoint by its header alone: read here or on the Hub, its spelling translated, its network inferred."""
