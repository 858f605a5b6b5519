"""Names and addresses: the cluster's zone, Services and their endpoints, and the files that resolvers read."""
