# One topic for everything that somebody has to know: alarms, failed runs, money, and changes that should not happen.

variable "alarm_emails" {
  description = "Addresses that are told; each has to confirm a mail from AWS once."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", address))])
    error_message = "alarm_emails: expected mail addresses."
  }
}

variable "alarm_https_endpoints" {
  description = "HTTPS addresses that are told, such as those of an on-call service."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for url in var.alarm_https_endpoints : startswith(url, "https://")])
    error_message = "alarm_https_endpoints: expected addresses that begin with https://."
  }
}

resource "aws_sns_topic" "alarms" {
  name              = "${local.name}-alarms"
  kms_master_key_id = aws_kms_key.logs.arn
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.alarm_emails

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_sns_topic_subscription" "https" {
  for_each = var.alarm_https_endpoints

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "https"
  endpoint  = each.value
}

# Roles of this account, the orchestrator's among them, publish by their own IAM policies.
resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AlarmsAndBudgetsPublish"
        Effect    = "Allow"
        Principal = { Service = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com", "costalerts.amazonaws.com"] }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alarms.arn
        Condition = local.for_this_account
      },
      {
        # EventBridge takes no condition in a topic's policy.
        Sid       = "EventsPublish"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alarms.arn
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alarms.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

locals {
  told_events = {
    tampering = {
      description = "Somebody takes the protection of data, keys or the trail away"
      pattern = {
        source        = ["aws.cloudtrail", "aws.kms", "aws.s3"]
        "detail-type" = ["AWS API Call via CloudTrail"]
        detail = {
          "$or" = [
            {
              eventName         = ["DeleteTrail", "PutEventSelectors", "StopLogging", "UpdateTrail"]
              requestParameters = { name = [{ suffix = local.name }] }
            },
            {
              eventName         = ["DisableKey", "DisableKeyRotation", "PutKeyPolicy", "ScheduleKeyDeletion"]
              requestParameters = { keyId = [for key in local.keys : { suffix = key.key_id }] }
            },
            {
              eventName = [
                "DeleteBucket", "DeleteBucketEncryption", "DeleteBucketPolicy", "DeleteBucketPublicAccessBlock",
                "PutBucketLifecycle", "PutBucketPolicy", "PutBucketPublicAccessBlock", "PutBucketVersioning",
              ]
              requestParameters = { bucketName = [local.lake_bucket, local.logs_bucket] }
            },
          ]
        }
      }
    }
    aws-health = {
      description = "AWS announces a problem or a retirement that concerns the platform"
      pattern = {
        source        = ["aws.health"]
        "detail-type" = ["AWS Health Event"]
        detail        = { service = ["EC2", "EKS", "RDS", "S3", "SQS", "SAGEMAKER", "KMS"] }
      }
    }
    training-failed = {
      description = "A training job of the platform failed"
      pattern = {
        source        = ["aws.sagemaker"]
        "detail-type" = ["SageMaker Training Job State Change"]
        detail = {
          TrainingJobName   = [{ prefix = "retail-forecast" }]
          TrainingJobStatus = ["Failed"]
        }
      }
    }
  }
}

resource "aws_cloudwatch_event_rule" "told" {
  for_each = local.told_events

  name          = "${local.name}-${each.key}"
  description   = each.value.description
  event_pattern = jsonencode(each.value.pattern)
}

resource "aws_cloudwatch_event_target" "told" {
  for_each = local.told_events

  rule = aws_cloudwatch_event_rule.told[each.key].name
  arn  = aws_sns_topic.alarms.arn
}
