# Every role that a pod can take, and the one service account that may take it.
locals {
  pod_roles = merge(
    { for name in ["metrics", "orchestrator", "serving", "training"] :
    name => { namespace = local.namespace, service_account = "retail-forecast-${name}" } },
    {
      cloudwatch         = { namespace = "amazon-cloudwatch", service_account = "cloudwatch-agent" }
      cluster-autoscaler = { namespace = "kube-system", service_account = "cluster-autoscaler" }
      ebs-csi            = { namespace = "kube-system", service_account = "ebs-csi-controller-sa" }
      load-balancers     = { namespace = "kube-system", service_account = "aws-load-balancer-controller" }
      vpc-cni            = { namespace = "kube-system", service_account = "aws-node" }
    },
    local.hosted ? { external-dns = { namespace = "external-dns", service_account = "external-dns" } } : {},
  )

  # The others are bound by their add-ons.
  bound_here = [for name in keys(local.pod_roles) : name if !contains(["cloudwatch", "ebs-csi", "external-dns", "vpc-cni"], name)]

  managed_policies = {
    cloudwatch = "CloudWatchAgentServerPolicy"
    ebs-csi    = "service-role/AmazonEBSCSIDriverPolicy"
    vpc-cni    = "AmazonEKS_CNI_Policy"
  }
}

resource "aws_iam_role" "pod" {
  for_each = local.pod_roles

  name                 = "${local.name}-${each.key}"
  description          = "Service account ${each.value.service_account} in ${each.value.namespace}"
  permissions_boundary = local.permissions_boundary
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Principal = { Service = "pods.eks.amazonaws.com" }
      Condition = {
        ArnEquals = { "aws:SourceArn" = aws_eks_cluster.this.arn }
        StringEquals = {
          "aws:SourceAccount"                         = local.account_id
          "aws:RequestTag/kubernetes-namespace"       = each.value.namespace
          "aws:RequestTag/kubernetes-service-account" = each.value.service_account
        }
      }
    }]
  })
}

resource "aws_eks_pod_identity_association" "this" {
  for_each = toset(local.bound_here)

  cluster_name    = aws_eks_cluster.this.name
  namespace       = local.pod_roles[each.key].namespace
  service_account = local.pod_roles[each.key].service_account
  role_arn        = aws_iam_role.pod[each.key].arn
}

resource "aws_iam_role_policy_attachment" "pod" {
  for_each = local.managed_policies

  role       = aws_iam_role.pod[each.key].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/${each.value}"
}

# Volumes of the cluster are encrypted with the platform's key, under grants that the driver makes.
resource "aws_iam_role_policy" "ebs_csi_key" {
  name = "encrypt-volumes"
  role = aws_iam_role.pod["ebs-csi"].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
        Resource = [aws_kms_key.platform.arn]
      },
      {
        Effect    = "Allow"
        Action    = ["kms:CreateGrant"]
        Resource  = [aws_kms_key.platform.arn]
        Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
      },
    ]
  })
}
