"""SageMaker as the emulator has it: training jobs that run, tuning jobs over them, and the model registry."""
