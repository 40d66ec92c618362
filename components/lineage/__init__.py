"""What a trained model was made from: a profile of its data, and whose data it was."""
