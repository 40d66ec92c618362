"""What is asked of the language model: tasks, their prompts, labels and metrics."""
