"""Where the boundaries of an evaluation are launched: by this process, or by workers."""
