"""What happens to a clip that is copied: distortions of sight and of sound, and copies of clips."""
