"""One thin ZenML step a file, named after its function."""
