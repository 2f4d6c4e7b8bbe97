"""A model on the Hub or here: its reference, header, spelling, network, files and loaded weights."""
