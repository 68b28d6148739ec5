# This file is maintained automatically by "terraform init".
# Manual edits may be lost in future updates.

provider "registry.terraform.io/hashicorp/aws" {
  version     = "6.69.1"
  constraints = "~> 6.69"
  hashes = [
    "h1:aezphdJON6fbx//OnNRXKPPK9lq3nPpTttrTTwoAeLQ=",
  ]
}
