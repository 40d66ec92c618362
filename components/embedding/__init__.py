"""The batch job that fills the persona store with the behavior vectors of all users."""
