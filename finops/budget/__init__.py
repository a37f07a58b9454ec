"""Budgets: what was planned for a scope and a period, where it stands, and which alerts are due."""
