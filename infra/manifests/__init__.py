"""Proof that the Kubernetes manifests are right, as far as that goes without a cluster."""
