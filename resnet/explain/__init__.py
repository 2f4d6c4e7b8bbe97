"""The evidence for an answer: where a net looked, what its stages see, what it finds alike, which blocks it needs."""
