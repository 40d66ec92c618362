"""Where the pipelines run: stacks, images and manifests."""
