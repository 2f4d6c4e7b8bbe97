"""The Start tab: the idea in six scenes, on this project's own records."""
