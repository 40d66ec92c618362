"""Answering users: the trained plug-in, the frozen LLM and histories together."""
