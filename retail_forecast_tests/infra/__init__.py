"""What surrounds the package: images, pipelines, charts and Terraform, checked without Docker, cluster or account."""
