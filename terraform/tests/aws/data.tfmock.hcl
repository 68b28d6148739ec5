# What policies and alarms name, each with an identifier of its own, so that a mix-up is seen.
override_resource {
  target = aws_kms_key.data
  values = { arn = "arn:aws:kms:ap-southeast-1:123456789012:key/data", key_id = "data" }
}

override_resource {
  target = aws_kms_key.platform
  values = { arn = "arn:aws:kms:ap-southeast-1:123456789012:key/platform", key_id = "platform" }
}

override_resource {
  target = aws_kms_key.logs
  values = { arn = "arn:aws:kms:ap-southeast-1:123456789012:key/logs", key_id = "logs" }
}

override_resource {
  target = aws_s3_bucket.lake
  values = { id = "retail-forecast-prod-lake-123456789012", arn = "arn:aws:s3:::retail-forecast-prod-lake-123456789012" }
}

override_resource {
  target = aws_s3_bucket.logs
  values = { id = "retail-forecast-prod-logs-123456789012", arn = "arn:aws:s3:::retail-forecast-prod-logs-123456789012" }
}

override_resource {
  target = aws_sqs_queue.arrivals
  values = {
    id  = "https://sqs.ap-southeast-1.amazonaws.com/123456789012/retail-forecast-prod-arrivals"
    arn = "arn:aws:sqs:ap-southeast-1:123456789012:retail-forecast-prod-arrivals"
  }
}

override_resource {
  target = aws_sqs_queue.arrivals_dead_letter
  values = {
    id  = "https://sqs.ap-southeast-1.amazonaws.com/123456789012/retail-forecast-prod-arrivals-dead-letter"
    arn = "arn:aws:sqs:ap-southeast-1:123456789012:retail-forecast-prod-arrivals-dead-letter"
  }
}

override_resource {
  target = aws_sns_topic.alarms
  values = { arn = "arn:aws:sns:ap-southeast-1:123456789012:retail-forecast-prod-alarms" }
}

override_resource {
  target = aws_cloudwatch_event_rule.landing
  values = { arn = "arn:aws:events:ap-southeast-1:123456789012:rule/retail-forecast-prod-landing" }
}
