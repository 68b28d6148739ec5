# What is promised of roles: bounded, least privilege, and one service account each.

mock_provider "aws" {
  source          = "./tests/aws"
  override_during = plan
}

variables {
  environment        = "prod"
  monthly_budget_usd = 1000
  domain             = "forecast.example.com"
  dns_zone_id        = "Z0123456789ABCDEFGHIJ"
  mlflow             = true
  delivery           = { subjects = ["repo:example/retail-forecast:environment:prod"] }
}

run "no_role_may_more_than_it_has_to" {
  command = plan

  assert {
    condition = alltrue([
      for role in concat(values(aws_iam_role.pod), aws_iam_role.mlflow, aws_iam_role.delivery, [
        aws_iam_role.cluster, aws_iam_role.node, aws_iam_role.sagemaker, aws_iam_role.flow_logs, aws_iam_role.database_monitoring,
      ]) : role.permissions_boundary == aws_iam_policy.boundary[0].arn
    ])
    error_message = "Every role is bounded."
  }

  assert {
    condition = alltrue([
      for role in aws_iam_role.pod : alltrue([
        for statement in jsondecode(role.assume_role_policy).Statement :
        statement.Principal == { Service = "pods.eks.amazonaws.com" }
        && statement.Condition.ArnEquals["aws:SourceArn"] == aws_eks_cluster.this.arn
        && can(statement.Condition.StringEquals["aws:RequestTag/kubernetes-service-account"])
        && can(statement.Condition.StringEquals["aws:RequestTag/kubernetes-namespace"])
      ])
    ])
    error_message = "A role of pods is taken by one service account of this cluster and by nobody else."
  }

  assert {
    condition = alltrue([
      for role in [aws_iam_role.cluster, aws_iam_role.sagemaker, aws_iam_role.flow_logs, aws_iam_role.database_monitoring] :
      jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
    ])
    error_message = "AWS takes a role for this account alone."
  }

  assert {
    condition = alltrue(flatten([
      for policy in concat(
        [for policy in aws_iam_role_policy.workload : policy.policy],
        aws_iam_role_policy.delivery[*].policy, aws_iam_role_policy.external_dns[*].policy, aws_iam_role_policy.mlflow[*].policy,
        aws_iam_role_policy.use_mlflow[*].policy,
        [
          aws_iam_role_policy.autoscaler.policy, aws_iam_role_policy.cluster_key.policy, aws_iam_role_policy.ebs_csi_key.policy,
          aws_iam_role_policy.flow_logs.policy, aws_iam_role_policy.load_balancers.policy, aws_iam_role_policy.sagemaker.policy,
        ],
        ) : [
        for statement in jsondecode(policy).Statement : [
          for action in flatten([statement.Action]) : !strcontains(action, "*")
        ]
      ]
    ]))
    error_message = "No policy of a role has a wildcard action."
  }

  assert {
    condition = toset(flatten([
      for policy in concat(
        [for policy in aws_iam_role_policy.workload : policy.policy],
        aws_iam_role_policy.delivery[*].policy, aws_iam_role_policy.external_dns[*].policy, aws_iam_role_policy.mlflow[*].policy,
        aws_iam_role_policy.use_mlflow[*].policy,
        [
          aws_iam_role_policy.autoscaler.policy, aws_iam_role_policy.cluster_key.policy, aws_iam_role_policy.ebs_csi_key.policy,
          aws_iam_role_policy.flow_logs.policy, aws_iam_role_policy.load_balancers.policy, aws_iam_role_policy.sagemaker.policy,
        ],
        ) : [
        for statement in jsondecode(policy).Statement : statement.Action if contains(flatten([statement.Resource]), "*")
      ]
      ])) == toset([
      # CloudWatch's metrics are no resources; the namespace narrows them.
      "cloudwatch:PutMetricData",
      # Lists, prices and tokens are not about one resource.
      "ecr:GetAuthorizationToken", "pricing:GetProducts", "route53:ListHostedZones", "sagemaker:ListModelPackages",
      # Descriptions for the load balancer controller, the autoscaler and jobs in the VPC.
      "acm:DescribeCertificate", "acm:ListCertificates",
      "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribeLaunchConfigurations",
      "autoscaling:DescribeScalingActivities", "autoscaling:DescribeTags",
      "ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeAvailabilityZones", "ec2:DescribeDhcpOptions",
      "ec2:DescribeImages", "ec2:DescribeInstances", "ec2:DescribeInstanceTypes", "ec2:DescribeInternetGateways",
      "ec2:DescribeLaunchTemplateVersions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets", "ec2:DescribeTags", "ec2:DescribeVpcs", "ec2:GetInstanceTypesFromInstanceRequirements",
      "ec2:GetSecurityGroupsForVpc",
      "elasticloadbalancing:DescribeCapacityReservation", "elasticloadbalancing:DescribeListenerAttributes",
      "elasticloadbalancing:DescribeListenerCertificates", "elasticloadbalancing:DescribeListeners",
      "elasticloadbalancing:DescribeLoadBalancerAttributes", "elasticloadbalancing:DescribeLoadBalancers",
      "elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeSSLPolicies", "elasticloadbalancing:DescribeTags",
      "elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTargetGroups",
      "elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing:DescribeTrustStores",
      "shield:GetSubscriptionState", "wafv2:GetWebACL", "wafv2:GetWebACLForResource",
    ])
    error_message = "An action on every resource is not listed here with its reason, or one is listed that no role has."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.workload["serving"].policy).Statement :
      alltrue([for action in statement.Action : contains(["kms:Decrypt", "s3:GetObject", "s3:ListBucket"], action)])
    ])
    error_message = "The endpoint only reads."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.sagemaker.policy).Statement : alltrue([
        for resource in flatten([statement.Resource]) : endswith(resource, "/lake/features/*")
      ]) if anytrue([for resource in flatten([statement.Resource]) : strcontains(resource, "/lake/")])
    ])
    error_message = "Of the lake, a training job reads features alone."
  }

  assert {
    condition = alltrue([
      for name, policy in aws_iam_role_policy.workload : alltrue([
        for statement in jsondecode(policy.policy).Statement :
        !contains(statement.Action, "s3:PutObject") || !anytrue([for resource in statement.Resource : strcontains(resource, "/landing/")])
      ])
    ])
    error_message = "What lands is the source's: no role of ours writes there."
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_iam_role_policy.workload["orchestrator"].policy).Statement : statement
      if contains(statement.Action, "iam:PassRole")
    ]).Condition.StringEquals["iam:PassedToService"] == "sagemaker.amazonaws.com"
    error_message = "The orchestrator hands the training role to SageMaker and to nobody else."
  }

  assert {
    condition = (
      jsondecode(aws_iam_role.delivery[0].assume_role_policy).Statement[0].Condition.StringEquals
      == {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = ["repo:example/retail-forecast:environment:prod"]
      }
    )
    error_message = "The pipeline's role is taken by the subjects that are listed, for this audience, and by nobody else."
  }

  assert {
    condition = length(setsubtract(
      ["kms:ScheduleKeyDeletion", "s3:DeleteBucket", "s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration"],
      one([for statement in jsondecode(aws_iam_policy.boundary[0].policy).Statement : statement.Action if statement.Sid == "NeverDestroyWhatCannotBeMadeAgain"]),
    )) == 0
    error_message = "No role can destroy data, keys or their protection, whatever is attached to it."
  }
}

run "an_organization_brings_its_own_boundary" {
  command = plan

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/organization"
  }

  assert {
    condition     = length(aws_iam_policy.boundary) == 0 && alltrue([for role in aws_iam_role.pod : role.permissions_boundary == "arn:aws:iam::123456789012:policy/organization"])
    error_message = "The organization's boundary takes the place of ours."
  }
}

run "any_branch_may_not_deliver" {
  command = plan

  variables {
    delivery = { subjects = ["repo:example/retail-forecast:*"] }
  }

  expect_failures = [var.delivery]
}
