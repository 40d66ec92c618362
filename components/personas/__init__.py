"""The store of users' personas: their history's vectors under the frozen encoder."""
