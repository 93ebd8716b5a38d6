"""Tools without any neuroscience in them: checks, files, memory, processes."""
