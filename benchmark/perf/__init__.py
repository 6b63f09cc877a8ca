"""What things cost, each as a ratio of two timings of one process."""
