"""The evaluation page's figures, one module a figure."""
