"""Tests that kill processes of a running house and look at what is left."""
