"""A small Kubernetes API in this process, for tests where there is no cluster.

It stores objects, applies them with managers of fields, and plays Deployments and Jobs. Which lists
are merged by which keys it reads in Kubernetes' own OpenAPI schemas, and every object that it
stores or answers is checked against them: an answer that no API server could give is an error of
the double, told as HTTP 500.
"""
