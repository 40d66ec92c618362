"""Whether users' histories are sound: rules, a quarantine for what is not, and a report."""
