"""General tools that know nothing of neuroscience: checks, files, memory, processes."""
