# Money: a monthly budget, and a look-out for spending that is out of the ordinary.

variable "monthly_budget_usd" {
  description = "What the account may cost in a month, in US dollars: yours to say, above what `make cost` estimates."
  type        = number

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd is what the account may cost in a month, in US dollars, more than 0; `make cost` estimates it."
  }
}

variable "anomaly_usd" {
  description = "Unexpected spending of so many US dollars in all is told."
  type        = number
  default     = 50

  validation {
    condition     = var.anomaly_usd > 0 && var.anomaly_usd <= var.monthly_budget_usd
    error_message = "anomaly_usd is more than 0 and no more than monthly_budget_usd, or the budget would always tell first."
  }
}

variable "monitor_of_the_account" {
  description = "ARN of the account's cost anomaly monitor of services, where it has one already: AWS allows one."
  type        = string
  default     = null

  validation {
    condition     = var.monitor_of_the_account == null || can(regex("^arn:[a-z-]+:ce::[0-9]{12}:anomalymonitor/", var.monitor_of_the_account))
    error_message = "monitor_of_the_account: expected an ARN such as arn:aws:ce::123456789012:anomalymonitor/…"
  }
}

variable "activate_cost_tags" {
  description = "Whether to activate this platform's tags for cost allocation. Only the account that pays can, a day after their first use."
  type        = bool
  default     = false
}

locals {
  budget_notifications = [
    { type = "ACTUAL", percent = 50 },
    { type = "ACTUAL", percent = 80 },
    { type = "ACTUAL", percent = 100 },
    { type = "FORECASTED", percent = 100 },
  ]
}

# Of the whole account: tags are missing from costs until they are activated, and a budget by tag would then see nothing.
resource "aws_budgets_budget" "monthly" {
  name         = "${local.name}-monthly"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  depends_on   = [aws_sns_topic_policy.alarms]

  dynamic "notification" {
    for_each = local.budget_notifications

    content {
      notification_type         = notification.value.type
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value.percent
      threshold_type            = "PERCENTAGE"
      subscriber_sns_topic_arns = [aws_sns_topic.alarms.arn]
    }
  }
}

resource "aws_ce_anomaly_monitor" "services" {
  count = var.monitor_of_the_account == null ? 1 : 0

  name              = "${local.name}-services"
  monitor_type      = "DIMENSIONAL"
  monitor_dimension = "SERVICE"
}

resource "aws_ce_anomaly_subscription" "alarms" {
  name             = "${local.name}-anomalies"
  frequency        = "IMMEDIATE"
  monitor_arn_list = [coalesce(var.monitor_of_the_account, one(aws_ce_anomaly_monitor.services[*].arn))]
  depends_on       = [aws_sns_topic_policy.alarms]

  subscriber {
    type    = "SNS"
    address = aws_sns_topic.alarms.arn
  }

  threshold_expression {
    dimension {
      key           = "ANOMALY_TOTAL_IMPACT_ABSOLUTE"
      match_options = ["GREATER_THAN_OR_EQUAL"]
      values        = [tostring(var.anomaly_usd)]
    }
  }
}

resource "aws_ce_cost_allocation_tag" "this" {
  for_each = var.activate_cost_tags ? toset(keys(local.tags)) : []

  tag_key = each.value
  status  = "Active"
}
