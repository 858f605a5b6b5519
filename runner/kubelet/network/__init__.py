"""Names and Services for the pods of this process."""
