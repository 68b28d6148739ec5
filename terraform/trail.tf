# Who did what in the account, and who touched which object of the lake.

variable "trail_reads" {
  description = "Whether reading an object of the lake is recorded too, beside writing and deleting it; billed by the event."
  type        = bool
  default     = true
}

resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV2_AWS_10: the events of the lake would be paid for twice; what must not wait is told by notifications.tf
  #checkov:skip=CKV_AWS_252: a notification for each file of the log tells nobody anything
  name                          = local.name
  s3_bucket_name                = aws_s3_bucket.logs.id
  s3_key_prefix                 = "cloudtrail"
  kms_key_id                    = aws_kms_key.logs.arn
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true
  depends_on                    = [aws_s3_bucket_policy.logs]

  advanced_event_selector {
    name = "Management"

    field_selector {
      field  = "eventCategory"
      equals = ["Management"]
    }
  }

  advanced_event_selector {
    name = "Objects of the lake"

    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }

    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }

    field_selector {
      field       = "resources.ARN"
      starts_with = ["${aws_s3_bucket.lake.arn}/"]
    }

    dynamic "field_selector" {
      for_each = var.trail_reads ? [] : ["readOnly"]

      content {
        field  = field_selector.value
        equals = ["false"]
      }
    }
  }
}
