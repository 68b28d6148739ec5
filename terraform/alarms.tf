# Every alarm acts: it tells the topic when it rises and when it is over. docs/runbooks.md has a section for each.

variable "alarm_thresholds" {
  description = "Where alarms begin. The forecast error is a WRMSSE: 1 is as good as repeating yesterday."
  type = object({
    freshness_hours         = optional(number, 60)
    vintage_age_hours       = optional(number, 60)
    model_age_days          = optional(number, 60)
    forecast_error_wrmsse   = optional(number, 1)
    drift_index             = optional(number, 0.25)
    endpoint_latency_p99_ms = optional(number, 500)
    endpoint_error_percent  = optional(number, 1)
    queue_messages          = optional(number, 10000)
    queue_age_seconds       = optional(number, 900)
    node_memory_percent     = optional(number, 90)
    node_disk_percent       = optional(number, 85)
    database_storage_gb     = optional(number, 5)
    database_cpu_percent    = optional(number, 80)
    database_memory_mb      = optional(number, 100)
  })
  default = {}

  validation {
    condition     = alltrue([for threshold in values(var.alarm_thresholds) : threshold > 0])
    error_message = "alarm_thresholds: expected numbers above 0."
  }
}

locals {
  metrics_namespace = "RetailForecast"

  # The daemon measures each minute whatever happens: where a value always exists, silence is itself the alarm.
  product_alarms = {
    data-freshness = {
      metric  = "DataFreshnessHours"
      above   = var.alarm_thresholds.freshness_hours
      missing = "breaching"
      meaning = "No newer sales than so many hours, or nobody measures."
    }
    rejected-files = {
      metric  = "RejectedFiles"
      above   = 0
      meaning = "Files of the landing are set aside."
    }
    failed-runs = {
      metric    = "FailedRuns"
      statistic = "Sum"
      above     = 0
      periods   = 1
      meaning   = "A run of Dagster failed."
    }
    forecast-error = {
      metric  = "ForecastErrorWrmsse"
      above   = var.alarm_thresholds.forecast_error_wrmsse
      missing = "missing"
      meaning = "Forecasts that can be judged are worse than allowed."
    }
    drift = {
      metric  = "DriftIndex"
      above   = var.alarm_thresholds.drift_index
      missing = "missing"
      meaning = "Sales of late are distributed differently from those before."
    }
    model-age = {
      metric  = "ModelAgeDays"
      above   = var.alarm_thresholds.model_age_days
      missing = "missing"
      meaning = "The model behind the forecasts was trained long ago."
    }
    vintage-age = {
      metric  = "VintageAgeHours"
      above   = var.alarm_thresholds.vintage_age_hours
      missing = "missing"
      meaning = "No new forecasts were published."
    }
    endpoint-latency = {
      metric  = "EndpointLatencyP99"
      above   = var.alarm_thresholds.endpoint_latency_p99_ms
      meaning = "One answer of a hundred takes longer than this."
    }
    endpoint-ready = {
      metric    = "EndpointReady"
      statistic = "Minimum"
      below     = 1
      missing   = "breaching"
      meaning   = "Not every part of the endpoint answers from the wanted vintage."
    }
  }

  platform_alarms = {
    queue-depth = {
      namespace  = "AWS/SQS"
      metric     = "ApproximateNumberOfMessagesVisible"
      dimensions = { QueueName = aws_sqs_queue.arrivals.name }
      above      = var.alarm_thresholds.queue_messages
      meaning    = "Events of the landing pile up."
    }
    queue-age = {
      namespace  = "AWS/SQS"
      metric     = "ApproximateAgeOfOldestMessage"
      dimensions = { QueueName = aws_sqs_queue.arrivals.name }
      above      = var.alarm_thresholds.queue_age_seconds
      meaning    = "Nobody takes the events of the landing."
    }
    dead-letters = {
      namespace  = "AWS/SQS"
      metric     = "ApproximateNumberOfMessagesVisible"
      dimensions = { QueueName = aws_sqs_queue.arrivals_dead_letter.name }
      above      = 0
      periods    = 1
      meaning    = "Events could not be used."
    }
    undelivered-events = {
      namespace  = "AWS/Events"
      metric     = "FailedInvocations"
      dimensions = { RuleName = aws_cloudwatch_event_rule.landing.name }
      statistic  = "Sum"
      above      = 0
      periods    = 1
      meaning    = "EventBridge could not put events of the landing into the queue."
    }
    failed-nodes = {
      namespace  = "ContainerInsights"
      metric     = "cluster_failed_node_count"
      dimensions = { ClusterName = aws_eks_cluster.this.name }
      above      = 0
      meaning    = "Nodes of the cluster are not well."
    }
    node-memory = {
      namespace  = "ContainerInsights"
      metric     = "node_memory_utilization"
      dimensions = { ClusterName = aws_eks_cluster.this.name }
      statistic  = "Average"
      above      = var.alarm_thresholds.node_memory_percent
      meaning    = "The memory of the nodes is used up."
    }
    node-disk = {
      namespace  = "ContainerInsights"
      metric     = "node_filesystem_utilization"
      dimensions = { ClusterName = aws_eks_cluster.this.name }
      above      = var.alarm_thresholds.node_disk_percent
      meaning    = "The disk of a node is nearly full."
    }
    database-storage = {
      namespace  = "AWS/RDS"
      metric     = "FreeStorageSpace"
      dimensions = { DBInstanceIdentifier = aws_db_instance.dagster.identifier }
      statistic  = "Minimum"
      below      = var.alarm_thresholds.database_storage_gb * 1024 * 1024 * 1024
      missing    = "breaching"
      meaning    = "Dagster's database is nearly full, or gone."
    }
    database-cpu = {
      namespace  = "AWS/RDS"
      metric     = "CPUUtilization"
      dimensions = { DBInstanceIdentifier = aws_db_instance.dagster.identifier }
      statistic  = "Average"
      above      = var.alarm_thresholds.database_cpu_percent
      meaning    = "Dagster's database has too much to do."
    }
    database-memory = {
      namespace  = "AWS/RDS"
      metric     = "FreeableMemory"
      dimensions = { DBInstanceIdentifier = aws_db_instance.dagster.identifier }
      statistic  = "Minimum"
      below      = var.alarm_thresholds.database_memory_mb * 1024 * 1024
      meaning    = "Dagster's database is short of memory."
    }
  }

  alarm_defaults = {
    namespace  = local.metrics_namespace
    dimensions = { Dataset = local.dataset.dataset }
    statistic  = "Maximum"
    periods    = 3
    missing    = "notBreaching"
    above      = null
    below      = null
  }

  alarms = {
    for name, alarm in merge(local.product_alarms, local.platform_alarms) : name => merge(local.alarm_defaults, alarm)
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = "${each.value.meaning} docs/runbooks.md#${each.key}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = each.value.periods
  comparison_operator = each.value.below == null ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = coalesce(each.value.below, each.value.above)
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "endpoint_errors" {
  alarm_name          = "${local.name}-endpoint-errors"
  alarm_description   = "Too many requests are answered with 500 or above. docs/runbooks.md#endpoint-errors"
  evaluation_periods  = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_thresholds.endpoint_error_percent
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "percent"
    expression  = "100 * errors / requests"
    label       = "Failed requests in percent"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { errors = "EndpointErrors", requests = "EndpointRequests" }

    content {
      id = metric_query.key

      metric {
        namespace   = local.metrics_namespace
        metric_name = metric_query.value
        dimensions  = local.alarm_defaults.dimensions
        stat        = "Sum"
        period      = 300
      }
    }
  }
}

# Checks are counted by asset, and an alarm of one metric knows no sum over them.
resource "aws_cloudwatch_metric_alarm" "failed_checks" {
  alarm_name          = "${local.name}-failed-checks"
  alarm_description   = "A check of an asset did not hold. docs/runbooks.md#failed-checks"
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "failed"
    period      = 300
    return_data = true
    label       = "Failed checks"
    expression = join(" ", [
      "SELECT SUM(FailedChecks) FROM SCHEMA(\"${local.metrics_namespace}\", Asset, Dataset)",
      "WHERE Dataset = '${local.dataset.dataset}'",
    ])
  }
}
