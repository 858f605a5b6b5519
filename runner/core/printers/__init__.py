"""The columns of objects as an API server prints them."""
