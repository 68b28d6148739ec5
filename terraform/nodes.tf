locals {
  pool_label = "retail-forecast/pool"

  # One group per zone for what keeps a volume, so that a node can always be had where the volume lies.
  node_groups = merge(
    { for zone in local.zones : "system-${zone}" => {
      pool           = "system"
      capacity       = "ON_DEMAND"
      instance_types = var.system_nodes.instance_types
      subnets        = [aws_subnet.private[zone].id]
      min            = var.system_nodes.min
      max            = var.system_nodes.max
      taints         = []
    } },
    { workers = {
      pool           = "workers"
      capacity       = "SPOT"
      instance_types = var.worker_nodes.instance_types
      subnets        = [for subnet in aws_subnet.private : subnet.id]
      min            = var.worker_nodes.min
      max            = var.worker_nodes.max
      taints         = [{ key = local.pool_label, value = "workers", effect = "NO_SCHEDULE" }]
    } },
  )
  pools = { system = var.system_nodes.disk_gb, workers = var.worker_nodes.disk_gb }
}

resource "aws_eks_node_group" "this" {
  for_each = local.node_groups

  cluster_name           = aws_eks_cluster.this.name
  node_group_name_prefix = "${each.key}-"
  node_role_arn          = aws_iam_role.node.arn
  subnet_ids             = each.value.subnets
  ami_type               = "AL2023_x86_64_STANDARD"
  capacity_type          = each.value.capacity
  instance_types         = each.value.instance_types
  labels                 = { (local.pool_label) = each.value.pool }

  launch_template {
    id      = aws_launch_template.node[each.value.pool].id
    version = aws_launch_template.node[each.value.pool].latest_version
  }

  scaling_config {
    min_size     = each.value.min
    max_size     = each.value.max
    desired_size = max(1, each.value.min)
  }

  update_config {
    max_unavailable = 1
  }

  node_repair_config {
    enabled = true
  }

  dynamic "taint" {
    for_each = each.value.taints

    content {
      key    = taint.value.key
      value  = taint.value.value
      effect = taint.value.effect
    }
  }

  # Nodes without a network or a role never become ready.
  depends_on = [aws_eks_addon.network, aws_iam_role_policy_attachment.node]

  lifecycle {
    create_before_destroy = true
    ignore_changes        = [scaling_config[0].desired_size] # the autoscaler's
  }
}

resource "aws_launch_template" "node" {
  for_each = local.pools

  name_prefix            = "${local.name}-${each.key}-"
  update_default_version = true

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_size           = each.value
      volume_type           = "gp3"
      encrypted             = true
      kms_key_id            = aws_kms_key.platform.arn
      delete_on_termination = true
    }
  }

  # One hop: a pod cannot reach the metadata, and so not the role of its node.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  # Of an instance, its volumes and its interfaces; the provider's default tags do not reach them.
  dynamic "tag_specifications" {
    for_each = toset(["instance", "network-interface", "volume"])

    content {
      resource_type = tag_specifications.value
      tags          = merge(local.tags, { Name = "${local.name}-${each.key}" })
    }
  }
}

resource "aws_iam_role" "node" {
  name                 = "${local.name}-node"
  permissions_boundary = local.permissions_boundary
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each = toset(["AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodePolicy"])

  role       = aws_iam_role.node.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/${each.key}"
}
