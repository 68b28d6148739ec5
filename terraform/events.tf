# What happens below landing/ reaches the daemon: S3 -> EventBridge -> SQS. docs/arrivals.md says what is read there.

locals {
  landing_prefix = "landing/"
}

resource "aws_s3_bucket_notification" "lake" {
  bucket      = aws_s3_bucket.lake.id
  eventbridge = true
}

resource "aws_cloudwatch_event_rule" "landing" {
  name        = "${local.name}-landing"
  description = "Objects of the landing that were written, deleted or expired"

  event_pattern = jsonencode({
    source        = ["aws.s3"]
    "detail-type" = ["Object Created", "Object Deleted"]
    detail = {
      bucket = { name = [aws_s3_bucket.lake.id] }
      object = { key = [{ prefix = local.landing_prefix }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "arrivals" {
  rule       = aws_cloudwatch_event_rule.landing.name
  arn        = aws_sqs_queue.arrivals.arn
  depends_on = [aws_sqs_queue_policy.arrivals]

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = aws_sqs_queue.arrivals_dead_letter.arn
  }
}

# The visibility timeout is asked for with each receipt (RETAIL_FORECAST_ARRIVALS_VISIBILITY_SECONDS, 120 by default).
resource "aws_sqs_queue" "arrivals" {
  name                              = "${local.name}-arrivals"
  visibility_timeout_seconds        = 120
  message_retention_seconds         = 4 * 86400
  kms_master_key_id                 = aws_kms_key.data.arn
  kms_data_key_reuse_period_seconds = 3600

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.arrivals_dead_letter.arn
    maxReceiveCount     = 10
  })
}

# A redriven message keeps the time at which it was first sent, so this queue has to keep for longer than the other.
resource "aws_sqs_queue" "arrivals_dead_letter" {
  name                              = "${local.name}-arrivals-dead-letter"
  message_retention_seconds         = 14 * 86400
  kms_master_key_id                 = aws_kms_key.data.arn
  kms_data_key_reuse_period_seconds = 3600
}

resource "aws_sqs_queue_redrive_allow_policy" "arrivals_dead_letter" {
  queue_url = aws_sqs_queue.arrivals_dead_letter.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.arrivals.arn]
  })
}

resource "aws_sqs_queue_policy" "arrivals" {
  queue_url = aws_sqs_queue.arrivals.id
  policy    = local.queue_policies["arrivals"]
}

resource "aws_sqs_queue_policy" "arrivals_dead_letter" {
  queue_url = aws_sqs_queue.arrivals_dead_letter.id
  policy    = local.queue_policies["arrivals_dead_letter"]
}

locals {
  queue_policies = {
    for name, queue in { arrivals = aws_sqs_queue.arrivals, arrivals_dead_letter = aws_sqs_queue.arrivals_dead_letter } :
    name => jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "TheRuleSends"
          Effect    = "Allow"
          Principal = { Service = "events.amazonaws.com" }
          Action    = "sqs:SendMessage"
          Resource  = queue.arn
          Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.landing.arn } }
        },
        {
          Sid       = "TlsOnly"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sqs:*"
          Resource  = queue.arn
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ]
    })
  }
}
