variable "kubernetes_version" {
  description = "Kubernetes version of the control plane and the nodes."
  type        = string
  default     = "1.35"

  validation {
    condition     = can(regex("^1\\.(3[3-9]|[4-9][0-9])$", var.kubernetes_version))
    error_message = "kubernetes_version is a minor version that the chart is tested against, 1.33 or later, such as 1.35."
  }
}

variable "cluster_admin_arns" {
  description = "IAM roles or users that administer the cluster. Nobody else does, whoever applied this included."
  type        = set(string)

  validation {
    condition     = length(var.cluster_admin_arns) > 0 && alltrue([for arn in var.cluster_admin_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/", arn))])
    error_message = "cluster_admin_arns names at least one IAM role or user, arn:aws:iam::ACCOUNT:role/NAME: without one nobody can reach the cluster."
  }
}

variable "cluster_deployer_arns" {
  description = "IAM roles that may change what is in the namespace retail-forecast: the delivery pipeline's."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.cluster_deployer_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/", arn))])
    error_message = "cluster_deployer_arns are IAM roles: arn:aws:iam::ACCOUNT:role/NAME."
  }
}

variable "cluster_viewer_arns" {
  description = "IAM roles that may look at the namespace retail-forecast."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.cluster_viewer_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/", arn))])
    error_message = "cluster_viewer_arns are IAM roles: arn:aws:iam::ACCOUNT:role/NAME."
  }
}

variable "cluster_public_access_cidrs" {
  description = "Addresses outside the VPC from which the Kubernetes API can be reached; none: from the VPC alone."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.cluster_public_access_cidrs : can(cidrhost(cidr, 0)) && try(tonumber(split("/", cidr)[1]) >= 16, false)])
    error_message = "cluster_public_access_cidrs are ranges of your own, /16 or smaller, such as 203.0.113.0/24; the Kubernetes API is not opened to everybody."
  }
}

variable "system_nodes" {
  description = "On-demand nodes of each zone, for the orchestrator and Ray heads: types in order of preference, fewest and most."
  type = object({
    instance_types = list(string)
    min            = number
    max            = number
    disk_gb        = optional(number, 50)
  })
  default = {
    instance_types = ["m7i.xlarge", "m6i.xlarge"]
    min            = 1
    max            = 3
  }

  validation {
    condition     = length(var.system_nodes.instance_types) > 0 && var.system_nodes.min >= 1 && var.system_nodes.max >= var.system_nodes.min
    error_message = "system_nodes has an instance type and at least one node in each zone, and max is not below min."
  }
}

variable "worker_nodes" {
  description = "Spot nodes for Ray workers over all zones. The types have the same size, because the autoscaler reckons with one."
  type = object({
    instance_types = list(string)
    min            = number
    max            = number
    disk_gb        = optional(number, 100)
  })
  default = {
    instance_types = ["m7i.xlarge", "m7a.xlarge", "m6i.xlarge", "m6a.xlarge", "m5.xlarge", "m5a.xlarge"]
    min            = 2
    max            = 12
  }

  validation {
    condition     = length(var.worker_nodes.instance_types) >= 4
    error_message = "worker_nodes.instance_types has at least four types: spot capacity of one alone is taken away together."
  }

  validation {
    condition     = length(distinct([for type in var.worker_nodes.instance_types : split(".", type)[1]])) == 1
    error_message = "worker_nodes.instance_types are of one size, such as xlarge."
  }

  validation {
    condition     = var.worker_nodes.min >= 0 && var.worker_nodes.max >= max(1, var.worker_nodes.min)
    error_message = "worker_nodes.min is not negative, and max is at least 1 and not below min."
  }
}
