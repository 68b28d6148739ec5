# What the platform's own roles may do: the actions of docs/permissions.md, each on its own resources. A test holds the
# two together, in both directions.
locals {
  lake         = aws_s3_bucket.lake.arn
  training_log = "arn:${local.partition}:logs:${var.region}:${local.account_id}:log-group:/aws/sagemaker/TrainingJobs"
  jobs         = "arn:${local.partition}:sagemaker:${var.region}:${local.account_id}:training-job/retail-forecast-*"
  package_name = aws_sagemaker_model_package_group.this.model_package_group_name
  packages     = "arn:${local.partition}:sagemaker:${var.region}:${local.account_id}:model-package/${local.package_name}/*"

  # Keys of tables, vintages and models; of what lands; of jobs; of what runs print.
  objects = { for folder in ["compute-logs", "lake", "landing", "training"] : folder => "${local.lake}/${folder}/*" }

  publish_metrics = {
    # "*": CloudWatch's metrics are no resources; the namespace narrows it.
    Sid       = "Metrics"
    Effect    = "Allow"
    Action    = ["cloudwatch:PutMetricData"]
    Resource  = ["*"]
    Condition = { StringEquals = { "cloudwatch:namespace" = "RetailForecast" } }
  }
  use_data_key = {
    Sid      = "DataKey"
    Effect   = "Allow"
    Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
    Resource = [aws_kms_key.data.arn]
  }
  list_bucket = { Sid = "List", Effect = "Allow", Action = ["s3:ListBucket"], Resource = [local.lake] }

  workload_statements = {
    orchestrator = [
      local.list_bucket,
      local.publish_metrics,
      local.use_data_key,
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = [for folder in ["compute-logs", "lake", "landing", "training"] : local.objects[folder]]
      },
      {
        Sid      = "Write"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:PutObject"]
        Resource = [for folder in ["compute-logs", "lake", "training"] : local.objects[folder]]
      },
      {
        Sid      = "Arrivals"
        Effect   = "Allow"
        Action   = ["sqs:DeleteMessage", "sqs:ReceiveMessage"]
        Resource = [aws_sqs_queue.arrivals.arn]
      },
      {
        Sid      = "QueueDepths"
        Effect   = "Allow"
        Action   = ["sqs:GetQueueAttributes"]
        Resource = [aws_sqs_queue.arrivals.arn, aws_sqs_queue.arrivals_dead_letter.arn]
      },
      {
        Sid      = "UnusableArrivals"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [aws_sqs_queue.arrivals_dead_letter.arn]
      },
      {
        Sid      = "Train"
        Effect   = "Allow"
        Action   = ["sagemaker:AddTags", "sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob"]
        Resource = [local.jobs]
      },
      {
        Sid       = "TrainAs"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [aws_iam_role.sagemaker.arn]
        Condition = { StringEquals = { "iam:PassedToService" = "sagemaker.amazonaws.com" } }
      },
      {
        # SageMaker encrypts the volumes of a job under a grant of whoever starts it.
        Sid       = "TrainingVolumes"
        Effect    = "Allow"
        Action    = ["kms:CreateGrant"]
        Resource  = [aws_kms_key.data.arn]
        Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
      },
      {
        Sid      = "TrainingLogs"
        Effect   = "Allow"
        Action   = ["logs:DescribeLogStreams", "logs:GetLogEvents"]
        Resource = ["${local.training_log}:*"]
      },
      {
        Sid    = "Registry"
        Effect = "Allow"
        Action = [
          "sagemaker:CreateModelPackage", "sagemaker:CreateModelPackageGroup", "sagemaker:DeleteModelPackage",
          "sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup", "sagemaker:UpdateModelPackage",
        ]
        Resource = [aws_sagemaker_model_package_group.this.arn, local.packages]
      },
      {
        # "*": to list packages is not a question about one of them.
        Sid      = "ListPackages"
        Effect   = "Allow"
        Action   = ["sagemaker:ListModelPackages"]
        Resource = ["*"]
      },
      {
        # "*": prices are no resources.
        Sid      = "Prices"
        Effect   = "Allow"
        Action   = ["pricing:GetProducts"]
        Resource = ["*"]
      },
      {
        Sid      = "Notify"
        Effect   = "Allow"
        Action   = ["sns:Publish"]
        Resource = [aws_sns_topic.alarms.arn]
      },
      {
        Sid      = "NotifyKey"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [aws_kms_key.logs.arn]
      },
    ]

    # Ray workers that share the shards of features, training and backtest (RETAIL_FORECAST_RAY_ADDRESS).
    training = [
      local.list_bucket,
      local.use_data_key,
      {
        Sid      = "ReadAndWrite"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = [local.objects["lake"], local.objects["training"]]
      },
    ]

    # The endpoint reads what was published and writes nothing.
    serving = [
      local.list_bucket,
      { Sid = "DataKey", Effect = "Allow", Action = ["kms:Decrypt"], Resource = [aws_kms_key.data.arn] },
      { Sid = "Read", Effect = "Allow", Action = ["s3:GetObject"], Resource = [local.objects["lake"]] },
    ]

    metrics = [local.publish_metrics]
  }
}

resource "aws_iam_role_policy" "workload" {
  for_each = local.workload_statements

  name   = each.key
  role   = aws_iam_role.pod[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value })
}
