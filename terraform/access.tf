# Who may do what in the cluster: EKS asks IAM who someone is, and these entries what that means.
locals {
  access_policy = "arn:${local.partition}:eks::aws:cluster-access-policy"
  access = merge(
    { for arn in var.cluster_admin_arns : arn => { policy = "AmazonEKSClusterAdminPolicy", namespaces = null } },
    { for arn in var.cluster_deployer_arns : arn => { policy = "AmazonEKSAdminPolicy", namespaces = [local.namespace] } },
    { for arn in var.cluster_viewer_arns : arn => { policy = "AmazonEKSViewPolicy", namespaces = [local.namespace] } },
  )
}

resource "aws_eks_access_entry" "this" {
  for_each = local.access

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.key
}

resource "aws_eks_access_policy_association" "this" {
  for_each = local.access

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = aws_eks_access_entry.this[each.key].principal_arn
  policy_arn    = "${local.access_policy}/${each.value.policy}"

  access_scope {
    type       = each.value.namespaces == null ? "cluster" : "namespace"
    namespaces = each.value.namespaces
  }
}
