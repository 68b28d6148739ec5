"""What changes something beyond this machine: the Python behind the targets of deploy.mk."""
