"""The rule that decides whether a candidate becomes champion, and the registry's records."""
