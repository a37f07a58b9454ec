"""Anomalies: days that cost more or less than their history says, by kind, with their impact in money."""
