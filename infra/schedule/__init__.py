"""The schedule by which models are retrained: a ZenML schedule, and the CronJob that it becomes."""
