# One dashboard, from left to right and from top to bottom: is it right, is it fast, does it run, what does it cost.

locals {
  charts = [
    { title = "Freshness (hours)", alarms = ["data-freshness", "vintage-age"], metrics = ["DataFreshnessHours", "VintageAgeHours"] },
    { title = "Forecast error (WRMSSE)", alarms = ["forecast-error"], metrics = ["ForecastErrorWrmsse"] },
    { title = "Drift", alarms = ["drift"], metrics = ["DriftIndex"] },
    { title = "Bias (units per period)", alarms = [], metrics = ["ForecastBiasUnits"] },
    { title = "Latency (ms)", alarms = ["endpoint-latency"], metrics = ["EndpointLatencyP50", "EndpointLatencyP95", "EndpointLatencyP99"] },
    { title = "Endpoint ready", alarms = ["endpoint-ready"], metrics = ["EndpointReady"], stat = "Minimum" },
    { title = "Requests and errors", alarms = [], metrics = ["EndpointRequests", "EndpointErrors"], stat = "Sum" },
    { title = "Failed runs, rejected files", alarms = ["failed-runs"], metrics = ["FailedRuns", "RejectedFiles"] },
    { title = "Age of the model (days)", alarms = ["model-age"], metrics = ["ModelAgeDays"] },
  ]

  searches = [
    { title = "Training cost (USD)", metric = "TrainingCostUsd", stat = "Sum" },
    { title = "Training time (s)", metric = "TrainingSeconds", stat = "Maximum" },
    { title = "Rows of tables", metric = "TableRows", stat = "Maximum" },
    { title = "Failed checks", metric = "FailedChecks", stat = "Sum" },
  ]

  resource_charts = [
    { title = "Arrivals waiting", metrics = [
      for queue in [aws_sqs_queue.arrivals, aws_sqs_queue.arrivals_dead_letter] :
      ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue.name]
    ] },
    { title = "Nodes", metrics = [
      for metric in ["cluster_node_count", "cluster_failed_node_count"] :
      ["ContainerInsights", metric, "ClusterName", aws_eks_cluster.this.name]
    ] },
    { title = "Memory and CPU of nodes (%)", metrics = [
      for metric in ["node_memory_utilization", "node_cpu_utilization"] :
      ["ContainerInsights", metric, "ClusterName", aws_eks_cluster.this.name]
    ] },
    { title = "Free disk of the database (bytes)", metrics = [
      ["AWS/RDS", "FreeStorageSpace", "DBInstanceIdentifier", aws_db_instance.dagster.identifier]
    ] },
  ]

  chart_properties = concat(
    [for chart in local.charts : {
      title   = chart.title
      stat    = try(chart.stat, "Maximum")
      metrics = [for metric in chart.metrics : [local.metrics_namespace, metric, "Dataset", local.dataset.dataset]]
      annotations = {
        horizontal = [for alarm in chart.alarms : { label = alarm, value = aws_cloudwatch_metric_alarm.this[alarm].threshold }]
      }
    }],
    [for search in local.searches : {
      title       = search.title
      stat        = search.stat
      metrics     = [[{ expression = join("", ["SEARCH('{${local.metrics_namespace},Asset,Dataset} MetricName=\"", search.metric, "\" Dataset=\"", local.dataset.dataset, "\"', '", search.stat, "', 300)"]) }]]
      annotations = { horizontal = [] }
    }],
    [for chart in local.resource_charts : {
      title       = chart.title
      stat        = "Maximum"
      metrics     = chart.metrics
      annotations = { horizontal = [] }
    }],
  )
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.name

  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type       = "alarm"
        x          = 0
        y          = 0
        width      = 24
        height     = 4
        properties = { title = "Alarms", alarms = local.alarm_arns }
      }],
      [for place, properties in local.chart_properties : {
        type       = "metric"
        x          = 6 * (place % 4)
        y          = 4 + 6 * floor(place / 4)
        width      = 6
        height     = 6
        properties = merge(properties, { region = var.region, period = 300, view = "timeSeries" })
      }],
    )
  })
}

locals {
  alarm_arns = concat(
    values(aws_cloudwatch_metric_alarm.this)[*].arn,
    [aws_cloudwatch_metric_alarm.endpoint_errors.arn, aws_cloudwatch_metric_alarm.failed_checks.arn],
  )
}
