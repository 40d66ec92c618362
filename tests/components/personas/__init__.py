"""Tests of the persona store."""
