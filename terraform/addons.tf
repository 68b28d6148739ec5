# What runs on every node, and without which no node becomes ready.
resource "aws_eks_addon" "network" {
  for_each = toset(["eks-pod-identity-agent", "kube-proxy", "vpc-cni"])

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
  configuration_values        = each.key == "vpc-cni" ? local.vpc_cni : null

  dynamic "pod_identity_association" {
    for_each = each.key == "vpc-cni" ? ["aws-node"] : []

    content {
      role_arn        = aws_iam_role.pod["vpc-cni"].arn
      service_account = pod_identity_association.value
    }
  }
}

locals {
  # Without network policies the chart's NetworkPolicy objects would be accepted and ignored.
  vpc_cni = jsonencode({
    enableNetworkPolicy = "true"
    env                 = { ENABLE_PREFIX_DELEGATION = "true", WARM_PREFIX_TARGET = "1" }
  })

  addons = merge(
    {
      coredns        = { roles = {}, values = { replicaCount = var.zone_count } }
      metrics-server = { roles = {}, values = { replicas = 2 } }
      aws-ebs-csi-driver = {
        roles  = { ebs-csi-controller-sa = "ebs-csi" }
        values = { controller = { extraVolumeTags = local.tags }, defaultStorageClass = { enabled = true } }
      }
      amazon-cloudwatch-observability = {
        roles  = { cloudwatch-agent = "cloudwatch" }
        values = { containerLogs = { enabled = true } }
      }
    },
    local.hosted ? {
      external-dns = {
        roles = { external-dns = "external-dns" }
        # Names that were made here are taken away again; of others the owner is told by a TXT record.
        values = { domainFilters = [var.domain], policy = "sync", registry = "txt", txtOwnerId = local.name }
      }
    } : {},
  )
}

resource "aws_eks_addon" "this" {
  for_each = local.addons

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
  configuration_values        = jsonencode(each.value.values)

  dynamic "pod_identity_association" {
    for_each = each.value.roles

    content {
      service_account = pod_identity_association.key
      role_arn        = aws_iam_role.pod[pod_identity_association.value].arn
    }
  }

  depends_on = [aws_eks_node_group.this]
}
