"""The evaluation page, its example questions, and the model card."""
