"""What people and programs read: tables, describe, narration, pictures. Values in, text out."""
