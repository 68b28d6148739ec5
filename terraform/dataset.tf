# What Terraform has to know of the dataset: its name, by which metrics are told apart, and its tables.

variable "dataset_file" {
  description = "Description of the dataset's tables, absolute or from here: retail-forecast athena-ddl --json > FILE."
  type        = string
  default     = "datasets/corner-shop.json"

  validation {
    condition     = can(jsondecode(file(var.dataset_file)).tables)
    error_message = "dataset_file: expected a file that retail-forecast athena-ddl --json wrote."
  }
}

locals {
  dataset = jsondecode(file(var.dataset_file))
}
