"""Tiering put into force: planned anew, asked about where it must be, done through acts, and taken back."""
