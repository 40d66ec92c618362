"""The ZenML stacks that this repository registers."""
