"""Where a user still is known: artifacts, reports and models; and taking her out of them."""
