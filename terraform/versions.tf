terraform {
  required_version = ">= 1.11.0, < 2.0.0" # 1.11 brought the S3 backend its own lock file

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.69"
    }
  }

  # The rest comes from backend.hcl, which `terraform -chdir=bootstrap output -raw backend` writes.
  backend "s3" {
    use_lockfile = true
    encrypt      = true
  }
}
