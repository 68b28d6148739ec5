# The bucket of landing, lake, registry and training. No rule here ever expires an object that is in force: the
# platform's own retention (prune_lake) knows what nothing refers to any more, and S3 does not.

variable "noncurrent_days" {
  description = "Days that replaced and deleted versions stay, by prefix. Lineage names the versions of landing/."
  type        = map(number)
  default     = { "landing/" = 400, "lake/" = 30, "training/" = 7, "compute-logs/" = 7 }

  validation {
    condition     = alltrue([for days in values(var.noncurrent_days) : days >= 1 && floor(days) == days])
    error_message = "noncurrent_days: expected whole days, at least 1, for each prefix."
  }

  validation {
    condition     = alltrue([for prefix in keys(var.noncurrent_days) : can(regex("^[a-z0-9-]+/$", prefix))])
    error_message = "noncurrent_days: expected top-level prefixes with a slash at their end, such as landing/, since rules must not overlap."
  }
}

variable "allow_destroy_data" {
  description = "Whether terraform destroy may delete buckets with everything in them. For throw-away environments alone."
  type        = bool
  default     = false
}

locals {
  lake_bucket = "${local.name}-lake-${local.account_id}"
}

resource "aws_s3_bucket" "lake" {
  #checkov:skip=CKV_AWS_144: a second region is a retailer's own decision; versions and the sources' copies protect against mistakes
  bucket        = local.lake_bucket
  force_destroy = var.allow_destroy_data
}

resource "aws_s3_bucket_versioning" "lake" {
  bucket = aws_s3_bucket.lake.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "lake" {
  bucket = aws_s3_bucket.lake.id

  rule {
    bucket_key_enabled       = true
    blocked_encryption_types = ["SSE-C"]

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.data.arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "lake" {
  bucket                  = aws_s3_bucket.lake.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "lake" {
  bucket = aws_s3_bucket.lake.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "lake" {
  bucket     = aws_s3_bucket.lake.id
  depends_on = [aws_s3_bucket_public_access_block.lake]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.tls_only["lake"], [
      for sid, condition in local.not_our_key : {
        Sid       = sid
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = "arn:${local.partition}:s3:::${local.lake_bucket}/*"
        Condition = condition
      }
    ])
  })
}

locals {
  tls_only = {
    for bucket, name in { lake = local.lake_bucket, logs = local.logs_bucket } : bucket => [
      for sid, condition in {
        TlsOnly   = { Bool = { "aws:SecureTransport" = "false" } }
        RecentTls = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
        } : {
        Sid       = sid
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = ["arn:${local.partition}:s3:::${name}", "arn:${local.partition}:s3:::${name}/*"]
        Condition = condition
      }
    ]
  }

  # A request that names no encryption takes the bucket's; one that names another is refused. "Null" comes first because
  # a negated condition also holds for a header that is absent.
  not_our_key = {
    KmsOnly = {
      Null            = { "s3:x-amz-server-side-encryption" = "false" }
      StringNotEquals = { "s3:x-amz-server-side-encryption" = "aws:kms" }
    }
    OurKeyOnly = {
      Null            = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = "false" }
      StringNotEquals = { "s3:x-amz-server-side-encryption-aws-kms-key-id" = aws_kms_key.data.arn }
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "lake" {
  bucket     = aws_s3_bucket.lake.id
  depends_on = [aws_s3_bucket_versioning.lake]

  # Without the archive tiers: an object in one of them cannot be read, and would count as a bad file.
  rule {
    id     = "intelligent-tiering"
    status = "Enabled"
    filter {}

    transition {
      days          = 0
      storage_class = "INTELLIGENT_TIERING"
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

  dynamic "rule" {
    for_each = var.noncurrent_days

    content {
      id     = "old-versions-of-${trimsuffix(rule.key, "/")}"
      status = "Enabled"

      filter {
        prefix = rule.key
      }

      noncurrent_version_expiration {
        noncurrent_days = rule.value
      }
    }
  }
}

resource "aws_s3_bucket_logging" "lake" {
  bucket        = aws_s3_bucket.lake.id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "s3-access/lake/"

  target_object_key_format {
    partitioned_prefix {
      partition_date_source = "EventTime"
    }
  }
}
