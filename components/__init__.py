"""The library: plain Python, usable without ZenML or MLflow."""
