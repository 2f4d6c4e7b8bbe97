"""Teaching a net classes of one's own, with a few pictures, on the page."""
