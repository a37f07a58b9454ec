"""The approvals page, for platform admins."""
