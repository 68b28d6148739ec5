# What no role of the platform can ever do, whatever policies are attached to it later.
locals {
  permissions_boundary = var.permissions_boundary_arn == null ? aws_iam_policy.boundary[0].arn : var.permissions_boundary_arn

  # Services that some role of the platform, the cluster or its add-ons calls.
  bounded_services = [
    "acm", "autoscaling", "cloudwatch", "cognito-idp", "ec2", "ecr", "eks", "eks-auth", "elasticloadbalancing", "glue", "kms",
    "logs", "pricing", "route53", "s3", "sagemaker", "sagemaker-mlflow", "shield", "sns", "sqs", "sts", "waf-regional", "wafv2", "xray",
  ]
}

resource "aws_iam_policy" "boundary" {
  count = var.permissions_boundary_arn == null ? 1 : 0

  name        = "${local.name}-boundary"
  description = "Upper bound of every role of ${local.name}: it grants nothing by itself"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # "*": a boundary only caps; actions and resources are narrowed by the policy of each role.
        Sid      = "Services"
        Effect   = "Allow"
        Action   = [for service in local.bounded_services : "${service}:*"]
        Resource = ["*"]
      },
      {
        Sid      = "PassOwnRoles"
        Effect   = "Allow"
        Action   = ["iam:GetRole", "iam:PassRole", "iam:ListAttachedRolePolicies"]
        Resource = ["arn:${local.partition}:iam::${local.account_id}:role/${local.name}-*"]
      },
      {
        # The cluster and the load balancer controller make the service-linked roles of these services, once per account.
        Sid      = "ServiceLinkedRoles"
        Effect   = "Allow"
        Action   = ["iam:CreateServiceLinkedRole"]
        Resource = ["arn:${local.partition}:iam::${local.account_id}:role/aws-service-role/*"]
        Condition = { StringEquals = { "iam:AWSServiceName" = [
          "autoscaling.amazonaws.com", "eks-nodegroup.amazonaws.com", "elasticloadbalancing.amazonaws.com",
        ] } }
      },
      {
        # "*": a role is kept from all of these, its own included.
        Sid    = "NeverDestroyWhatCannotBeMadeAgain"
        Effect = "Deny"
        Action = [
          "kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "logs:DeleteLogGroup", "s3:DeleteBucket",
          "s3:DeleteBucketPolicy", "s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock",
          "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
        ]
        Resource = ["*"]
      },
      {
        # "*": these alone are global (or asked elsewhere: prices), and other regions are none of the platform's business.
        Sid       = "OneRegion"
        Effect    = "Deny"
        NotAction = ["iam:*", "pricing:*", "route53:*", "shield:*", "sts:*"]
        Resource  = ["*"]
        Condition = { StringNotEquals = { "aws:RequestedRegion" = var.region } }
      },
    ]
  })
}
