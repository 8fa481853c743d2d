"""Where work happens: carrying out a plan, processes, Git, the environment."""
