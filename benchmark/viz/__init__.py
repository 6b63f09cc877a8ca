"""Pictures of what encoders do: where they hear a sound come from, what they take for alike."""
