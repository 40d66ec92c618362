"""The user embedder: the whole of what PPlug trains."""
