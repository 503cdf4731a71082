"""Gorse's REST (its users, items, feedback and recommendations) over the same services, so that its clients can switch
by changing the address. What differs is told in docs/gorse.md."""
