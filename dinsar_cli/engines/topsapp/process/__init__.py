"""topsApp as a process: found, run, watched, explained when it fails."""
