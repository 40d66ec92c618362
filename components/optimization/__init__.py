"""One way of fitting parameters, for the LLM's warm start and for the user embedder."""
