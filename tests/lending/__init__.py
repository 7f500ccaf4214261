"""Tests of the mathematics of loans."""
