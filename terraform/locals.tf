data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394: names are sorted and the first ones taken, so a new zone moves nothing
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  name       = "retail-forecast-${var.environment}"
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  zones      = slice(sort(data.aws_availability_zones.available.names), 0, var.zone_count)
  production = var.environment == "prod"

  # The namespace of the chart, in which every workload role is bound to its service account.
  namespace = "retail-forecast"

  # These keys are cost-allocation tags too: the bill can be split by each of them.
  tags = {
    Project     = "retail-forecast"
    Environment = var.environment
    Owner       = var.owner
    CostCenter  = var.cost_center
    ManagedBy   = "terraform"
  }
}
