"""What a trace tells: cost, memory, where a size breaks, maps, code, and two nets side by side."""
