# The AWS Load Balancer Controller makes the ALBs of the chart's Ingress objects. Helm installs it (docs/terraform.md).
# It creates only what it tags with this cluster's name, and changes only what bears that tag.
locals {
  cluster_tag   = "elbv2.k8s.aws/cluster"
  balancers_arn = "arn:${local.partition}:elasticloadbalancing:${var.region}:${local.account_id}"
  created_here  = { StringEquals = { "aws:RequestTag/${local.cluster_tag}" = local.name } }
  owned_here    = { StringEquals = { "aws:ResourceTag/${local.cluster_tag}" = local.name } }
}

resource "aws_iam_role_policy" "load_balancers" {
  name = "manage-load-balancers"
  role = aws_iam_role.pod["load-balancers"].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # "*": none of these knows resources, or their names are not known beforehand. They only read.
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "acm:DescribeCertificate", "acm:ListCertificates",
          "ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeAvailabilityZones", "ec2:DescribeInstances",
          "ec2:DescribeInternetGateways", "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets", "ec2:DescribeTags", "ec2:DescribeVpcs", "ec2:GetSecurityGroupsForVpc",
          "elasticloadbalancing:DescribeCapacityReservation", "elasticloadbalancing:DescribeListenerAttributes",
          "elasticloadbalancing:DescribeListenerCertificates", "elasticloadbalancing:DescribeListeners",
          "elasticloadbalancing:DescribeLoadBalancerAttributes", "elasticloadbalancing:DescribeLoadBalancers",
          "elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeSSLPolicies", "elasticloadbalancing:DescribeTags",
          "elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTargetGroups",
          "elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing:DescribeTrustStores",
          "shield:GetSubscriptionState", "wafv2:GetWebACL", "wafv2:GetWebACLForResource",
        ]
        Resource = ["*"]
      },
      {
        Sid       = "ServiceLinkedRole"
        Effect    = "Allow"
        Action    = ["iam:CreateServiceLinkedRole"]
        Resource  = ["arn:${local.partition}:iam::${local.account_id}:role/aws-service-role/elasticloadbalancing.amazonaws.com/*"]
        Condition = { StringEquals = { "iam:AWSServiceName" = "elasticloadbalancing.amazonaws.com" } }
      },
      {
        # Targets are pods: their security group lets the load balancer's in. EKS made that group, so it bears no tag of ours.
        Sid       = "OpenPods"
        Effect    = "Allow"
        Action    = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"]
        Resource  = ["arn:${local.partition}:ec2:${var.region}:${local.account_id}:security-group/*"]
        Condition = { ArnEquals = { "ec2:Vpc" = aws_vpc.this.arn } }
      },
      {
        Sid       = "CreateSecurityGroups"
        Effect    = "Allow"
        Action    = ["ec2:CreateSecurityGroup"]
        Resource  = ["arn:${local.partition}:ec2:${var.region}:${local.account_id}:security-group/*"]
        Condition = local.created_here
      },
      {
        Sid      = "CreateSecurityGroupsInTheVpc"
        Effect   = "Allow"
        Action   = ["ec2:CreateSecurityGroup"]
        Resource = [aws_vpc.this.arn]
      },
      {
        Sid      = "TagSecurityGroups"
        Effect   = "Allow"
        Action   = ["ec2:CreateTags"]
        Resource = ["arn:${local.partition}:ec2:${var.region}:${local.account_id}:security-group/*"]
        Condition = { StringEquals = {
          "ec2:CreateAction"                    = "CreateSecurityGroup"
          "aws:RequestTag/${local.cluster_tag}" = local.name
        } }
      },
      {
        Sid       = "ChangeOwnSecurityGroups"
        Effect    = "Allow"
        Action    = ["ec2:CreateTags", "ec2:DeleteSecurityGroup", "ec2:DeleteTags"]
        Resource  = ["arn:${local.partition}:ec2:${var.region}:${local.account_id}:security-group/*"]
        Condition = local.owned_here
      },
      {
        Sid    = "CreateLoadBalancers"
        Effect = "Allow"
        Action = ["elasticloadbalancing:AddTags", "elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"]
        Resource = [
          "${local.balancers_arn}:loadbalancer/app/*", "${local.balancers_arn}:loadbalancer/net/*", "${local.balancers_arn}:targetgroup/*",
        ]
        Condition = local.created_here
      },
      {
        Sid    = "ChangeOwnLoadBalancers"
        Effect = "Allow"
        Action = [
          "elasticloadbalancing:AddTags", "elasticloadbalancing:CreateListener", "elasticloadbalancing:DeleteLoadBalancer",
          "elasticloadbalancing:DeleteTargetGroup", "elasticloadbalancing:DeregisterTargets",
          "elasticloadbalancing:ModifyCapacityReservation", "elasticloadbalancing:ModifyIpPools",
          "elasticloadbalancing:ModifyLoadBalancerAttributes", "elasticloadbalancing:ModifyTargetGroup",
          "elasticloadbalancing:ModifyTargetGroupAttributes", "elasticloadbalancing:RegisterTargets",
          "elasticloadbalancing:RemoveTags", "elasticloadbalancing:SetIpAddressType", "elasticloadbalancing:SetSecurityGroups",
          "elasticloadbalancing:SetSubnets", "elasticloadbalancing:SetWebAcl",
        ]
        Resource = [
          "${local.balancers_arn}:loadbalancer/app/*", "${local.balancers_arn}:loadbalancer/net/*", "${local.balancers_arn}:targetgroup/*",
        ]
        Condition = local.owned_here
      },
      {
        # Listeners and their rules live and die with a load balancer; the controller does not tag each of them.
        Sid    = "Listeners"
        Effect = "Allow"
        Action = [
          "elasticloadbalancing:AddListenerCertificates", "elasticloadbalancing:AddTags", "elasticloadbalancing:CreateRule",
          "elasticloadbalancing:DeleteListener", "elasticloadbalancing:DeleteRule", "elasticloadbalancing:ModifyListener",
          "elasticloadbalancing:ModifyListenerAttributes", "elasticloadbalancing:ModifyRule",
          "elasticloadbalancing:RemoveListenerCertificates", "elasticloadbalancing:RemoveTags",
          "elasticloadbalancing:SetRulePriorities",
        ]
        Resource = [
          "${local.balancers_arn}:listener/app/*", "${local.balancers_arn}:listener/net/*",
          "${local.balancers_arn}:listener-rule/app/*", "${local.balancers_arn}:listener-rule/net/*",
        ]
      },
      {
        # Which web ACL, the chart says: ingress.wafAclArn.
        Sid      = "Firewall"
        Effect   = "Allow"
        Action   = ["wafv2:AssociateWebACL", "wafv2:DisassociateWebACL"]
        Resource = ["arn:${local.partition}:wafv2:${var.region}:${local.account_id}:*/webacl/*", "${local.balancers_arn}:loadbalancer/app/*"]
      },
    ]
  })
}
