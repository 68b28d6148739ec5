# The pipeline's role (docs/pipelines.md), taken with an identity token of its system: no key is stored anywhere.
variable "delivery" {
  description = "The pipeline's identity: issuer of its tokens, their audience, and which subjects may take the role, such as repo:OWNER/NAME:environment:prod."
  type = object({
    issuer   = optional(string, "https://token.actions.githubusercontent.com")
    audience = optional(string, "sts.amazonaws.com")
    subjects = set(string)
  })
  default = null

  validation {
    condition     = var.delivery == null || startswith(try(var.delivery.issuer, ""), "https://")
    error_message = "delivery.issuer is a URL that begins with https://."
  }

  validation {
    condition     = var.delivery == null || try(length(var.delivery.subjects) > 0 && alltrue([for subject in var.delivery.subjects : !strcontains(subject, "*")]), false)
    error_message = "delivery.subjects names each subject in full, without *: a wildcard lets any branch, or any repository, deploy."
  }
}

locals {
  delivers     = var.delivery != null
  issuer_name  = trimprefix(try(var.delivery.issuer, ""), "https://")
  delivery_arn = "arn:${local.partition}:iam::${local.account_id}:role/${local.name}-delivery"
  state_bucket = "arn:${local.partition}:s3:::retail-forecast-state-${local.account_id}-${var.region}"
}

resource "aws_iam_openid_connect_provider" "delivery" {
  count = local.delivers ? 1 : 0

  url            = var.delivery.issuer
  client_id_list = [var.delivery.audience]
}

resource "aws_iam_role" "delivery" {
  count = local.delivers ? 1 : 0

  name                 = "${local.name}-delivery"
  permissions_boundary = local.permissions_boundary
  max_session_duration = 21600 # a training may be part of a delivery
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = aws_iam_openid_connect_provider.delivery[0].arn }
      Condition = { StringEquals = {
        "${local.issuer_name}:aud" = var.delivery.audience
        "${local.issuer_name}:sub" = var.delivery.subjects
      } }
    }]
  })
}

resource "aws_iam_role_policy" "delivery" {
  count = local.delivers ? 1 : 0

  name = "push-and-deploy"
  role = aws_iam_role.delivery[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # "*": a token of ECR is not for one repository.
        Sid      = "Login"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = ["*"]
      },
      {
        Sid    = "Push"
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
          "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
        ]
        Resource = [for repository in aws_ecr_repository.this : repository.arn]
      },
      {
        Sid      = "Cluster"
        Effect   = "Allow"
        Action   = ["eks:DescribeCluster"]
        Resource = [aws_eks_cluster.this.arn]
      },
      {
        # The outputs of this configuration, which are in its state.
        Sid      = "ReadState"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${local.state_bucket}/${var.environment}/*"]
      },
      { Sid = "ListState", Effect = "Allow", Action = ["s3:ListBucket"], Resource = [local.state_bucket] },
      {
        Sid       = "StateKey"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = ["arn:${local.partition}:kms:${var.region}:${local.account_id}:key/*"]
        Condition = { "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = "alias/retail-forecast-state" } }
      },
    ]
  })
}
