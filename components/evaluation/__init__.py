"""Predictions of all arms, their metrics, intervals and controls."""
