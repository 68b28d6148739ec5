# What the chart (helm/retail-forecast) has to be told of this account. Image tags are the pipeline's to say.
locals {
  registry = "${local.account_id}.dkr.ecr.${var.region}.amazonaws.com"

  on_system_nodes = { nodeSelector = { (local.pool_label) = "system" } }
  on_worker_nodes = {
    nodeSelector = { (local.pool_label) = "workers" }
    tolerations  = [{ key = local.pool_label, operator = "Equal", value = "workers", effect = "NoSchedule" }]
  }

  settings = {
    aws_region               = var.region
    log_format               = "json"
    landing_url              = "s3://${aws_s3_bucket.lake.bucket}/landing"
    lake_url                 = "s3://${aws_s3_bucket.lake.bucket}/lake"
    lake_kms_key             = aws_kms_key.data.arn
    compute_logs_url         = "s3://${aws_s3_bucket.lake.bucket}/compute-logs"
    arrivals_queue_url       = aws_sqs_queue.arrivals.url
    arrivals_dead_letter_url = aws_sqs_queue.arrivals_dead_letter.url
    trainer                  = "sagemaker"
    training_url             = "s3://${aws_s3_bucket.lake.bucket}/training"
    training_role_arn        = aws_iam_role.sagemaker.arn
    training_kms_key         = aws_kms_key.data.arn
    training_subnets         = join(",", [for zone in local.zones : aws_subnet.private[zone].id])
    training_security_groups = aws_security_group.training.id
    training_tags            = join(",", [for key, value in local.tags : "${key}=${value}"])
    registry                 = "sagemaker"
    model_package_group      = local.package_name
    metrics                  = "cloudwatch"
    notifier                 = "sns"
    notification_topic_arn   = aws_sns_topic.alarms.arn
  }

  helm_values = {
    namespace = local.namespace
    image     = { registry = local.registry }
    settings  = local.settings

    codeServer = local.on_system_nodes
    redis      = local.on_system_nodes
    ray        = { head = local.on_system_nodes, worker = local.on_worker_nodes }

    ingress = merge(
      { tags = local.tags, accessLogsBucket = local.logs_bucket },
      { for key, value in {
        certificateArn = local.hosted ? one(aws_acm_certificate_validation.this[*].certificate_arn) : one(aws_acm_certificate.this[*].arn)
        api            = { host = lookup(local.hosts, "api", null) }
      } : key => value if var.domain != null },
      # Dagster has no login of its own: without an identity provider its UI gets no name.
      { for key, value in {
        ui = { host = lookup(local.hosts, "dagster", null), viewerHost = lookup(local.hosts, "dagster-view", null) }
        oidc = {
          issuer                = try(var.oidc.issuer, null)
          authorizationEndpoint = try(var.oidc.authorization_endpoint, null)
          tokenEndpoint         = try(var.oidc.token_endpoint, null)
          userInfoEndpoint      = try(var.oidc.user_info_endpoint, null)
        }
      } : key => value if var.domain != null && var.oidc != null },
    )

    networkPolicy = {
      loadBalancerCidrs = [var.vpc_cidr]
      databaseCidrs     = [for zone in local.zones : local.database_cidrs[zone]]
    }

    dagster = {
      postgresql = {
        postgresqlHost     = aws_db_instance.dagster.address
        postgresqlUsername = aws_db_instance.dagster.username
        postgresqlDatabase = aws_db_instance.dagster.db_name
      }
      computeLogManager = { config = { s3ComputeLogManager = { bucket = aws_s3_bucket.lake.bucket, region = var.region } } }
      dagsterWebserver  = merge(local.on_system_nodes, { image = { repository = "${local.registry}/retail-forecast/orchestrator" } })
      dagsterDaemon     = merge(local.on_system_nodes, { image = { repository = "${local.registry}/retail-forecast/orchestrator" } })
      runLauncher       = { config = { k8sRunLauncher = { runK8sConfig = { podSpecConfig = local.on_system_nodes } } } }
    }
  }
}
