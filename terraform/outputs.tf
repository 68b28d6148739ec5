output "helm_values" {
  description = "Values of the chart that only AWS knows: terraform output -raw helm_values > values-generated.yaml"
  value       = yamlencode(local.helm_values)
}

output "load_balancer_controller_values" {
  description = "Values of the chart aws-load-balancer-controller."
  value = yamlencode({
    clusterName    = aws_eks_cluster.this.name
    region         = var.region
    vpcId          = aws_vpc.this.id
    replicaCount   = 2
    serviceAccount = { create = true, name = local.pod_roles["load-balancers"].service_account }
    defaultTags    = local.tags
    enableShield   = false
    enableWaf      = false
  })
}

output "cluster_autoscaler_values" {
  description = "Values of the chart cluster-autoscaler."
  value = yamlencode({
    autoDiscovery = { clusterName = aws_eks_cluster.this.name }
    awsRegion     = var.region
    rbac          = { serviceAccount = { create = true, name = local.pod_roles["cluster-autoscaler"].service_account } }
    nodeSelector  = { (local.pool_label) = "system" }
    extraArgs = {
      balance-similar-node-groups   = true
      balancing-ignore-label        = "topology.kubernetes.io/zone"
      expander                      = "least-waste"
      skip-nodes-with-local-storage = false
    }
  })
}

output "cluster_name" {
  description = "Name of the cluster: aws eks update-kubeconfig --name NAME --region REGION"
  value       = aws_eks_cluster.this.name
}

output "region" {
  description = "Region of everything."
  value       = var.region
}

output "image_registry" {
  description = "Where images are pushed: REGISTRY/retail-forecast/orchestrator, serving and training."
  value       = local.registry
}

output "lake_bucket" {
  description = "Bucket of landing, lake and training: files go to s3://BUCKET/landing/<table>/."
  value       = aws_s3_bucket.lake.bucket
}

output "database_secret_arn" {
  description = "Secret of the database's user, kept by RDS; the chart reads it as the Kubernetes Secret retail-forecast-database."
  value       = aws_db_instance.dagster.master_user_secret[0].secret_arn
}

output "training_role_arn" {
  description = "Role that training jobs run under."
  value       = aws_iam_role.sagemaker.arn
}

output "delivery_role_arn" {
  description = "AWS_ROLE_ARN of the pipeline, where delivery names one."
  value       = one(aws_iam_role.delivery[*].arn)
}

output "mlflow_tracking_uri" {
  description = "RETAIL_FORECAST_MLFLOW_URI of the managed MLflow server, where there is one."
  value       = one(aws_sagemaker_mlflow_tracking_server.this[*].arn)
}

output "certificate_validation_records" {
  description = "DNS records to enter where the domain's zone is not in Route 53: ACM issues the certificate once they are there."
  value = local.hosted || var.domain == null ? [] : [
    for option in aws_acm_certificate.this[0].domain_validation_options :
    { name = option.resource_record_name, type = option.resource_record_type, value = option.resource_record_value }
  ]
}
