"""A model repository, on the Hub or here: how its files come, and what they say of net, classes and pictures."""
