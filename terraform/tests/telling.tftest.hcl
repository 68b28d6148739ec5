# What is promised of keys and telling: each key admits whom it has to, every alarm acts, logs end, money is watched.

mock_provider "aws" {
  source          = "./tests/aws"
  override_during = plan
}

variables {
  environment        = "prod"
  monthly_budget_usd = 1000
}

run "somebody_is_told" {
  command = plan

  variables {
    alarm_emails = ["on-call@example.com"]
  }

  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.this), [aws_cloudwatch_metric_alarm.endpoint_errors, aws_cloudwatch_metric_alarm.failed_checks]) :
      alarm.alarm_actions == toset([aws_sns_topic.alarms.arn]) && alarm.ok_actions == toset([aws_sns_topic.alarms.arn])
      && coalesce(alarm.actions_enabled, true)
    ])
    error_message = "An alarm tells nobody."
  }

  assert {
    condition = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset([
      "data-freshness", "rejected-files", "failed-runs", "forecast-error", "drift", "model-age", "vintage-age",
      "endpoint-latency", "endpoint-ready", "queue-depth", "queue-age", "dead-letters", "undelivered-events",
      "failed-nodes", "node-memory", "node-disk", "database-storage", "database-cpu", "database-memory",
    ])
    error_message = "An alarm is missing, or one is not listed here."
  }

  assert {
    condition     = alltrue([for name, alarm in aws_cloudwatch_metric_alarm.this : endswith(alarm.alarm_description, "docs/runbooks.md#${name}")])
    error_message = "An alarm does not say where its runbook is."
  }

  assert {
    condition = alltrue([
      for name in ["data-freshness", "endpoint-ready"] : aws_cloudwatch_metric_alarm.this[name].treat_missing_data == "breaching"
    ])
    error_message = "A daemon that measures nothing any more would go unnoticed."
  }

  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == aws_kms_key.logs.arn
    error_message = "The topic is not encrypted with the key of the logs."
  }

  assert {
    condition = alltrue([
      for service in ["budgets", "cloudwatch", "costalerts", "events"] : anytrue([
        for statement in jsondecode(aws_sns_topic_policy.alarms.policy).Statement :
        statement.Effect == "Allow" && contains(flatten([try(statement.Principal.Service, [])]), "${service}.amazonaws.com")
      ])
    ])
    error_message = "A service that has something to tell may not publish to the topic."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_sns_topic_policy.alarms.policy).Statement :
      statement.Effect == "Deny" || try(statement.Condition.StringEquals["aws:SourceAccount"], "") == "123456789012"
      || statement.Principal == { Service = "events.amazonaws.com" }
    ])
    error_message = "Another account may publish to the topic."
  }

  assert {
    condition     = aws_sns_topic_subscription.email["on-call@example.com"].topic_arn == aws_sns_topic.alarms.arn
    error_message = "The addresses are not subscribed."
  }

  assert {
    condition     = alltrue([for target in aws_cloudwatch_event_target.told : target.arn == aws_sns_topic.alarms.arn])
    error_message = "An event that has to be told reaches nobody."
  }

  assert {
    condition = alltrue([
      for group in aws_cloudwatch_log_group.this : group.retention_in_days == var.log_retention_days && group.kms_key_id == aws_kms_key.logs.arn
    ])
    error_message = "A log group keeps for ever, or is not encrypted with the key of the logs."
  }

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets[0].properties.alarms) == length(aws_cloudwatch_metric_alarm.this) + 2
    error_message = "The dashboard does not show every alarm."
  }

  assert {
    condition = (
      aws_budgets_budget.monthly.limit_amount == "1000" && length(aws_budgets_budget.monthly.notification) == 4
      && alltrue([for one in aws_budgets_budget.monthly.notification : one.subscriber_sns_topic_arns == toset([aws_sns_topic.alarms.arn])])
    )
    error_message = "The budget tells nobody."
  }

  assert {
    condition     = one(aws_ce_anomaly_subscription.alarms.subscriber).address == aws_sns_topic.alarms.arn && length(aws_ce_anomaly_monitor.services) == 1
    error_message = "Unusual spending is told to nobody."
  }
}

