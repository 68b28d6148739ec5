# Who may do what in the cluster: EKS asks IAM who someone is, and these entries what that means.
locals {
  access_policy = "arn:${local.partition}:eks::aws:cluster-access-policy"
  deployer_arns = concat(tolist(var.cluster_deployer_arns), local.delivers ? [local.delivery_arn] : [])
  access = merge(
    { for arn in var.cluster_admin_arns : arn => { policy = "AmazonEKSClusterAdminPolicy", namespaces = null } },
    # AmazonEKSAdminPolicy would leave out RayService and whatever else is a custom resource.
    { for arn in local.deployer_arns : arn => { policy = "AmazonEKSClusterAdminPolicy", namespaces = [local.namespace] } },
    { for arn in var.cluster_viewer_arns : arn => { policy = "AmazonEKSViewPolicy", namespaces = [local.namespace] } },
  )
}

resource "aws_eks_access_entry" "this" {
  for_each = local.access

  cluster_name  = aws_eks_cluster.this.name
  principal_arn = each.key
  depends_on    = [aws_iam_role.delivery]
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
