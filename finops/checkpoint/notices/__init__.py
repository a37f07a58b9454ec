"""Evictions that are announced: who announces them, and what a training does about it."""
