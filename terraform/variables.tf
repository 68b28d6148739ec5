variable "environment" {
  description = "Which environment this is; part of every name, and prod is protected against deletion."
  type        = string

  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "environment is dev or prod: choose one with -var-file=environments/dev.tfvars or prod.tfvars."
  }
}

variable "region" {
  description = "AWS region of everything."
  type        = string
  default     = "ap-southeast-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is the name of an AWS region, such as ap-southeast-1."
  }
}

variable "owner" {
  description = "Who answers for this environment; the tag Owner."
  type        = string
  default     = "forecasting"

  validation {
    condition     = length(var.owner) > 0 && length(var.owner) <= 256
    error_message = "owner is a tag of 1 to 256 characters."
  }
}

variable "cost_center" {
  description = "Who pays for this environment; the tag CostCenter."
  type        = string
  default     = "forecasting"

  validation {
    condition     = length(var.cost_center) > 0 && length(var.cost_center) <= 256
    error_message = "cost_center is a tag of 1 to 256 characters."
  }
}

variable "permissions_boundary_arn" {
  description = "IAM policy that bounds every role, where the organization has one; default the policy of boundary.tf."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn is the ARN of an IAM policy: arn:aws:iam::ACCOUNT:policy/NAME."
  }
}

variable "zone_count" {
  description = "Availability zones in use."
  type        = number
  default     = 3

  validation {
    condition     = contains([2, 3], var.zone_count)
    error_message = "zone_count is 2 or 3: with one zone its outage takes the cluster and the database down."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the VPC. Each private subnet is an eighth of it, because every pod takes an address."
  type        = string
  default     = "10.40.0.0/16"

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && try(tonumber(split("/", var.vpc_cidr)[1]), 0) >= 16 && try(tonumber(split("/", var.vpc_cidr)[1]), 32) <= 20
    error_message = "vpc_cidr is an IPv4 range between /16 and /20, such as 10.40.0.0/16."
  }
}

variable "nat_per_zone" {
  description = "A NAT gateway in every zone, instead of one that all zones depend on."
  type        = bool
  default     = true
}

variable "endpoints_per_zone" {
  description = "Interface endpoints in every zone, instead of in one that all zones depend on."
  type        = bool
  default     = true
}

variable "interface_endpoints" {
  description = "AWS services that are reached inside the VPC instead of through NAT, beside S3."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "logs", "monitoring", "sagemaker.api", "sagemaker.runtime", "sns", "sqs", "sts"]

  validation {
    condition     = alltrue([for needed in ["ecr.api", "ecr.dkr", "logs", "sagemaker.api", "sagemaker.runtime", "sqs", "sts"] : contains(var.interface_endpoints, needed)])
    error_message = "interface_endpoints has at least ecr.api, ecr.dkr, logs, sagemaker.api, sagemaker.runtime, sqs and sts."
  }
}

variable "log_retention_days" {
  description = "Days that CloudWatch keeps the logs of this environment."
  type        = number
  default     = 90

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is a period that CloudWatch offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365 or 400 days, or 545, 731, 1096 ... 3653."
  }
}
