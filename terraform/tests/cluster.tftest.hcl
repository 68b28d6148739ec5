# What is promised of the cluster: closed, encrypted, recorded, in every zone, and each pod its own role.

mock_provider "aws" {
  source          = "./tests/aws"
  override_during = plan
}

variables {
  environment        = "prod"
  monthly_budget_usd = 1000
}

run "the_cluster_is_closed_and_in_every_zone" {
  command = plan

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "The Kubernetes API is reached from the VPC alone."
  }

  assert {
    condition = (
      aws_eks_cluster.this.encryption_config[0].resources == toset(["secrets"])
      && aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == aws_kms_key.platform.arn
    )
    error_message = "Secrets of the cluster are encrypted with the platform's key."
  }

  assert {
    condition     = aws_eks_cluster.this.enabled_cluster_log_types == toset(["api", "audit", "authenticator", "controllerManager", "scheduler"])
    error_message = "The control plane logs all that it can."
  }

  assert {
    condition     = aws_cloudwatch_log_group.cluster.name == "/aws/eks/${aws_eks_cluster.this.name}/cluster" && aws_cloudwatch_log_group.cluster.kms_key_id == aws_kms_key.logs.arn
    error_message = "The control plane's logs are encrypted, under the name that EKS writes to."
  }

  assert {
    condition     = aws_eks_cluster.this.deletion_protection
    error_message = "The cluster of prod is protected against deletion."
  }

  assert {
    condition = (
      aws_eks_cluster.this.access_config[0].authentication_mode == "API"
      && !aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions
      && keys(aws_eks_access_entry.this) == ["arn:aws:iam::123456789012:role/administrator"]
    )
    error_message = "Only who is listed may enter the cluster, whoever made it."
  }

  assert {
    condition = (
      length([for name, group in aws_eks_node_group.this : name if group.capacity_type == "ON_DEMAND"]) == 3
      && alltrue([for group in aws_eks_node_group.this : group.scaling_config[0].min_size >= 1])
    )
    error_message = "Each zone has an on-demand node for the orchestrator, the Ray head and their volumes."
  }

  assert {
    condition = (
      aws_eks_node_group.this["workers"].capacity_type == "SPOT"
      && length(aws_eks_node_group.this["workers"].instance_types) >= 4
      && one(aws_eks_node_group.this["workers"].taint).effect == "NO_SCHEDULE"
      && aws_eks_node_group.this["workers"].scaling_config[0].max_size > aws_eks_node_group.this["workers"].scaling_config[0].min_size
    )
    error_message = "Workers are spot nodes of several types, taken by nothing that does not ask for them, and scale."
  }

  assert {
    condition = alltrue([
      for template in aws_launch_template.node :
      template.metadata_options[0].http_tokens == "required" && template.metadata_options[0].http_put_response_hop_limit == 1
    ])
    error_message = "No pod reaches the role of its node."
  }

  assert {
    condition = alltrue([
      for template in aws_launch_template.node :
      template.block_device_mappings[0].ebs[0].encrypted == "true" && template.block_device_mappings[0].ebs[0].kms_key_id == aws_kms_key.platform.arn
    ])
    error_message = "Disks of nodes are encrypted with the platform's key."
  }

  assert {
    condition     = aws_ebs_encryption_by_default.this.enabled && aws_ebs_default_kms_key.this.key_arn == aws_kms_key.platform.arn
    error_message = "Volumes that pods claim are encrypted with the platform's key."
  }

  assert {
    condition = toset(concat(keys(aws_eks_addon.network), keys(aws_eks_addon.this))) == toset([
      "amazon-cloudwatch-observability", "aws-ebs-csi-driver", "coredns", "eks-pod-identity-agent", "kube-proxy", "metrics-server", "vpc-cni",
    ])
    error_message = "An add-on is missing, or one is not listed here."
  }

  assert {
    condition     = jsondecode(aws_eks_addon.network["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "NetworkPolicy objects are enforced."
  }

  assert {
    condition     = keys(aws_eks_pod_identity_association.this) == ["cluster-autoscaler", "load-balancers", "metrics", "orchestrator", "serving", "training"]
    error_message = "Each service account of ours is bound to its role."
  }

  assert {
    condition = alltrue([
      for name in ["metrics", "orchestrator", "serving", "training"] :
      aws_eks_pod_identity_association.this[name].namespace == "retail-forecast"
      && aws_eks_pod_identity_association.this[name].service_account == "retail-forecast-${name}"
    ])
    error_message = "Service accounts of the chart are retail-forecast-NAME in the namespace retail-forecast."
  }

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_scanning_configuration[0].scan_on_push])
    error_message = "Images are scanned when they are pushed."
  }

  assert {
    condition     = alltrue([for repository in aws_ecr_repository.this : repository.image_tag_mutability == "IMMUTABLE" && !repository.force_delete])
    error_message = "A tag stays what it was, and repositories with images in them are not deleted in prod."
  }

  assert {
    condition     = alltrue([for policy in aws_ecr_lifecycle_policy.this : alltrue([for rule in jsondecode(policy.policy).rules : rule.selection.tagStatus == "untagged" || rule.selection.countType == "imageCountMoreThan"])])
    error_message = "Images with a tag go by count, never by age: the one in use may be old."
  }
}

run "the_cluster_opens_to_listed_addresses_alone" {
  command = plan

  variables {
    cluster_public_access_cidrs = ["203.0.113.0/24"]
    cluster_deployer_arns       = ["arn:aws:iam::123456789012:role/delivery"]
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["203.0.113.0/24"])
    error_message = "The Kubernetes API answers the addresses that are listed."
  }

  assert {
    condition = (
      aws_eks_access_policy_association.this["arn:aws:iam::123456789012:role/delivery"].access_scope[0].type == "namespace"
      && aws_eks_access_policy_association.this["arn:aws:iam::123456789012:role/delivery"].access_scope[0].namespaces == toset(["retail-forecast"])
    )
    error_message = "The delivery pipeline rules the namespace retail-forecast alone."
  }
}

run "the_whole_internet_is_refused" {
  command = plan

  variables {
    cluster_public_access_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.cluster_public_access_cidrs]
}
