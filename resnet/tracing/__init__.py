"""A network -> its trace, and what the trace tells: cost, memory, where a size breaks, maps, code, differences."""
