"""How a net is trained and what it reaches: a recipe, a run that survives a kill, its evaluation, its folder."""
