# Where CloudTrail, S3's access log, the load balancers and Athena write. S3 and the load balancers deliver to no bucket
# whose default is a KMS key, so the default is SSE-S3; CloudTrail and Athena name their key with each file.

variable "logs_bucket_days" {
  description = "Days that the files of CloudTrail, S3's access log and the load balancers stay."
  type        = number
  default     = 400

  validation {
    condition     = var.logs_bucket_days >= 90
    error_message = "logs_bucket_days: expected at least 90, so that an incident can be followed back."
  }
}

locals {
  logs_bucket  = "${local.name}-logs-${local.account_id}"
  logs_objects = "arn:${local.partition}:s3:::${local.logs_bucket}"
}

resource "aws_s3_bucket" "logs" {
  #checkov:skip=CKV_AWS_144: logs are kept for incidents, and a second region adds nothing to them
  #checkov:skip=CKV_AWS_145: neither S3's access log nor load balancers can write to a bucket with a KMS key
  #checkov:skip=CKV2_AWS_62: nothing has to follow the arrival of a log file
  bucket        = local.logs_bucket
  force_destroy = var.allow_destroy_data
}

resource "aws_s3_bucket_versioning" "logs" {
  bucket = aws_s3_bucket.logs.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    blocked_encryption_types = ["SSE-C"]

    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "logs" {
  bucket                  = aws_s3_bucket.logs.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "logs" {
  bucket     = aws_s3_bucket.logs.id
  depends_on = [aws_s3_bucket_public_access_block.logs]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.tls_only["logs"], [
      {
        Sid       = "TheTrailLooks"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:GetBucketAcl"
        Resource  = local.logs_objects
        Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
      },
      {
        Sid       = "TheTrailWrites"
        Effect    = "Allow"
        Principal = { Service = "cloudtrail.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.logs_objects}/cloudtrail/AWSLogs/${local.account_id}/*"
        Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
      },
      {
        Sid       = "AccessToTheLakeIsLogged"
        Effect    = "Allow"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.logs_objects}/s3-access/*"
        Condition = {
          ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:s3:::${local.lake_bucket}" }
          StringEquals = { "aws:SourceAccount" = local.account_id }
        }
      },
      {
        Sid       = "LoadBalancersLog"
        Effect    = "Allow"
        Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${local.logs_objects}/alb/AWSLogs/${local.account_id}/*"
        Condition = {
          ArnLike = {
            "aws:SourceArn" = "arn:${local.partition}:elasticloadbalancing:${var.region}:${local.account_id}:loadbalancer/*"
          }
        }
      },
    ])
  })
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  bucket     = aws_s3_bucket.logs.id
  depends_on = [aws_s3_bucket_versioning.logs]

  dynamic "rule" {
    for_each = {
      "alb/"            = var.logs_bucket_days
      "athena-results/" = 7
      "cloudtrail/"     = var.logs_bucket_days
      "s3-access/"      = var.logs_bucket_days
    }

    content {
      id     = "old-${trimsuffix(rule.key, "/")}"
      status = "Enabled"

      filter {
        prefix = rule.key
      }

      expiration {
        days = rule.value
      }

      noncurrent_version_expiration {
        noncurrent_days = 7
      }
    }
  }

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}
