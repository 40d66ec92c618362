"""Putting a model version where it answers, and taking it back if it doesn't as it should."""
