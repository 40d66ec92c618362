"""What behavior vectors tell of their texts: an attack on invented ones."""
