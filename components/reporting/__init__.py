"""The evaluation page and the model card."""
