"""Training of the user embedder."""