run "the_keys_admit_whom_they_have_to" {
  command = plan

  assert {
    condition     = alltrue([for key in [aws_kms_key.data, aws_kms_key.platform, aws_kms_key.logs] : key.enable_key_rotation])
    error_message = "A key is not rotated."
  }

  assert {
    condition = alltrue([
      for key in [aws_kms_key.data, aws_kms_key.platform, aws_kms_key.logs] :
      jsondecode(key.policy).Statement[0].Principal == { AWS = "arn:aws:iam::123456789012:root" }
    ])
    error_message = "A key would be lost for the account."
  }

  assert {
    condition = alltrue([
      for key in [aws_kms_key.data, aws_kms_key.platform, aws_kms_key.logs] :
      alltrue([for statement in slice(jsondecode(key.policy).Statement, 1, length(jsondecode(key.policy).Statement)) : can(keys(statement.Condition))])
    ])
    error_message = "A key admits somebody without a condition."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_kms_key.logs.policy).Statement : try(statement.Principal.Service, [])
      ])) == toset([
      "logs.ap-southeast-1.amazonaws.com", "cloudtrail.amazonaws.com", "cloudwatch.amazonaws.com",
      "budgets.amazonaws.com", "costalerts.amazonaws.com", "events.amazonaws.com",
    ])
    error_message = "The key of the logs admits other services than those that write logs and notifications."
  }

  assert {
    condition = alltrue([
      for service in ["cloudwatch", "budgets", "costalerts", "events"] : anytrue([
        for statement in jsondecode(aws_kms_key.logs.policy).Statement :
        contains(flatten([try(statement.Principal.Service, [])]), "${service}.amazonaws.com")
        && contains(flatten([statement.Action]), "kms:Decrypt")
        && anytrue([for action in flatten([statement.Action]) : startswith(action, "kms:GenerateDataKey")])
      ])
    ])
    error_message = "A service cannot write to the encrypted topic."
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_kms_key.logs.policy).Statement :
      statement.Action == "kms:GenerateDataKey*" && statement.Principal == { Service = "cloudtrail.amazonaws.com" }
      && try(statement.Condition.StringEquals["aws:SourceArn"], "") == "arn:aws:cloudtrail:ap-southeast-1:123456789012:trail/${aws_cloudtrail.this.name}"
    ])
    error_message = "The trail cannot be written."
  }

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_kms_key.data.policy).Statement :
      try(statement.Principal.Service, "") == "events.amazonaws.com"
      && toset(flatten([statement.Action])) == toset(["kms:Decrypt", "kms:GenerateDataKey"])
      && toset(try(statement.Condition.StringEquals["kms:EncryptionContext:aws:sqs:arn"], [])) == toset([aws_sqs_queue.arrivals.arn, aws_sqs_queue.arrivals_dead_letter.arn])
    ])
    error_message = "Events cannot be put into the encrypted queues."
  }

  assert {
    condition = alltrue([
      for action in ["kms:CreateGrant", "kms:GenerateDataKey*"] : anytrue([
        for statement in jsondecode(aws_kms_key.platform.policy).Statement :
        contains(flatten([statement.Action]), action)
        && endswith(try(statement.Condition.ArnEquals["aws:PrincipalArn"], ""), ":role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling")
      ])
    ])
    error_message = "Auto Scaling cannot start a node with an encrypted disk."
  }
}

run "an_alarm_needs_an_address" {
  command = plan

  variables {
    alarm_emails = ["nobody"]
  }

  expect_failures = [var.alarm_emails]
}

run "a_budget_of_nothing_is_refused" {
  command = plan

  variables {
    monthly_budget_usd = 0
  }

  expect_failures = [var.monthly_budget_usd]
}

run "an_anomaly_beyond_the_budget_is_refused" {
  command = plan

  variables {
    anomaly_usd = 1001
  }

  expect_failures = [var.anomaly_usd]
}
