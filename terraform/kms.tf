# Three keys, so that who may read the data, the platform's disks and the logs are three separate questions.
# Whoever else uses a key does so by a role of this account: the first statement leaves that to IAM.

variable "kms_deletion_days" {
  description = "Days between asking for a key's deletion and losing it, with everything that it encrypts."
  type        = number
  default     = 30

  validation {
    condition     = var.kms_deletion_days >= 7 && var.kms_deletion_days <= 30
    error_message = "kms_deletion_days: AWS takes 7 to 30 days."
  }
}

locals {
  key_of_the_account = {
    Sid       = "TheAccountDecidesByIam"
    Effect    = "Allow"
    Principal = { AWS = "arn:${local.partition}:iam::${local.account_id}:root" }
    Action    = "kms:*"
    Resource  = "*"
  }

  # The keys' policies name these by text: the resources themselves need the keys first.
  queue_arns = [for name in ["arrivals", "arrivals-dead-letter"] :
  "arn:${local.partition}:sqs:${var.region}:${local.account_id}:${local.name}-${name}"]
  topic_arn = "arn:${local.partition}:sns:${var.region}:${local.account_id}:${local.name}-alarms"
  trail_arn = "arn:${local.partition}:cloudtrail:${var.region}:${local.account_id}:trail/${local.name}"

  for_this_account = { StringEquals = { "aws:SourceAccount" = local.account_id } }
}

resource "aws_kms_key" "data" {
  description             = "${local.name}: lake, arrivals, training volumes"
  enable_key_rotation     = true
  deletion_window_in_days = var.kms_deletion_days

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [local.key_of_the_account, {
      # EventBridge sends no aws:SourceArn or aws:SourceAccount to KMS; the queue is in the encryption context.
      Sid       = "EventsReachTheQueues"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = "*"
      Condition = { StringEquals = { "kms:EncryptionContext:aws:sqs:arn" = local.queue_arns } }
    }]
  })
}

resource "aws_kms_key" "platform" {
  description             = "${local.name}: secrets of EKS, disks of nodes, the database"
  enable_key_rotation     = true
  deletion_window_in_days = var.kms_deletion_days

  # EKS and RDS make grants on behalf of the role that creates them; only Auto Scaling comes by itself, for the disks.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [local.key_of_the_account, {
      Sid       = "AutoScalingUsesDisks"
      Effect    = "Allow"
      Principal = { AWS = "*" }
      Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      Resource  = "*"
      Condition = { ArnEquals = { "aws:PrincipalArn" = local.auto_scaling_role_arn } }
      }, {
      Sid       = "AutoScalingPassesDisksOn"
      Effect    = "Allow"
      Principal = { AWS = "*" }
      Action    = "kms:CreateGrant"
      Resource  = "*"
      Condition = {
        ArnEquals = { "aws:PrincipalArn" = local.auto_scaling_role_arn }
        Bool      = { "kms:GrantIsForAWSResource" = "true" }
      }
    }]
  })
}

locals {
  auto_scaling_role_arn = join("", [
    "arn:${local.partition}:iam::${local.account_id}:role/aws-service-role/",
    "autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
  ])
}

resource "aws_kms_key" "logs" {
  description             = "${local.name}: CloudWatch Logs, CloudTrail, notifications"
  enable_key_rotation     = true
  deletion_window_in_days = var.kms_deletion_days

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [local.key_of_the_account, {
      Sid       = "LogGroupsAreEncrypted"
      Effect    = "Allow"
      Principal = { Service = "logs.${var.region}.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      Resource  = "*"
      Condition = {
        ArnLike = {
          "kms:EncryptionContext:aws:logs:arn" = "arn:${local.partition}:logs:${var.region}:${local.account_id}:log-group:*"
        }
      }
      }, {
      Sid       = "TheTrailIsEncrypted"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "kms:GenerateDataKey*"
      Resource  = "*"
      Condition = {
        StringEquals = { "aws:SourceArn" = local.trail_arn }
        StringLike = {
          "kms:EncryptionContext:aws:cloudtrail:arn" = "arn:${local.partition}:cloudtrail:*:${local.account_id}:trail/*"
        }
      }
      }, {
      Sid       = "TheTrailKnowsItsKey"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "kms:DescribeKey"
      Resource  = "*"
      Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
      }, {
      Sid       = "AlarmsAndBudgetsReachTheTopic"
      Effect    = "Allow"
      Principal = { Service = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com", "costalerts.amazonaws.com"] }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
      Resource  = "*"
      Condition = local.for_this_account
      }, {
      # As above: what EventBridge sends is known by its encryption context alone.
      Sid       = "EventsReachTheTopic"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = "*"
      Condition = { StringEquals = { "kms:EncryptionContext:aws:sns:topicArn" = local.topic_arn } }
    }]
  })
}

locals {
  keys = { data = aws_kms_key.data, platform = aws_kms_key.platform, logs = aws_kms_key.logs }
}

resource "aws_kms_alias" "this" {
  for_each = local.keys

  name          = "alias/${local.name}-${each.key}"
  target_key_id = each.value.key_id
}
