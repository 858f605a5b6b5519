"""The pure half of an API server: requests, bodies, patches and answers as values."""
