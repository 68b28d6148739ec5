# Where logs go and how long they stay, and the dashboard over all that is measured.

variable "keep_training_logs" {
  description = "Whether the log group of SageMaker's training jobs is kept here. An account has one: false where another environment keeps it."
  type        = bool
  default     = true
}

locals {
  log_groups = merge(
    { for kind in ["application", "dataplane", "host", "performance"] :
    kind => "/aws/containerinsights/${local.name}/${kind}" },
    var.keep_training_logs ? { training = "/aws/sagemaker/TrainingJobs" } : {},
  )
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.log_groups

  name              = each.value
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.logs.arn
}
