"""Files that are copied into containers and out of them: where they may stand, how archives are read."""
