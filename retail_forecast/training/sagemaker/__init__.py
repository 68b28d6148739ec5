"""Training jobs on SageMaker: the request, the job from its start to its end, its price, and the trainer over them."""
