"""The persona gateway: OpenAI's API in front of an engine and the persona store."""
