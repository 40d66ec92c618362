"""The usual way to personalize: items of the history in the prompt."""
