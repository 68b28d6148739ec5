# RETAIL_FORECAST_MLFLOW_URI may name this server; the registry of models stays SageMaker's.
resource "aws_sagemaker_mlflow_tracking_server" "this" {
  count = var.mlflow ? 1 : 0

  tracking_server_name         = local.name
  tracking_server_size         = "Small"
  artifact_store_uri           = "s3://${aws_s3_bucket.lake.bucket}/training/mlflow"
  role_arn                     = aws_iam_role.mlflow[0].arn
  automatic_model_registration = false
}

resource "aws_iam_role" "mlflow" {
  count = var.mlflow ? 1 : 0

  name                 = "${local.name}-mlflow"
  permissions_boundary = local.permissions_boundary
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "sagemaker.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "mlflow" {
  count = var.mlflow ? 1 : 0

  name = "keep-artifacts"
  role = aws_iam_role.mlflow[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      local.list_bucket,
      local.use_data_key,
      {
        Sid      = "Artifacts"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = ["${local.lake}/training/mlflow/*"]
      },
    ]
  })
}

resource "aws_iam_role_policy" "use_mlflow" {
  count = var.mlflow ? 1 : 0

  name = "track-trials"
  role = aws_iam_role.pod["orchestrator"].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = [
        "sagemaker-mlflow:CreateExperiment", "sagemaker-mlflow:CreateRun", "sagemaker-mlflow:GetExperiment",
        "sagemaker-mlflow:GetExperimentByName", "sagemaker-mlflow:GetRun", "sagemaker-mlflow:LogBatch",
        "sagemaker-mlflow:LogInputs", "sagemaker-mlflow:LogMetric", "sagemaker-mlflow:LogParam", "sagemaker-mlflow:SearchExperiments",
        "sagemaker-mlflow:SearchRuns", "sagemaker-mlflow:SetExperimentTag", "sagemaker-mlflow:SetTag", "sagemaker-mlflow:UpdateRun",
      ]
      Resource = [aws_sagemaker_mlflow_tracking_server.this[0].arn]
    }]
  })
}
