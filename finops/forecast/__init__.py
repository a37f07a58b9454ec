"""Forecast: where a month ends by its charges so far, with a range that holds its promise."""
