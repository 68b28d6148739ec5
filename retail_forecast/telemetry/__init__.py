"""What is told to those who watch: measurements, notifications, logs. Each through a port that the settings choose."""
