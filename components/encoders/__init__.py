"""The frozen history encoder and the behavior vectors it makes."""
