"""What answers requests: the frozen LLM with the user embedder, in this process or by a server."""
