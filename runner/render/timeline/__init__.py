"""Pictures of what a pod did: a lane for each attempt of a container, as text, SVG, a page, for Perfetto, or as data."""
