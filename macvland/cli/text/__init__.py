"""Text in a terminal: how wide it is, where it wraps, how it is coloured. Knows nothing of networks."""
