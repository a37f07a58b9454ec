"""What counts as waste: the rules in `janitor/`, and what they find in an estate."""
