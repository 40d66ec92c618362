"""Users' histories: where they come from and the tables they become."""
