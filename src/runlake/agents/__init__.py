"""Starting sweeps, and the agents that run them: a function in this process, or commands as child processes."""
